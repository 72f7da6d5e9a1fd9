//! The one place that reads randomness.

/// `N` random bytes from the operating system's generator.
///
/// # Panics
/// If the generator fails: nothing that needs a secret can go on without one, and
/// a weaker one would be worse than a dead request.
pub fn random<const N: usize>() -> [u8; N] {
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

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        assert_ne!(super::random::<16>(), super::random::<16>());
    }
}
