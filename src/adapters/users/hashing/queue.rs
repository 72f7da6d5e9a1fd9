//! Whose password is checked next, and who is turned away.
//!
//! The attack: wrong logins from so many addresses that no limit by address stops them, and
//! more than can be hashed. In one line for all, who is honest would wait or be turned away
//! as often as the flood. So turns go by network, to those least served first:
//!
//! - A login's rank is how often its network was served lately, and how many of it wait
//!   already. The lowest rank is next; in it who came least often, and of them the oldest.
//! - Where there is no place, the last in this order goes: it is of the network that waits
//!   most and was served most. It does not count as served.
//! - What was served is forgotten by halves as turns go on, and counted up to [`ENOUGH`]: an
//!   office that signed in all morning has the share of any network in a flood at noon.
//! - A quarter of the places and three of four turns are for browsers that are known for the
//!   user: they are few, cannot guess, and are the people who work here. Among them turns go
//!   by user, so that one account's right password, posted from everywhere, takes one share.
//!   What one side leaves free the other has.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::auth::ports::Turn;
use crate::domain::id::Username;

/// The most networks that are kept, those that wait aside. Where there are more, those that
/// were served once at most go, or if they are too few, all: the flood is then from so many
/// networks that hardly any is served twice.
const NETWORKS: usize = 16_384;

/// One of so many places is for known browsers, and one of so many turns for the others.
const SHARE: usize = 4;

/// How often a network was served, as far as that is told apart.
const ENOUGH: u32 = 8;

/// After so many turns for each network that is kept, and at least for sixteen, what they
/// were served is halved.
const HALVED_AFTER: usize = 4;

/// Who waits, for the work `J`.
#[derive(Debug)]
pub(super) struct Queue<J> {
    places: usize,
    known: Line<Username, J>,
    others: Line<IpAddr, J>,
    /// Turns of known browsers since the last of the others.
    of_known: usize,
    tickets: u64,
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: u32,
    /// How often the network came before.
    came: u32,
    /// Counts up: the order of arrival.
    ticket: u64,
}

/// What gives a place back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    is_known: bool,
    place: Place,
}

impl<J> Queue<J> {
    /// A queue with so many places.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places,
            known: Line::default(),
            others: Line::default(),
            of_known: 0,
            tickets: 0,
        }
    }

    /// Takes a place. Where there is none, gives back who has to go for it: that may be the
    /// one who just came.
    pub(super) fn enter(&mut self, turn: Turn, job: J) -> (Ticket, Option<J>) {
        self.tickets = self.tickets.wrapping_add(1);
        let (is_known, place) = match turn {
            Turn::Known(user) => (true, self.known.enter(user, self.tickets, job)),
            Turn::Address(address) => {
                let network = network_of(address);
                (false, self.others.enter(network, self.tickets, job))
            }
        };
        let turned_away = match self.len() > self.places {
            // The side that has more than its share.
            true if self.known.len() > self.share() => self.known.last(),
            true => self.others.last(),
            false => None,
        };
        (Ticket { is_known, place }, turned_away)
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self) -> Option<J> {
        let others_are_due = self.of_known.saturating_add(1) >= SHARE;
        if self.known.len() > 0 && (self.others.len() == 0 || !others_are_due) {
            self.of_known = self.of_known.saturating_add(1);
            self.known.next()
        } else {
            self.of_known = 0;
            self.others.next()
        }
    }

    /// Gives up a place; nothing if the turn has come, or there was none.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<J> {
        match ticket.is_known {
            true => self.known.remove(ticket.place),
            false => self.others.remove(ticket.place),
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.known.len().saturating_add(self.others.len())
    }

    /// The places that known browsers have for sure.
    fn share(&self) -> usize {
        let at_least = usize::from(self.places > 1);
        (self.places / SHARE).max(at_least)
    }
}

/// One of the two sides.
#[derive(Debug)]
struct Line<K, J> {
    waiting: BTreeMap<Place, (K, J)>,
    /// How each of them stands.
    shares: HashMap<K, Share>,
    /// Turns since what was served was halved.
    turns: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    served: u32,
    came: u32,
    waiting: u32,
}

impl<K, J> Default for Line<K, J> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            shares: HashMap::new(),
            turns: 0,
        }
    }
}

impl<K: Eq + Hash + Clone, J> Line<K, J> {
    fn len(&self) -> usize {
        self.waiting.len()
    }

    fn enter(&mut self, key: K, ticket: u64, job: J) -> Place {
        self.make_room();
        let share = self.shares.entry(key.clone()).or_default();
        let rank = share.served.saturating_add(share.waiting);
        share.waiting = share.waiting.saturating_add(1);
        let came = share.came;
        share.came = came.saturating_add(1);
        let place = Place { rank, came, ticket };
        self.waiting.insert(place, (key, job));
        place
    }

    fn next(&mut self) -> Option<J> {
        let (_, (key, job)) = self.waiting.pop_first()?;
        if let Some(share) = self.shares.get_mut(&key) {
            share.waiting = share.waiting.saturating_sub(1);
            share.served = share.served.saturating_add(1).min(ENOUGH);
        }
        self.turns = self.turns.saturating_add(1);
        if self.turns >= self.shares.len().max(16).saturating_mul(HALVED_AFTER) {
            self.turns = 0;
            for share in self.shares.values_mut() {
                share.served /= 2;
                share.came /= 2;
            }
            self.keep(|share| share.served > 0 || share.came > 0);
        }
        Some(job)
    }

    /// The newest of the highest rank.
    fn last(&mut self) -> Option<J> {
        let place = *self.waiting.last_key_value()?.0;
        self.remove(place)
    }

    fn remove(&mut self, place: Place) -> Option<J> {
        let (key, job) = self.waiting.remove(&place)?;
        if let Some(share) = self.shares.get_mut(&key) {
            share.waiting = share.waiting.saturating_sub(1);
        }
        Some(job)
    }

    fn make_room(&mut self) {
        let full = NETWORKS.saturating_add(self.waiting.len());
        if self.shares.len() < full {
            return;
        }
        self.keep(|share| share.served > 1);
        if self.shares.len() > full / 2 {
            self.keep(|_| false);
        }
    }

    /// Keeps these, and all that wait.
    fn keep(&mut self, which: impl Fn(&Share) -> bool) {
        self.shares
            .retain(|_, share| share.waiting > 0 || which(share));
    }
}

/// What counts as one network: an IPv4 /24 and an IPv6 /48, the smallest that are routed on
/// the internet by themselves. So the number of shares of a flood is that of the networks
/// that somebody has got hold of, not that of the addresses in them.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests;
