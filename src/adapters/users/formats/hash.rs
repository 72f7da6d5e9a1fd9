//! Password hashes: argon2id or bcrypt, and none that would stop the machine.

use argon2::{Params, PasswordHash as Phc};

use crate::adapters::config::problem::Fault;
use crate::adapters::config::reader::Spot;
use crate::auth::directory::PasswordHash;

/// The most memory that one login may take, in KiB: 1 GiB.
const MAX_MEMORY: u32 = 1024 * 1024;
/// The most passes over it; a guess at where a login takes too long.
const MAX_PASSES: u32 = 100;
/// The highest bcrypt cost: 2^17 rounds take some ten seconds.
const MAX_COST: u32 = 17;
/// OWASP's least argon2id: 7 MiB with five passes.
const WEAK_MEMORY: u32 = 7 * 1024;

const MEND: &str = "paste what `doorward hash-password` prints, in quotes";

/// Checks the value; a problem never shows it.
pub(super) fn read(spot: &Spot<'_>) -> Option<PasswordHash> {
    match spot.text().and_then(check) {
        Ok(hash) => Some(hash),
        Err(fault) => {
            spot.refuse_secret(fault);
            None
        }
    }
}

/// A hash that can be verified.
pub(super) fn check(text: &str) -> Result<PasswordHash, Fault> {
    if text.starts_with("$argon2id$") {
        argon2id(text)?;
    } else if ["$2a$", "$2b$", "$2y$"].iter().any(|p| text.starts_with(p)) {
        bcrypt(text)?;
    } else {
        return Err(foreign(text));
    }
    Ok(PasswordHash::new(text))
}

/// Whether an accepted hash costs an attacker little.
pub(super) fn is_weak(hash: &str) -> bool {
    match hash.strip_prefix("$2") {
        Some(rest) => rest.get(2..4).is_some_and(|cost| cost < "08"),
        None => params(hash).is_some_and(|params| params.m_cost() < WEAK_MEMORY),
    }
}

fn params(text: &str) -> Option<Params> {
    Params::try_from(&Phc::new(text).ok()?).ok()
}

fn argon2id(text: &str) -> Result<(), Fault> {
    let broken = || Fault::new("is a damaged argon2id hash", MEND);
    let Ok(hash) = Phc::new(text) else {
        return Err(broken());
    };
    let whole = hash.hash.is_some_and(|output| output.len() >= 16)
        && hash.salt.is_some_and(|salt| salt.as_ref().len() >= 8)
        && hash
            .version
            .is_none_or(|version| matches!(version, 16 | 19));
    let Some(params) = Params::try_from(&hash).ok().filter(|_| whole) else {
        return Err(broken());
    };
    if params.m_cost() > MAX_MEMORY {
        return Err(Fault::new(
            format!("asks for {} KiB of memory a login", params.m_cost()),
            "make one with at most 1 GiB (m=1048576)",
        ));
    }
    if params.t_cost() > MAX_PASSES {
        return Err(Fault::new(
            format!(
                "asks for {} passes over its memory a login",
                params.t_cost()
            ),
            format!("make one with at most t={MAX_PASSES}"),
        ));
    }
    Ok(())
}

/// `$2b$12$` and 53 letters. Checked byte by byte before any library sees it.
fn bcrypt(text: &str) -> Result<(), Fault> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    let cost = text
        .get(4..6)
        .filter(|c| c.bytes().all(|b| b.is_ascii_digit()));
    let cost = cost.and_then(|cost| cost.parse::<u32>().ok());
    let body = text.get(7..).is_some_and(|body| body.bytes().all(letters));
    let (Some(cost), true, Some("$"), 60) = (cost, body, text.get(6..7), text.len()) else {
        return Err(Fault::new("is a damaged bcrypt hash", MEND));
    };
    if !(4..=MAX_COST).contains(&cost) {
        return Err(Fault::new(
            format!("has the bcrypt cost {cost}"),
            format!("make one with a cost of 4 to {MAX_COST}, such as 12"),
        ));
    }
    // The verifier also wants the spare bits of both parts to be zero.
    if text.parse::<bcrypt::HashParts>().is_err() {
        return Err(Fault::new("is a damaged bcrypt hash", MEND));
    }
    Ok(())
}

/// Whether the text is a hash of a kind that we do not verify.
pub(super) fn is_foreign(text: &str) -> bool {
    text.starts_with('$') || text.starts_with("{SHA}")
}

fn foreign(text: &str) -> Fault {
    if text.starts_with("$argon2i$") || text.starts_with("$argon2d$") {
        return Fault::new("is argon2i or argon2d, and only argon2id is verified", MEND);
    }
    if text.starts_with("$$") || text.contains("$$v=19$$") {
        return Fault::new(
            "has every $ doubled",
            "write each $ once; only Docker Compose files need it twice",
        );
    }
    if is_foreign(text) {
        return Fault::new(
            "is a hash of a kind that is not verified (argon2id or bcrypt)",
            MEND,
        );
    }
    if is_mangled(text) {
        return Fault::new(
            "lost its $ parts: a shell or Docker Compose took them for variables",
            "use single quotes in a shell, double every $ in a Compose file, or keep users in a file",
        );
    }
    Fault::new(
        "is not a password hash; a plain password is never accepted",
        MEND,
    )
}

/// What `"$argon2id$v=19$m=…"` or `"$2y$10$…"` becomes when `$name` is replaced by nothing.
fn is_mangled(text: &str) -> bool {
    let argon = text.contains("=19") || (text.contains(",t=") && text.contains(",p="));
    let digit_left =
        text.len() > 30 && text.starts_with(['a', 'b', 'y', '0']) && !text.contains(' ');
    argon || (digit_left && text.contains(['/', '.']))
}
