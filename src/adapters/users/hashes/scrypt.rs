//! scrypt (RFC 7914) as Authelia and passlib write it: `$scrypt$ln=16,r=8,p=1$salt$output`.

use scrypt::Params;

use super::{LEAST_OUTPUT, MAX_MEMORY, MAX_TRAFFIC, MOST_BYTES, base64, damaged, equal, numbers};
use crate::domain::fault::Fault;

/// OWASP's pairs, each with `r=8`: the logarithm of N, and the least p with it.
const STRONG: [(u8, u32); 5] = [(17, 1), (16, 2), (15, 3), (14, 5), (13, 10)];

/// An scrypt hash.
#[derive(Debug)]
pub(crate) struct ScryptHash {
    log_n: u8,
    r: u32,
    p: u32,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

pub(super) fn parse(text: &str) -> Result<ScryptHash, Fault> {
    let damaged = || damaged("scrypt");
    let mut parts = text.split('$').skip(2);
    let costs = parts
        .next()
        .and_then(|costs| numbers(costs, ["ln", "r", "p"]));
    let salt = parts.next().and_then(|part| base64(part, 1..=MOST_BYTES));
    let output = parts
        .next()
        .and_then(|part| base64(part, LEAST_OUTPUT..=MOST_BYTES));
    let (Some([log_n, r, p]), Some(salt), Some(output), None) = (costs, salt, output, parts.next())
    else {
        return Err(damaged());
    };
    let log_n = u8::try_from(log_n)
        .ok()
        .filter(|log_n| *log_n < 64)
        .ok_or_else(damaged)?;
    let memory = memory(log_n, r);
    if memory > MAX_MEMORY {
        return Err(Fault::new(
            format!("asks for {} MiB of memory a login", memory >> 20),
            "make one with at most 1 GiB (128 times 2^ln times r)",
        ));
    }
    if memory.saturating_mul(u64::from(p)) > MAX_TRAFFIC {
        return Err(Fault::new(
            format!(
                "asks for {p} passes over {} MiB of memory a login",
                memory >> 20
            ),
            "make one with a smaller p",
        ));
    }
    let params = Params::new(log_n, r, p).map_err(|_error| damaged())?;
    Ok(ScryptHash {
        log_n,
        r,
        p,
        params,
        salt,
        output,
    })
}

/// The bytes that are filled.
fn memory(log_n: u8, r: u32) -> u64 {
    128_u64
        .saturating_mul(1 << log_n)
        .saturating_mul(u64::from(r))
}

impl ScryptHash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        scrypt::scrypt(password, &self.salt, &self.params, &mut output)
            .is_ok_and(|()| equal(&output, &self.output))
    }

    pub(super) fn is_strong(&self) -> bool {
        let enough = |(log_n, p): &(u8, u32)| self.log_n >= *log_n && self.p >= *p && self.r >= 8;
        STRONG.iter().any(enough)
    }
}
