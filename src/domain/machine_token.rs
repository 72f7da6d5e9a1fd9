//! The text of a machine token: `dw_`, 30 random letters and digits, and six of their CRC-32.
//!
//! The prefix lets scanners of repositories find one, and the checksum tells a mistyped one
//! without a look-up. 30 characters of base62 have 178 bits, so that a fast hash is right:
//! nobody guesses the text from it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

/// What every token begins with, and nothing else that a client sends us.
pub(crate) const PREFIX: &str = "dw_";

const RANDOM: usize = 30;
const CHECK: usize = 6;
const BASE: u8 = 62;

/// The SHA-256 of the whole text: what is kept of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a text.
    pub fn of(text: &[u8]) -> Self {
        let mut hash = [0; 32];
        let made = digest(&SHA256, text);
        hash.copy_from_slice(made.as_ref());
        Self(hash)
    }

    /// The hash of what may be a token; `None` if its checksum is wrong.
    pub fn of_token(text: &[u8]) -> Option<Self> {
        let body = text.strip_prefix(PREFIX.as_bytes())?;
        let (random, check) = body.split_at_checked(RANDOM)?;
        (check == checksum(random)).then(|| Self::of(text))
    }

    /// Reads `sha256:` and 64 digits of hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }

    /// The first ten bytes, to name the token by.
    pub fn start(&self) -> [u8; 10] {
        let mut start = [0; 10];
        start
            .iter_mut()
            .zip(self.0)
            .for_each(|(to, from)| *to = from);
        start
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// Makes a token of random bytes, as many as it takes.
pub(crate) fn generate(mut random: impl FnMut() -> [u8; 64]) -> String {
    let mut body = Vec::new();
    while body.len() < RANDOM {
        // Of 256 values the first 248 fall evenly on 62 characters.
        let even = random().into_iter().filter(|byte| *byte < 4 * BASE);
        body.extend(even.map(|byte| character(byte % BASE)));
    }
    body.truncate(RANDOM);
    let check = checksum(&body);
    let text = body.into_iter().chain(check).map(char::from);
    PREFIX.chars().chain(text).collect()
}

fn checksum(random: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32fast::hash(random);
    let mut check = [b'0'; CHECK];
    for digit in check.iter_mut().rev() {
        let value = u8::try_from(rest % u32::from(BASE)).unwrap_or_default();
        *digit = character(value);
        rest /= u32::from(BASE);
    }
    check
}

/// `0-9A-Za-z`
fn character(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        10..36 => b'A' + (value - 10),
        _ => b'a' + (value - 36),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_format_that_scanners_look_for() {
        let mut drawn = 0_u8;
        let token = generate(|| {
            drawn += 1;
            [drawn; 64]
        });
        assert_eq!(token.len(), 39);
        assert!(token.starts_with("dw_111111"), "{token}");
        assert!(TokenHash::of_token(token.as_bytes()).is_some());
        // By the zlib and hashlib of Python.
        let known = TokenHash::of_token(b"dw_0123456789ABCDEFGHIJabcdefghij4Us3aw");
        let hash = "sha256:4d7dfe99ded78b97fffd7419c0e8469125d9b8f5e0392a11d6a07336f19984ad";
        assert_eq!(known.unwrap().to_string(), hash);
    }

    #[test]
    fn one_wrong_character_is_no_token() {
        let token = generate(|| [7; 64]);
        for at in 0..token.len() {
            let mut wrong = token.clone().into_bytes();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            assert!(TokenHash::of_token(&wrong).is_none(), "{at}");
        }
        for wrong in [&token[..38], &format!("{token}0"), "dw_", "", "dw"] {
            assert!(TokenHash::of_token(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn every_character_is_drawn_as_often() {
        let mut count = [0; 128];
        let mut start = 0_u8;
        for _ in 0..62 * 8 {
            start = start.wrapping_add(30);
            let bytes = std::array::from_fn(|at| start.wrapping_add(u8::try_from(at).unwrap()));
            let token = generate(|| bytes);
            for b in token.bytes().skip(3).take(RANDOM) {
                count[usize::from(b)] += 1;
            }
        }
        let drawn: Vec<i32> = count.into_iter().filter(|n| *n > 0).collect();
        assert_eq!(drawn.len(), 62);
        let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!(most - least <= 60, "{least} to {most}");
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = TokenHash::of(b"dw_");
        assert_eq!(TokenHash::parse(&hash.to_string()), Some(hash));
        let text = hash.to_string();
        for wrong in [
            &text[7..],
            &text[..70],
            "sha256:",
            "sha256:zz",
            &format!("{text}0"),
        ] {
            assert_eq!(TokenHash::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{hash:?}"), "TokenHash(…)");
    }
}
