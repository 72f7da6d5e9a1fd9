//! SHA-256-crypt and SHA-512-crypt of crypt(3): `$6$rounds=50000$salt$output`, the rounds
//! left out where they are 5000.
//!
//! Source: <https://www.akkadia.org/drepper/SHA-crypt.txt>

use sha_crypt::{Algorithm, PasswordVerifier, ShaCrypt};

use super::{damaged, number};
use crate::domain::fault::Fault;

/// The rounds that are meant where none are written.
const USUAL: u32 = 5_000;
/// The fewest; crypt(3) never writes fewer.
const FEWEST: u32 = 1_000;
/// The most rounds of a login; a guess at some seconds.
const MOST: u32 = 5_000_000;
/// Each round reads the whole password. The system's crypt(3) takes 512 bytes at most, and
/// without a bound one login could be made to last minutes.
const MAX_PASSWORD: usize = 512;
/// A guess: OWASP's rounds of PBKDF2 with SHA-512, which cost less than these.
const STRONG: u32 = 210_000;

/// A SHA-crypt hash.
#[derive(Debug)]
pub(crate) struct ShaCryptHash {
    text: String,
    rounds: u32,
}

pub(super) fn parse(text: &str) -> Result<ShaCryptHash, Fault> {
    let mut parts = text.split('$').skip(1).peekable();
    let (kind, letters) = match parts.next() {
        Some("5") => ("SHA-256-crypt", 43),
        _ => ("SHA-512-crypt", 86),
    };
    let rounds = match parts.peek().and_then(|part| part.strip_prefix("rounds=")) {
        None => Some(USUAL),
        Some(written) => number(written),
    };
    parts.next_if(|part| part.starts_with("rounds="));
    let salt = parts.next().filter(|salt| is_salt(salt));
    let output = parts
        .next()
        .filter(|output| output.len() == letters && output.bytes().all(is_letter));
    let (Some(rounds), Some(_), Some(_), None) = (rounds, salt, output, parts.next()) else {
        return Err(damaged(kind));
    };
    if rounds < FEWEST {
        return Err(damaged(kind));
    }
    if rounds > MOST {
        return Err(Fault::new(
            format!("asks for {rounds} rounds a login"),
            format!("make one with at most rounds={MOST}"),
        ));
    }
    Ok(ShaCryptHash {
        text: text.to_owned(),
        rounds,
    })
}

/// What stands in a salt of crypt(3): up to 16 letters.
fn is_salt(text: &str) -> bool {
    text.len() <= 16 && text.bytes().all(is_letter)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}

impl ShaCryptHash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let read = password.get(..MAX_PASSWORD).unwrap_or(password);
        // The algorithm and the rounds are those of the text.
        let right =
            ShaCrypt::from(Algorithm::Sha512Crypt).verify_password(read, self.text.as_str());
        right.is_ok() && read.len() == password.len()
    }

    pub(super) fn is_strong(&self) -> bool {
        self.rounds >= STRONG
    }
}
