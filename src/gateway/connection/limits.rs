//! The places of one listener: how many connections it has, in all and of one address,
//! counted from the moment that the system hands them over.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Places, given out one a connection.
#[derive(Debug, Default)]
pub(crate) struct ConnectionLimiter {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    open: usize,
    /// Only addresses with an open connection, so never more entries than `open`.
    by_address: HashMap<IpAddr, usize>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// In all.
    pub(crate) most: usize,
    /// Of one address, if that is limited.
    pub(crate) per_address: Option<usize>,
}

/// Why there is none left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitExceeded {
    /// All are taken.
    Everywhere,
    /// This address has all of its own.
    Address,
}

impl ConnectionLimiter {
    /// A place for one more connection. `address` is `None` where it is not counted by
    /// itself; of IPv6 a whole /64 counts as one, which is what one subscriber has.
    ///
    /// # Errors
    /// [`LimitExceeded`]
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        bounds: ConnectionLimits,
    ) -> Result<ConnectionPermit, LimitExceeded> {
        let mut taken = self.taken.lock();
        if taken.open >= bounds.most {
            return Err(LimitExceeded::Everywhere);
        }
        let counted = address.map(network_of).zip(bounds.per_address);
        if let Some((address, most)) = counted {
            let of_address = taken.by_address.get(&address).copied().unwrap_or_default();
            if of_address >= most {
                return Err(LimitExceeded::Address);
            }
            taken
                .by_address
                .insert(address, of_address.saturating_add(1));
        }
        taken.open = taken.open.saturating_add(1);
        Ok(ConnectionPermit {
            seats: Arc::clone(self),
            address: counted.map(|(address, _)| address),
        })
    }
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

/// A place that is free again when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    seats: Arc<ConnectionLimiter>,
    address: Option<IpAddr>,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        taken.open = taken.open.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(of_address) = taken.by_address.get_mut(&address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: ConnectionLimits = ConnectionLimits {
        most: 1000,
        per_address: Some(2),
    };

    fn address(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    #[test]
    fn addresses_are_forgotten_with_their_last_connection() {
        let seats = Arc::new(ConnectionLimiter::default());
        for n in 0..100_000 {
            let held = [(); 2].map(|()| seats.admit(Some(address(n)), BOUNDS).unwrap());
            assert!(
                matches!(
                    seats.admit(Some(address(n)), BOUNDS),
                    Err(LimitExceeded::Address)
                ),
                "a third connection of {n}"
            );
            drop(held);
        }
        let taken = seats.taken.lock();
        assert_eq!((taken.open, taken.by_address.len()), (0, 0), "they pile up");
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_its_places() {
        let seats = Arc::new(ConnectionLimiter::default());
        let at = |text: &str| seats.admit(Some(text.parse().unwrap()), BOUNDS);
        let _two = [at("2001:db8::1").unwrap(), at("2001:db8::ffff:2").unwrap()];
        assert_eq!(at("2001:db8::3").unwrap_err(), LimitExceeded::Address);
        assert!(at("2001:db8:0:1::3").is_ok(), "a neighbour pays for it");
    }

    #[test]
    fn never_more_addresses_than_connections() {
        let seats = Arc::new(ConnectionLimiter::default());
        let mut held = Vec::new();
        let refused = (0..5000)
            .filter(|n| match seats.admit(Some(address(*n)), BOUNDS) {
                Ok(seat) => {
                    held.push(seat);
                    false
                }
                Err(full) => full == LimitExceeded::Everywhere,
            })
            .count();
        assert_eq!(refused, 4000);
        assert_eq!(seats.taken.lock().by_address.len(), 1000);
    }

    #[test]
    fn who_is_refused_takes_no_place() {
        let seats = Arc::new(ConnectionLimiter::default());
        let _two = [(); 2].map(|()| seats.admit(Some(address(1)), BOUNDS).unwrap());
        for _ in 0..10 {
            seats.admit(Some(address(1)), BOUNDS).unwrap_err();
        }
        assert_eq!(seats.taken.lock().open, 2);
        let uncounted = (0..998).map(|_| seats.admit(None, BOUNDS));
        let all: Vec<_> = uncounted.collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 998, "a place was lost");
    }
}
