//! Password hashes as other programs write them: argon2, bcrypt, SHA-crypt, PBKDF2 and
//! scrypt, in the notations of crypt(3), PHC and Authelia.
//!
//! A hash is parsed once, into its parameters, its salt and its output; what is parsed can
//! be verified, and its cost is bounded. A hash that is refused says why. Never truncates
//! a password that the program which made the hash did not truncate.

mod argon2;
mod bcrypt;
mod pbkdf2;
mod scrypt;
mod sha_crypt;

use std::ops::RangeInclusive;

use aws_lc_rs::constant_time;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::domain::fault::Fault;

/// What to do about a hash that is refused.
const MEND: &str = "paste what `doorward hash-password` prints, in quotes";
/// The most memory that one login may take, in bytes: 1 GiB.
const MAX_MEMORY: u64 = 1 << 30;
/// The most bytes of memory that one login may go over, all passes together: 8 GiB. A guess
/// at ten seconds.
const MAX_TRAFFIC: u64 = 8 << 30;
/// A shorter output fits other passwords too, or is what is left of a longer one.
const LEAST_OUTPUT: usize = 16;
/// A longer output is nothing that a program writes.
const MOST_BYTES: usize = 1024;

/// A password hash that can be verified.
#[derive(Debug)]
pub(crate) enum ParsedHash {
    /// argon2id, argon2i or argon2d.
    Argon2(argon2::Argon2Hash),
    /// bcrypt.
    Bcrypt(bcrypt::BcryptHash),
    /// PBKDF2 with HMAC.
    Pbkdf2(pbkdf2::Pbkdf2Hash),
    /// scrypt.
    Scrypt(scrypt::ScryptHash),
    /// SHA-256-crypt or SHA-512-crypt.
    ShaCrypt(sha_crypt::ShaCryptHash),
}

impl ParsedHash {
    /// Reads a hash.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        // Authelia takes these two in front, as LDAP servers write them.
        let bare = ["{CRYPT}", "{ARGON2}"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .unwrap_or(text);
        let id = bare
            .strip_prefix('$')
            .and_then(|rest| rest.split('$').next());
        match id {
            Some("argon2id" | "argon2i" | "argon2d") => argon2::parse(bare).map(Self::Argon2),
            Some("2a" | "2b" | "2y") => bcrypt::parse(bare).map(Self::Bcrypt),
            Some("bcrypt-sha256") => {
                let rest = bare.strip_prefix("$bcrypt-sha256$").unwrap_or_default();
                bcrypt::parse_sha256(rest).map(Self::Bcrypt)
            }
            Some("5" | "6") => sha_crypt::parse(bare).map(Self::ShaCrypt),
            Some("scrypt") => scrypt::parse(bare).map(Self::Scrypt),
            Some(id) if id == "pbkdf2" || id.starts_with("pbkdf2-") => {
                pbkdf2::parse(bare).map(Self::Pbkdf2)
            }
            _ => Err(unverified(text)),
        }
    }

    /// Whether the password is the one that the hash was made from.
    pub(crate) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(hash) => hash.matches(password),
            Self::Bcrypt(hash) => hash.matches(password),
            Self::Pbkdf2(hash) => hash.matches(password),
            Self::Scrypt(hash) => hash.matches(password),
            Self::ShaCrypt(hash) => hash.matches(password),
        }
    }

    /// Whether guessing costs what OWASP's Password Storage Cheat Sheet asks for.
    pub(crate) fn is_strong(&self) -> bool {
        match self {
            Self::Argon2(hash) => hash.is_strong(),
            Self::Bcrypt(hash) => hash.is_strong(),
            Self::Pbkdf2(hash) => hash.is_strong(),
            Self::Scrypt(hash) => hash.is_strong(),
            Self::ShaCrypt(hash) => hash.is_strong(),
        }
    }
}

/// Why a text is no hash that is verified. Shows nothing of it: it may be a password.
fn unverified(text: &str) -> Fault {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    if starts(&["$$"]) || text.contains("$$v=19$$") {
        return Fault::new(
            "has every $ doubled",
            "write each $ once; only Docker Compose files need it twice",
        );
    }
    let reason = if starts(&["$2x$", "$2$"]) {
        "is a hash of an old, broken bcrypt ($2x$), which is not verified"
    } else if starts(&["$1$", "$apr1$", "{SHA}", "{SSHA", "$sha1$", "$md5", "_"]) {
        "is a hash that is as good as plain text (MD5, SHA-1 or DES), which is not verified"
    } else if starts(&["$y$", "$gy$", "$7$"]) {
        "is a yescrypt hash or a scrypt hash of crypt(3), which is not verified"
    } else if starts(&["$plaintext$", "$base64$"]) {
        "is a password in plain text, which is never accepted"
    } else if starts(&["$argon2"]) {
        "is an argon2 hash of a kind that nobody defined"
    } else if starts(&["$", "{"]) {
        "is a hash of a kind that is not verified (argon2, bcrypt, SHA-crypt, PBKDF2 and scrypt are)"
    } else if is_mangled(text) {
        return Fault::new(
            "lost its $ parts: a shell or Docker Compose took them for variables",
            "use single quotes in a shell, double every $ in a Compose file, or keep users in a file",
        );
    } else {
        "is not a password hash; a plain password is never accepted"
    };
    Fault::new(reason, MEND)
}

/// What `"$argon2id$v=19$m=…"` or `"$2y$10$…"` becomes when `$name` is replaced by nothing.
fn is_mangled(text: &str) -> bool {
    let argon = text.contains("=19") || (text.contains(",t=") && text.contains(",p="));
    let digit_left =
        text.len() > 30 && text.starts_with(['a', 'b', 'y', '0']) && !text.contains(' ');
    argon || (digit_left && text.contains(['/', '.']))
}

fn damaged(kind: &str) -> Fault {
    Fault::new(format!("is a damaged {kind} hash"), MEND)
}

/// The numbers of `a=1,b=2`, in the order of `names`; all of them and no other.
fn numbers<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut found = [None; N];
    for part in text.split(',') {
        let (name, value) = part.split_once('=')?;
        let place = names.iter().position(|known| *known == name)?;
        let slot = found.get_mut(place)?;
        if slot.replace(number(value)?).is_some() {
            return None;
        }
    }
    let mut all = [0; N];
    for (to, from) in all.iter_mut().zip(found) {
        *to = from?;
    }
    Some(all)
}

/// Digits alone: `+5` and `05` are nothing that a program writes.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok())?
}

/// Standard base64; padding or not.
fn base64(text: &str, lengths: RangeInclusive<usize>) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, LENIENT).decode(text).ok()?;
    lengths.contains(&bytes.len()).then_some(bytes)
}

fn equal(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests;
