//! What of all answers clients have not taken: bounded by `limits.unread_answers`.
//!
//! A large answer that is not taken as fast as it comes counts as what pingora reads ahead of
//! its client: over HTTP/2 what was not sent tells, over HTTP/1 that a write waits. Beyond the
//! limit those that have stood still longest are ended, so that who does not read cannot keep
//! others from being answered; one that moves never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::adapters::clock::Moment;
use crate::auth::denial::Denial;
use crate::gateway::connection::cancel::Leash;
use crate::gateway::connection::cancel_handles::Leashes;

/// An answer of which no more than this is on its way is not counted: two pieces.
pub(in crate::gateway) const LITTLE: usize = 128 * 1024;

/// What one costs that is not taken: measured, with its connection to the app.
pub(in crate::gateway) const READ_AHEAD: u64 = 512 * 1024;

/// An answer of which no piece has moved for so long stands still. A guess: no line that is
/// of use is slower.
const STILL: Duration = Duration::from_secs(5);

/// Of all connections.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Unread {
    total: AtomicU64,
    answers: Leashes,
}

impl Unread {
    /// So much of this answer was not taken.
    pub(in crate::gateway) fn note(&self, leash: &Arc<Leash>, unread: usize) {
        leash.note_unread(unread);
        if unread <= LITTLE {
            self.forget(leash);
        } else if leash.starts_to_count() {
            self.total.fetch_add(READ_AHEAD, Ordering::Relaxed);
            self.answers.add(leash);
        }
    }

    /// It has ended, or is being taken again.
    pub(in crate::gateway) fn forget(&self, leash: &Leash) {
        if leash.stops_to_count() {
            self.total.fetch_sub(READ_AHEAD, Ordering::Relaxed);
        }
    }

    /// Ends what is beyond the limit and stands still, the longest first.
    pub(in crate::gateway) fn end_surplus(&self, most: u64, now: Moment) {
        if self.total.load(Ordering::Relaxed) <= most {
            return;
        }
        let waits = |leash: &Arc<Leash>| !leash.line.arrival.is_http1() || leash.line.is_blocked();
        let mut counted = self.answers.all();
        counted.retain(|leash| leash.counts() && waits(leash));
        let total = READ_AHEAD.saturating_mul(u64::try_from(counted.len()).unwrap_or(u64::MAX));
        let surplus = total.saturating_sub(most);
        let (ending, mut going_on): (Vec<_>, Vec<_>) =
            counted.into_iter().partition(|leash| leash.why().is_some());
        let surplus = usize::try_from(surplus.div_ceil(READ_AHEAD)).unwrap_or(usize::MAX);
        going_on.sort_by_key(|leash| leash.moved());
        let still = going_on
            .iter()
            .filter(|leash| leash.moved() < now.before(STILL));
        for longest in still.take(surplus.saturating_sub(ending.len())) {
            log::debug!("an answer that nobody reads is ended: limits.unread_answers");
            longest.pull(Denial::Overloaded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::connection::handle::Line;
    use crate::gateway::connection::head_deadline::Arrival;

    #[test]
    fn beyond_the_limit_who_stood_still_longest_is_ended() {
        let mut line = Line::default();
        line.arrival = Arrival::http2();
        let (unread, line) = (Unread::default(), Arc::new(line));
        let most = 3 * READ_AHEAD;
        let leashes: Vec<_> = (0..5).map(|_| Leash::new(&line)).collect();
        for leash in &leashes {
            unread.note(leash, LITTLE + 1);
            unread.note(leash, LITTLE + 1);
        }
        unread.end_surplus(most, Moment::now());
        assert!(
            leashes.iter().all(|leash| leash.why().is_none()),
            "all moved"
        );
        let later = Moment::from_millis(u64::MAX);
        unread.end_surplus(most, later);
        unread.end_surplus(most, later);
        let ended = leashes.iter().filter(|leash| leash.why().is_some());
        assert_eq!(ended.count(), 2, "so many are over the limit");
        for leash in &leashes {
            unread.note(leash, 0);
            unread.forget(leash);
        }
        assert_eq!(
            unread.total.load(Ordering::Relaxed),
            0,
            "it does not add up"
        );
        drop(leashes);
        unread.note(&Leash::new(&line), LITTLE + 1);
        assert_eq!(unread.answers.len(), 1, "they pile up");
    }
}
