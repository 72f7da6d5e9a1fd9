//! `doorward hash-password`: what belongs in `password_hash`.

use std::io::{BufRead, IsTerminal, Write};

use super::{Failure, say};
use crate::adapters::users::hashing;
use crate::domain::secret::Secret;

/// Below this a password is weak whatever it is (NIST SP 800-63B §5.1.1.2, ASVS 6.2.1).
const SHORT: usize = 8;

pub(super) fn hash_password() -> Result<(), Failure> {
    let password = if std::io::stdin().is_terminal() {
        from_prompt()?
    } else {
        from_line(&mut std::io::stdin().lock())?
    };
    say(&hashing::make(&password).map_err(|e| Failure::new(Failure::USAGE, e))?)
}

fn from_prompt() -> Result<Secret, Failure> {
    let first = zeroize::Zeroizing::new(rpassword::prompt_password("Password: ")?);
    let again = zeroize::Zeroizing::new(rpassword::prompt_password("Again: ")?);
    if *first != *again {
        return Err(Failure::new(
            Failure::USAGE,
            anyhow::anyhow!("the two passwords differ"),
        ));
    }
    worth_hashing(first.as_bytes())
}

/// One line; its line end is not part of the password.
fn from_line(input: &mut impl BufRead) -> Result<Secret, Failure> {
    let mut line = zeroize::Zeroizing::new(String::new());
    input.read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    worth_hashing(line.strip_suffix('\r').unwrap_or(line).as_bytes())
}

fn worth_hashing(password: &[u8]) -> Result<Secret, Failure> {
    if password.is_empty() {
        let empty = anyhow::anyhow!(
            "the password is empty: type it at a terminal (docker run -it), or send it as a line (-i)"
        );
        return Err(Failure::new(Failure::USAGE, empty));
    }
    if String::from_utf8_lossy(password).chars().count() < SHORT {
        // Said, not refused: whoever hashes may have reasons.
        let _nobody_reads = writeln!(
            std::io::stderr(),
            "doorward: a password of fewer than {SHORT} characters is quickly guessed"
        );
    }
    Ok(Secret::new(password))
}
