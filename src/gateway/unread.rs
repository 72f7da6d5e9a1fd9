//! What of all answers clients have not taken: bounded by `limits.unread_answers`.
//!
//! An answer that is taken as fast as it comes is not counted. One that is not costs what
//! pingora reads ahead; beyond the limit the one that has stood still longest is ended, so
//! that those who do not read cannot keep others from being answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::leash::Leash;
use crate::auth::denial::Denial;

/// An answer of which no more than this is on its way is not counted: two pieces.
const LITTLE: usize = 128 * 1024;

/// What one costs that is not taken: measured, with its connection to the app.
pub(super) const READ_AHEAD: u64 = 512 * 1024;

/// Of all connections.
#[derive(Debug, Default)]
pub(super) struct Unread {
    total: AtomicU64,
    answers: Mutex<Vec<Weak<Leash>>>,
}

impl Unread {
    /// So much of this answer was not taken.
    pub(super) fn note(&self, leash: &Arc<Leash>, unread: usize, most: u64) {
        leash.note_unread(unread);
        if unread <= LITTLE {
            self.forget(leash);
        } else if leash.starts_to_count() {
            let total = self.total.fetch_add(READ_AHEAD, Ordering::Relaxed);
            let mut answers = self.answers.lock();
            answers.retain(|answer| answer.strong_count() > 0);
            answers.push(Arc::downgrade(leash));
            if total.saturating_add(READ_AHEAD) > most {
                end_longest(&answers);
            }
        }
    }

    /// It has ended, or is being taken again.
    pub(super) fn forget(&self, leash: &Leash) {
        if leash.stops_to_count() {
            self.total.fetch_sub(READ_AHEAD, Ordering::Relaxed);
        }
    }
}

fn end_longest(answers: &[Weak<Leash>]) {
    let all = answers.iter().filter_map(Weak::upgrade);
    let counted = all.filter(|leash| leash.counts() && leash.why().is_none());
    if let Some(longest) = counted.min_by_key(|leash| leash.moved()) {
        log::debug!("an answer that nobody reads is ended: limits.unread_answers");
        longest.pull(Denial::Overloaded);
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Line;
    use super::*;

    #[test]
    fn beyond_the_limit_who_stood_still_longest_is_ended() {
        let (unread, line) = (Unread::default(), Arc::new(Line::default()));
        let most = 3 * READ_AHEAD;
        let leashes: Vec<_> = (0..5).map(|_| Leash::new(&line)).collect();
        for leash in &leashes {
            unread.note(leash, LITTLE + 1, most);
            unread.note(leash, LITTLE + 1, most);
        }
        let ended = leashes.iter().filter(|leash| leash.why().is_some());
        assert_eq!(ended.count(), 2, "so many are over the limit");
        for leash in &leashes {
            unread.note(leash, 0, most);
            unread.forget(leash);
        }
        assert_eq!(
            unread.total.load(Ordering::Relaxed),
            0,
            "it does not add up"
        );
        drop(leashes);
        unread.note(&Leash::new(&line), LITTLE + 1, most);
        assert_eq!(unread.answers.lock().len(), 1, "they pile up");
    }
}
