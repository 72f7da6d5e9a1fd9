//! argon2id, argon2i and argon2d in PHC notation (RFC 9106):
//! `$argon2id$v=19$m=65536,t=3,p=4$salt$output`. Without `v=` it is version 16, as the
//! reference implementation writes it.

use argon2::{Algorithm, Argon2, Params, Version};

use super::{LEAST_OUTPUT, MAX_MEMORY, MAX_TRAFFIC, MOST_BYTES, base64, damaged, equal, numbers};
use crate::domain::fault::Fault;

/// OWASP's pairs: passes, and the least memory in KiB with so many.
const STRONG: [(u32, u32); 5] = [
    (1, 47_104),
    (2, 19_456),
    (3, 12_288),
    (4, 9_216),
    (5, 7_168),
];
/// The shortest salt that the algorithm takes.
const LEAST_SALT: usize = 8;

/// An argon2 hash.
#[derive(Debug)]
pub(crate) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

pub(super) fn parse(text: &str) -> Result<Argon2Hash, Fault> {
    let mut parts = text.split('$').skip(1).peekable();
    let algorithm = match parts.next() {
        Some("argon2id") => Algorithm::Argon2id,
        Some("argon2i") => Algorithm::Argon2i,
        Some("argon2d") => Algorithm::Argon2d,
        _ => return Err(damaged("argon2")),
    };
    let damaged = || damaged(algorithm.as_str());
    let version = match parts.peek().and_then(|part| part.strip_prefix("v=")) {
        None => Version::V0x10,
        Some("16") => Version::V0x10,
        Some("19") => Version::V0x13,
        Some(_) => return Err(damaged()),
    };
    parts.next_if(|part| part.starts_with("v="));
    let costs = parts.next().ok_or_else(damaged)?;
    if costs.contains("keyid=") || costs.contains("data=") {
        return Err(Fault::new(
            "is an argon2 hash that also needs a secret of the program which made it",
            super::MEND,
        ));
    }
    let [memory, passes, lanes] = numbers(costs, ["m", "t", "p"]).ok_or_else(damaged)?;
    let salt = parts
        .next()
        .and_then(|part| base64(part, LEAST_SALT..=MOST_BYTES));
    let output = parts
        .next()
        .and_then(|part| base64(part, LEAST_OUTPUT..=MOST_BYTES));
    let (Some(salt), Some(output), None) = (salt, output, parts.next()) else {
        return Err(damaged());
    };
    let bytes = u64::from(memory).saturating_mul(1024);
    if bytes > MAX_MEMORY {
        return Err(Fault::new(
            format!("asks for {memory} KiB of memory a login"),
            "make one with at most 1 GiB (m=1048576)",
        ));
    }
    if bytes.saturating_mul(u64::from(passes)) > MAX_TRAFFIC {
        return Err(Fault::new(
            format!("asks for {passes} passes over {memory} KiB of memory a login"),
            "make one with at most 8 GiB in all passes together (m times t, 8388608)",
        ));
    }
    let params = Params::new(memory, passes, lanes, Some(output.len()));
    Ok(Argon2Hash {
        algorithm,
        version,
        params: params.map_err(|_error| damaged())?,
        salt,
        output,
    })
}

impl Argon2Hash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        Argon2::new(self.algorithm, self.version, self.params.clone())
            .hash_password_into(password, &self.salt, &mut output)
            .is_ok_and(|()| equal(&output, &self.output))
    }

    /// OWASP speaks of argon2id alone.
    pub(super) fn is_strong(&self) -> bool {
        let (passes, memory) = (self.params.t_cost(), self.params.m_cost());
        let enough = |(least, kib): &(u32, u32)| passes >= *least && memory >= *kib;
        self.algorithm == Algorithm::Argon2id && STRONG.iter().any(enough)
    }
}
