//! Reading what other gateways revoke, without missing any of it.
//!
//! One connection waits for new entries of the log and reads on from the last that it saw.
//! The live set is read, and what is known here and missing there is published, whenever
//! that chain may have a gap:
//!
//! 1. at the beginning and after every lost connection;
//! 2. when `epoch` is not the one seen before: Redis was emptied or replaced;
//! 3. when the log ends before the last entry seen: an older state of Redis came back;
//! 4. when nothing was heard for so long that the log may have been trimmed meanwhile.
//!
//! So a revocation that one gateway knows is in force on all of them as long as that one
//! runs, whatever Redis forgets.

use std::collections::HashMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{cmd, pipe};
use tokio::time::Instant;

use super::Redis;
use super::link::unavailable;
use crate::adapters::store::wire;
use crate::adapters::{clock, entropy};
use crate::auth::ports::{RevocationListener, Store, StoreError};
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::domain::time::Timestamp;

/// How long Redis waits for news before it says that there is none.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(500);
/// When no answer at all is a lost connection.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Entries read at once.
const BATCH: usize = 1000;
/// Between two tries to connect.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(250);
/// After a silence as long as this one, the log may have a gap. The log keeps an hour.
const GAP_AFTER: Duration = Duration::from_secs(60);
/// When to look a second time after a loss: who was being answered just then knows of a
/// revocation a little later than it was lost.
const RECHECK_DELAY: Duration = Duration::from_secs(5);
/// How often the connection that the commands use is tried out.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the ends of sessions' tokens are not believed after a loss.
const DOUBT_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    millis: u64,
    number: u64,
}

impl Place {
    fn parse(id: &str) -> Option<Self> {
        let (millis, number) = id.split_once('-')?;
        Some(Self {
            millis: millis.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    fn text(self) -> String {
        format!("{}-{}", self.millis, self.number)
    }
}

pub(super) struct Follower<'a> {
    store: &'a Redis,
    audience: &'a dyn RevocationListener,
    /// Whether Redis was heard of before, so that this is not the beginning.
    was_in_touch: bool,
    tried_out: Option<Instant>,
    /// Whether it was logged that nothing is heard.
    is_deaf: bool,
}

/// Where one connection has come to.
struct Thread {
    connection: MultiplexedConnection,
    epoch: String,
    last: Place,
    heard: Timestamp,
    look_again: Option<Instant>,
}

/// What one look gave.
struct News {
    entries: Vec<StreamId>,
    epoch: Option<String>,
    newest: Place,
}

impl<'a> Follower<'a> {
    pub(super) fn new(store: &'a Redis, audience: &'a dyn RevocationListener) -> Self {
        Self {
            store,
            audience,
            was_in_touch: false,
            tried_out: None,
            is_deaf: false,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let Err(e) = self.follow().await;
            if !std::mem::replace(&mut self.is_deaf, true) {
                log::warn!("the revocations of other gateways are not heard: {e}");
            }
            self.try_out().await;
            tokio::time::sleep(RECONNECT_INTERVAL).await;
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, StoreError> {
        let mut thread = Thread {
            connection: self.store.link.own(RESPONSE_TIMEOUT).await?,
            epoch: String::new(),
            last: Place::default(),
            heard: Timestamp::EPOCH,
            look_again: None,
        };
        self.try_out().await;
        if self.was_in_touch {
            self.doubt().await?;
        }
        self.read_all(&mut thread).await?;
        self.was_in_touch = true;
        loop {
            let asked = clock::now();
            let news = self.look(&mut thread).await?;
            let told = news.entries.len();
            self.tell(&mut thread, news.entries);
            let lost = news.epoch.as_ref() != Some(&thread.epoch) || news.newest < thread.last;
            if lost {
                log::warn!("Redis has lost data; revocations that are known here are published");
                self.doubt().await?;
                self.read_all(&mut thread).await?;
                thread.look_again = Some(Instant::now() + RECHECK_DELAY);
            } else if asked.since(thread.heard) > GAP_AFTER
                || thread.look_again.is_some_and(|at| at <= Instant::now())
            {
                self.read_all(&mut thread).await?;
                thread.look_again = None;
            } else if told < BATCH {
                // As of when it was asked: the answer may have waited for us.
                thread.heard = asked;
                self.audience.mark_synced(asked);
            }
            if std::mem::take(&mut self.is_deaf) {
                log::info!("the revocations of other gateways are heard again");
            }
            if self
                .tried_out
                .is_none_or(|at| at.elapsed() > PROBE_INTERVAL)
            {
                self.try_out().await;
            }
        }
    }

    /// Reads the live set and publishes what it lacks. The place in the log is noted
    /// first, so that what comes meanwhile is read afterwards.
    async fn read_all(&self, thread: &mut Thread) -> Result<(), StoreError> {
        let asked = clock::now();
        let fresh = format!("{:032x}", u128::from_le_bytes(entropy::random()));
        let log = self.store.key("log");
        let ((), epoch, newest): ((), String, StreamRangeReply) = pipe()
            .cmd("SET")
            .arg(self.store.key("epoch"))
            .arg(fresh)
            .arg("NX")
            .cmd("GET")
            .arg(self.store.key("epoch"))
            .cmd("XREVRANGE")
            .arg(log)
            .arg(&["+", "-", "COUNT", "1"])
            .query_async(&mut thread.connection)
            .await
            .map_err(|e| unavailable(&e))?;
        thread.epoch = epoch;
        thread.last = newest_of(&newest);
        let live = self.store.live(asked).await?;
        self.audience.revoked(&live);
        let missing = missing(self.audience.known(), &live, asked);
        if !missing.is_empty() {
            log::info!(
                "{} revocations that Redis lacked are published",
                missing.len()
            );
            self.store.publish(&missing).await?;
        }
        thread.heard = asked;
        self.audience.mark_synced(asked);
        Ok(())
    }

    async fn look(&self, thread: &mut Thread) -> Result<News, StoreError> {
        let log = self.store.key("log");
        let (read, epoch, newest): (Option<StreamReadReply>, _, StreamRangeReply) = pipe()
            .cmd("XREAD")
            .arg("COUNT")
            .arg(BATCH)
            .arg("BLOCK")
            .arg(BLOCK_TIMEOUT.as_millis().to_string())
            .arg("STREAMS")
            .arg(&log)
            .arg(thread.last.text())
            .cmd("GET")
            .arg(self.store.key("epoch"))
            .cmd("XREVRANGE")
            .arg(&log)
            .arg(&["+", "-", "COUNT", "1"])
            .query_async(&mut thread.connection)
            .await
            .map_err(|e| unavailable(&e))?;
        let streams = read.map(|read| read.keys).unwrap_or_default();
        Ok(News {
            entries: streams.into_iter().flat_map(|stream| stream.ids).collect(),
            epoch,
            newest: newest_of(&newest),
        })
    }

    fn tell(&self, thread: &mut Thread, entries: Vec<StreamId>) {
        let mut revoked = Vec::with_capacity(entries.len());
        for entry in entries {
            thread.last = thread.last.max(Place::parse(&entry.id).unwrap_or_default());
            match revocation_of(&entry) {
                Some(revocation) => revoked.push(revocation),
                None => log::error!("entry {} of Redis' log cannot be read", entry.id),
            }
        }
        if !revoked.is_empty() {
            self.audience.revoked(&revoked);
        }
    }

    /// Redis may know older sessions than there are: for a while the end of their tokens
    /// is not taken from it.
    async fn doubt(&self) -> Result<(), StoreError> {
        let mut set = cmd("SET");
        set.arg(self.store.key("lost")).arg("1");
        set.arg("PX").arg(DOUBT_PERIOD.as_millis().to_string());
        self.store.link.ask(&set).await
    }

    /// Notices when the commands' connection is dead before somebody needs it.
    async fn try_out(&mut self) {
        self.tried_out = Some(Instant::now());
        let _known = self.store.ready().await;
    }
}

fn newest_of(reply: &StreamRangeReply) -> Place {
    let newest = reply.ids.first();
    newest
        .and_then(|entry| Place::parse(&entry.id))
        .unwrap_or_default()
}

fn revocation_of(entry: &StreamId) -> Option<Revocation> {
    let field = |name: &str| entry.get::<String>(name);
    wire::revocation(&field("reach")?, &field("at")?, &field("until")?)
}

/// What is `known` and still counts at `now`, and what `live` does not have, or has weaker.
fn missing(known: Vec<Revocation>, live: &[Revocation], now: Timestamp) -> Vec<Revocation> {
    let live: HashMap<String, &Revocation> = live
        .iter()
        .map(|kept| (wire::reach(&kept.reach), kept))
        .collect();
    let is_there = |one: &Revocation| {
        live.get(&wire::reach(&one.reach)).is_some_and(|kept| {
            let is_cut_off = !matches!(one.reach, RevocationScope::Session(_));
            kept.until >= one.until && (!is_cut_off || kept.at >= one.at)
        })
    };
    let mut missing = known;
    missing.retain(|one| one.until > now && !is_there(one));
    missing
}
