//! PBKDF2 with HMAC (RFC 8018 §5.2) as Authelia and passlib write it:
//! `$pbkdf2-sha512$310000$salt$output`, in base64 with `.` for `+`.
//!
//! Source: <https://www.authelia.com/reference/guides/passwords/>

use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::{LEAST_OUTPUT, MOST_BYTES, base64, damaged, equal, number};
use crate::domain::fault::Fault;

/// The most iterations of a login, over all blocks of the output; a guess at ten seconds.
const MOST: u64 = 10_000_000;

/// The digest inside.
#[derive(Clone, Copy, Debug)]
enum Digest {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// A PBKDF2 hash.
#[derive(Debug)]
pub(crate) struct Pbkdf2Hash {
    digest: Digest,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

pub(super) fn parse(text: &str) -> Result<Pbkdf2Hash, Fault> {
    let mut parts = text.split('$').skip(1);
    let digest = match parts.next() {
        Some("pbkdf2" | "pbkdf2-sha1") => Digest::Sha1,
        Some("pbkdf2-sha224") => Digest::Sha224,
        Some("pbkdf2-sha256") => Digest::Sha256,
        Some("pbkdf2-sha384") => Digest::Sha384,
        Some("pbkdf2-sha512") => Digest::Sha512,
        _ => {
            return Err(Fault::new(
                "is a PBKDF2 hash with a digest that is not verified (SHA-1 and SHA-2 are)",
                super::MEND,
            ));
        }
    };
    let iterations = parts.next().and_then(number);
    let salt = parts.next().and_then(|part| adapted(part, 1..=MOST_BYTES));
    let output = parts
        .next()
        .and_then(|part| adapted(part, LEAST_OUTPUT..=MOST_BYTES));
    let (Some(iterations), Some(salt), Some(output), None) =
        (iterations, salt, output, parts.next())
    else {
        return Err(damaged("PBKDF2"));
    };
    let blocks = output.len().div_ceil(digest.bytes());
    let work = u64::from(iterations).saturating_mul(u64::try_from(blocks).unwrap_or(u64::MAX));
    if work > MOST {
        return Err(Fault::new(
            format!("asks for {work} iterations a login"),
            format!("make one with at most {MOST}"),
        ));
    }
    Ok(Pbkdf2Hash {
        digest,
        iterations,
        salt,
        output,
    })
}

/// Base64 in which `$` and `+` cannot occur.
fn adapted(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<Vec<u8>> {
    base64(&text.replace('.', "+"), lengths)
}

impl Digest {
    /// The length of its output.
    fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// OWASP's iterations; for the two that it does not name, those of the same function
    /// with another length.
    fn strong(self) -> u32 {
        match self {
            Self::Sha1 => 1_300_000,
            Self::Sha224 | Self::Sha256 => 600_000,
            Self::Sha384 | Self::Sha512 => 210_000,
        }
    }
}

impl Pbkdf2Hash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        let derive = match self.digest {
            Digest::Sha1 => pbkdf2_hmac::<Sha1>,
            Digest::Sha224 => pbkdf2_hmac::<Sha224>,
            Digest::Sha256 => pbkdf2_hmac::<Sha256>,
            Digest::Sha384 => pbkdf2_hmac::<Sha384>,
            Digest::Sha512 => pbkdf2_hmac::<Sha512>,
        };
        derive(password, &self.salt, self.iterations, &mut output);
        equal(&output, &self.output)
    }

    pub(super) fn is_strong(&self) -> bool {
        self.iterations >= self.digest.strong()
    }
}
