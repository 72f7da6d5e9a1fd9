//! The one place that reads randomness.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// `N` random bytes from the operating system's generator.
///
/// # Panics
/// If the generator fails: nothing that needs a secret can go on without one, and
/// a weaker one would be worse than a dead request.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    let filled = aws_lc_rs::rand::fill(&mut bytes);
    #[allow(
        clippy::expect_used,
        reason = "see above: no secret is better than a guessable one"
    )]
    filled.expect("the operating system gives random bytes");
    bytes
}

/// A number that no other call gives, in this process or another, and that does not tell how
/// many were given before: for names, never for secrets. A keyed hash (SipHash) of a counter,
/// which costs little.
pub(crate) fn unique() -> u128 {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEYS.each_ref().map(|key| key.hash_one(count));
    (u128::from(high) << 64) | u128::from(low)
}

#[cfg(test)]
mod tests {
    #[test]
    fn unique_numbers_are_unique() {
        let numbers: std::collections::HashSet<_> = (0..10_000).map(|_| super::unique()).collect();
        assert_eq!(numbers.len(), 10_000);
        let halves = numbers
            .iter()
            .filter(|number| *number >> 64 == *number & u128::from(u64::MAX));
        assert_eq!(halves.count(), 0, "both halves are one hash");
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(super::random::<16>(), super::random::<16>());
    }
}
