//! How many files and connections this process may have open at once.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the gateway itself keeps open: listeners, the store, the log, the runtimes. 36 were
/// counted with default settings on two cores; the rest is room for more cores and for
/// operators, a guess.
const OWN: u64 = 128;
/// What one of `limits.connections` takes: a connection to the client and one to the app,
/// and one to the plain listener beside a TLS one, which has as many places.
pub(crate) const fn per_connection(has_redirect: bool) -> u64 {
    if has_redirect { 3 } else { 2 }
}

/// Raises the soft limit to the hard one, as servers do: the low default is for programs
/// that cannot count beyond it. Gives what holds from here on; `None` if the system does
/// not say, or sets no limit.
pub(crate) fn raise() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let holds = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(e) => {
            log::warn!("the limit of open files stays at {soft}: {e}");
            soft
        }
    };
    (holds != nix::sys::resource::RLIM_INFINITY).then_some(holds)
}

/// How many client connections so many descriptors can carry, if one takes `each` of them;
/// at least one.
pub(crate) fn connections_within(limit: u64, each: u64) -> usize {
    // With few descriptors half of them have to do for everything else.
    let own = OWN.min(limit / 2);
    let most = limit.saturating_sub(own) / each.max(1);
    usize::try_from(most).unwrap_or(usize::MAX).max(1)
}

/// The descriptors that so many client connections need.
pub(crate) fn needed_for(connections: usize, each: u64) -> u64 {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    connections.saturating_mul(each).saturating_add(OWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_enough_and_no_more() {
        for each in [false, true].map(per_connection) {
            for connections in [65, 100, 1000, 10_000] {
                let needed = needed_for(connections, each);
                assert_eq!(connections_within(needed, each), connections);
                assert!(connections_within(needed - 1, each) < connections);
            }
        }
        for (limit, connections) in [(0, 1), (1, 1), (64, 16), (256, 64), (1024, 448)] {
            assert_eq!(connections_within(limit, 2), connections, "{limit}");
        }
    }
}
