//! Keys and tokens that could be guessed, or lie where they are copied.

use super::Lint;
use super::Severity::{Note, Problem};
use crate::adapters::jwt::keyring;
use crate::config::settings::{Algorithm, Settings};

/// Less is within reach of a large computation. A guess at what a text is worth, not a
/// measure: 16 random bytes in hexadecimal come out at some 115.
const LEAST_BITS: f64 = 90.0;
/// NIST SP 800-57 part 1: 128 bits of security, asked for beyond 2030.
const GOOD_RSA_BITS: usize = 3072;
/// What people write into examples.
const WORDS: [&str; 6] = [
    "secret",
    "password",
    "changeme",
    "change-me",
    "example",
    "doorward",
];

pub(crate) fn check(settings: &Settings) -> Vec<Lint> {
    let mut found = Vec::new();
    for (place, key) in settings.signing.keys.iter().enumerate() {
        if settings.signing.algorithm == Algorithm::Hs256 && is_weak(key.expose()) {
            found.push(Lint::new(
                Problem,
                "keys.guessable",
                format!("signing.key (number {}) does not look random", place + 1),
                "whoever guesses it can sign a session for anybody",
                "make one with `openssl rand -base64 32`, and write base64: before it",
            ));
        }
        if settings.signing.algorithm == Algorithm::Rs256
            && let Some(bits) = keyring::rsa_bits(key)
            && bits < GOOD_RSA_BITS
        {
            found.push(Lint::new(
                Note,
                "keys.short_rsa",
                format!(
                    "signing.key (number {}) is an RSA key of {bits} bits",
                    place + 1
                ),
                "3072 are asked for where signatures must hold beyond 2030",
                "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072, or EdDSA",
            ));
        }
    }
    if let Some(token) = &settings.admin.token
        && is_weak_for(token.expose(), LEAST_BITS / 2.0)
    {
        found.push(Lint::new(
            Problem,
            "keys.admin_token",
            "admin.token does not look random",
            "whoever guesses it can end every session and list all users",
            "make one with `openssl rand -hex 32`",
        ));
    }
    let in_the_file = settings.secrets.iter().filter(|secret| secret.is_literal);
    for secret in in_the_file.filter(|secret| secret.key != "users") {
        found.push(Lint::new(
            Note,
            "keys.literal",
            format!("{} stands in {} itself", secret.key, secret.file.display()),
            "a configuration is copied, shown and kept in repositories",
            "move it into a file of its own (file:/path, chmod 0600) or a variable (env:NAME)",
        ));
    }
    found
}

fn is_weak(key: &[u8]) -> bool {
    is_weak_for(key, LEAST_BITS)
}

fn is_weak_for(key: &[u8], least: f64) -> bool {
    let lower = String::from_utf8_lossy(key).to_ascii_lowercase();
    is_periodic(key)
        || is_ladder(key)
        || WORDS.iter().any(|word| lower.contains(word))
        || bits(key) < least
}

/// Shannon's measure of the bytes that are there: what the key could be worth at most.
fn bits(key: &[u8]) -> f64 {
    let mut counts = std::collections::BTreeMap::<u8, u32>::new();
    for byte in key {
        *counts.entry(*byte).or_default() += 1;
    }
    let total: f64 = counts.values().copied().map(f64::from).sum();
    let share = |count: u32| f64::from(count) / total;
    let each = |count: &u32| -share(*count).log2() * f64::from(*count);
    counts.values().map(each).sum()
}

/// Whether it repeats itself.
fn is_periodic(key: &[u8]) -> bool {
    (1..=key.len() / 2).any(|period| {
        let later = key.iter().skip(period);
        later.zip(key).all(|(a, b)| a == b)
    })
}

/// Whether most of it counts up or down: `abcdefgh…`, `0123456789…`.
fn is_ladder(key: &[u8]) -> bool {
    let steps = key.windows(2).filter(|pair| match pair {
        [a, b] => a.abs_diff(*b) == 1,
        _ => false,
    });
    steps.count() * 2 > key.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_people_type_are_told_from_random_ones() {
        for (key, weak) in [
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true),
            ("0123456789abcdef0123456789abcdef", true),
            ("abcdefghijklmnopqrstuvwxyzabcdef", true),
            ("change-me-to-something-very-long!", true),
            ("my-Secret-key-f83hz0a7dk20slw9c7g", true),
            ("hello hello hello hello hello hell", true),
            ("9f86d081884c7d659a2feaa0c55ad015", false),
            ("kX2pB7qLr0Vd9mTzYw4cNf8sHj1aGe6u", false),
            ("OjR0yDsLdB9vQ2nVtYkq3m1uHc8wXfZp5aEbGiTs7x4=", false),
        ] {
            assert_eq!(is_weak(key.as_bytes()), weak, "{key}");
        }
        let random = crate::adapters::entropy::random::<32>();
        assert!(!is_weak(&random), "random bytes are called weak");
    }
}
