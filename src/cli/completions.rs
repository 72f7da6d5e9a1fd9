//! `doorward completions`: for the operator's shell.

use clap::CommandFactory;

use super::{Cli, Failure};

pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut command = Cli::command();
    clap_complete::generate(shell, &mut command, "doorward", &mut std::io::stdout());
    Ok(())
}
