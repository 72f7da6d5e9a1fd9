//! Refresh tokens: what one that is presented leads to.
//!
//! | presented | state | outcome |
//! |---|---|---|
//! | the newest generation | | the next one, a new pair |
//! | the one before it | inside the grace, or the newest was not seen yet when it arrived | the newest pair again |
//! | the one before it | past the grace, and the newest was seen | reuse |
//! | an older one | | reuse |
//! | one that is newer than the store's | the store lost writes that it had acknowledged | the next one |
//!
//! The grace counts from the rotation, never slides, and never makes a second branch:
//! whoever comes inside it gets the same successor. That forgives parallel requests and
//! answers that were lost on the way; a thief who rotates first and stays silent shares
//! the branch until one of the two uses what it got after the other.
//!
//! One case more, which the model found (`adapters/store/rotation_model.rs`). The answer is
//! lost or late, and after the grace the page asks again, with twenty requests at once. The
//! first gets the pair, and the browser uses it while the others are still queued with the
//! old cookie. So for requests on their way through the grace counts from the first sight
//! of the successor too, which is one moment like the rotation; who calls `POST /refresh`
//! sends no swarm and gets no more than the table says.

use std::time::Duration;

use super::stored::{Device, StoredSession};
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// What a refresh token says. Its authenticity is somebody else's work (`ports::Tokens`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session.
    pub session: SessionId,
    /// Its generation.
    pub generation: u64,
    /// When the session ends if it is not renewed; tells one that ran out from one that
    /// was ended, once the store has forgotten both.
    pub ends: Timestamp,
}

/// What presenting a refresh token leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationOutcome {
    /// The session as it is to be after this rotation.
    Rotate(StoredSession),
    /// The newest pair again; nothing changes.
    Repeat,
    /// The newest pair again, long after it was made: the session as it is to be, since
    /// its access token is a fresh one and lives longer.
    Recover(StoredSession),
    /// The session's time has run out.
    Over,
    /// Somebody has used what this token was exchanged for: one of the two is a thief.
    Reuse,
}

/// How a token came to be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTrigger {
    /// With a request on its way through, one of many perhaps.
    Transparent,
    /// By a client that asks for it.
    Explicit,
}

/// How renewals go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The lifetime of an access token.
    pub access: Duration,
    /// How long a token that was just rotated gets the same successor.
    pub grace: Duration,
}

impl StoredSession {
    /// What a token of this `generation` leads to at `now`, presented from `device` by a
    /// user whose version is `version` today.
    pub fn present(
        &self,
        generation: u64,
        way: RefreshTrigger,
        now: Timestamp,
        terms: Terms,
        device: &Device,
        version: &str,
    ) -> RotationOutcome {
        if self.is_over(now) {
            return RotationOutcome::Over;
        }
        if generation >= self.generation {
            return self.rotated(generation, now, terms, device, version);
        }
        let is_last = generation.checked_add(1) == Some(self.generation);
        let within = |since: Timestamp| now.since(since) < terms.grace;
        let seen_lately = way == RefreshTrigger::Transparent && self.seen.is_some_and(within);
        let is_lately = within(self.renewed) || seen_lately;
        // What arrived before the newest was seen was sent by somebody who did not have it.
        let unseen = self.seen.is_none_or(|seen| now <= seen);
        if !is_last || !(is_lately || unseen) {
            return RotationOutcome::Reuse;
        }
        // The access token is a fresh one: if nothing that is remembered of the session
        // lasted as long, its revocation would be forgotten too soon.
        if is_lately && self.token_end(now, terms.access) <= self.token_until {
            return RotationOutcome::Repeat;
        }
        let mut again = self.clone();
        again.token_until = again.token_until.max(longest_token(&again, now, terms));
        RotationOutcome::Recover(again)
    }

    fn rotated(
        &self,
        presented: u64,
        now: Timestamp,
        terms: Terms,
        device: &Device,
        version: &str,
    ) -> RotationOutcome {
        let Some(generation) = presented.checked_add(1) else {
            return RotationOutcome::Over;
        };
        let mut next = Self {
            id: self.id,
            user: self.user.clone(),
            version: version.to_owned(),
            idle: self.idle,
            ends: self.ends_seen_from(now),
            generation,
            renewed: now,
            seen: None,
            used: None,
            token_until: self.token_until,
            client: device.client,
            agent: device.agent.clone(),
            extra: self.extra.clone(),
        };
        next.token_until = next.token_until.max(longest_token(&next, now, terms));
        RotationOutcome::Rotate(next)
    }

    /// Its absolute end. Of a login from ahead of the clock, which was set back since, it
    /// is as far away as at any login, and not beyond that by as much as the clock was off.
    fn ends_seen_from(&self, now: Timestamp) -> Timestamp {
        let created = self.created();
        if created <= now || self.ends <= created {
            return self.ends;
        }
        self.ends.min(now.after(self.ends.since(created)))
    }
}

/// When the last access token of this generation can end, one repeated at the end of the
/// grace included.
pub(super) fn longest_token(session: &StoredSession, now: Timestamp, terms: Terms) -> Timestamp {
    session.token_end(now.after(terms.grace), terms.access)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::stored::Extra;
    use crate::domain::id::UserId;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
    const TERMS: Terms = Terms {
        access: Duration::from_secs(900),
        grace: Duration::from_secs(10),
    };

    fn device(last: u8) -> Device {
        Device::new([192, 0, 2, last].into(), b"agent")
    }

    /// A session of generation 5 that was renewed so many seconds ago.
    fn stored(ago: u64, seen: bool) -> StoredSession {
        let seen = seen.then(|| NOW.before(Duration::from_millis(1)));
        let renewed = NOW.before(Duration::from_secs(ago));
        StoredSession {
            id: SessionId::new(NOW, [1; 10]),
            user: UserId::new("1"),
            version: "0.old".into(),
            idle: Duration::from_secs(3600),
            ends: NOW.after(Duration::from_secs(86_400)),
            generation: 5,
            renewed,
            seen,
            used: None,
            token_until: renewed.after(Duration::from_secs(910)),
            client: [192, 0, 2, 1].into(),
            agent: "old".into(),
            extra: Extra::default(),
        }
    }

    fn outcome(stored: &StoredSession, generation: u64) -> &'static str {
        match stored.present(
            generation,
            RefreshTrigger::Explicit,
            NOW,
            TERMS,
            &device(2),
            "0.new",
        ) {
            RotationOutcome::Rotate(_) => "rotate",
            RotationOutcome::Repeat => "repeat",
            RotationOutcome::Recover(_) => "recover",
            RotationOutcome::Over => "over",
            RotationOutcome::Reuse => "reuse",
        }
    }

    #[test]
    fn the_rotation_table() {
        for (generation, ago, seen, expected) in [
            (5, 0, false, "rotate"),
            (5, 3599, true, "rotate"),
            (4, 0, true, "repeat"),
            (4, 9, true, "repeat"),
            (4, 9, false, "repeat"),
            (4, 10, true, "reuse"),
            (4, 10, false, "recover"),
            (4, 3599, false, "recover"),
            (3, 0, false, "reuse"),
            (3, 0, true, "reuse"),
            (0, 0, false, "reuse"),
            (6, 0, true, "rotate"),
            (9, 100, false, "rotate"),
            (5, 3600, true, "over"),
            (4, 3600, false, "over"),
            (u64::MAX, 0, true, "over"),
        ] {
            let got = outcome(&stored(ago, seen), generation);
            assert_eq!(got, expected, "{generation} after {ago} s, seen: {seen}");
        }
    }

    #[test]
    fn the_grace_counts_from_the_rotation_and_a_repeat_does_not_extend_it() {
        let session = stored(9, true);
        assert_eq!(outcome(&session, 4), "repeat");
        // Nothing was written, so a second later it is over.
        assert_eq!(outcome(&stored(10, true), 4), "reuse");
    }

    #[test]
    fn a_rotation_takes_todays_facts_and_leaves_the_limits() {
        let before = stored(100, true);
        let RotationOutcome::Rotate(after) =
            before.present(5, RefreshTrigger::Explicit, NOW, TERMS, &device(2), "0.new")
        else {
            panic!("not rotated");
        };
        assert_eq!(after.generation, 6);
        assert_eq!(after.renewed, NOW, "idle time counts from now");
        assert_eq!(after.seen, None);
        assert_eq!(after.version, "0.new");
        assert_eq!(after.client, device(2).client);
        assert_eq!((after.idle, after.ends), (before.idle, before.ends));
        assert_eq!(
            after.token_until,
            NOW.after(TERMS.access).after(TERMS.grace)
        );
    }

    #[test]
    fn no_token_outlives_what_is_remembered_of_it() {
        // Recovered late, the access token is fresh and so is its end.
        let RotationOutcome::Recover(after) =
            stored(2000, false).present(4, RefreshTrigger::Explicit, NOW, TERMS, &device(2), "")
        else {
            panic!("not recovered");
        };
        assert!(after.token_until >= after.token_end(NOW, TERMS.access));
        assert_eq!(
            after.renewed,
            stored(2000, false).renewed,
            "no second grace"
        );
        // Inside the grace too, where tokens live longer than when it began.
        let longer = Terms {
            access: TERMS.access * 2,
            ..TERMS
        };
        let turn =
            stored(5, false).present(4, RefreshTrigger::Explicit, NOW, longer, &device(2), "");
        assert!(
            matches!(turn, RotationOutcome::Recover(after) if after.token_until > NOW.after(longer.access))
        );
        // Close to the end of the session nothing goes beyond it.
        let mut last = stored(0, true);
        last.ends = NOW.after(Duration::from_secs(5));
        assert_eq!(last.token_end(NOW, TERMS.access), last.ends);
    }

    #[test]
    fn a_swarm_is_forgiven_that_came_before_the_successor_was_seen() {
        let after = |seen: u64, way| {
            let mut session = stored(2000, true);
            session.seen = Some(NOW.before(Duration::from_secs(seen)));
            match session.present(4, way, NOW, TERMS, &device(2), "") {
                RotationOutcome::Repeat => "repeat",
                RotationOutcome::Recover(after) => {
                    assert!(after.token_until >= after.token_end(NOW, TERMS.access));
                    let next = after.present(4, way, NOW, TERMS, &device(2), "");
                    assert_eq!(next, RotationOutcome::Repeat, "written once");
                    "recover"
                }
                RotationOutcome::Reuse => "reuse",
                _ => "other",
            }
        };
        assert_eq!(after(9, RefreshTrigger::Transparent), "recover");
        assert_eq!(after(10, RefreshTrigger::Transparent), "reuse");
        assert_eq!(after(9, RefreshTrigger::Explicit), "reuse");
        let mut session = stored(2000, true);
        session.seen = Some(NOW);
        assert_eq!(outcome(&session, 4), "recover", "it arrived no later");
    }

    #[test]
    fn a_clock_that_was_set_back_logs_nobody_out() {
        let mut ahead = stored(0, true);
        ahead.renewed = NOW.after(Duration::from_secs(3600));
        assert_eq!(outcome(&ahead, 4), "repeat");
        assert_eq!(outcome(&ahead, 5), "rotate");
    }
}
