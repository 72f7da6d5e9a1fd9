//! `doorward man`: the manual pages of a package, one a command.

use std::path::Path;

use clap::CommandFactory;

use super::{Cli, Failure};

pub(super) fn man(dir: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Cli::command(), dir).map_err(Failure::io)
}
