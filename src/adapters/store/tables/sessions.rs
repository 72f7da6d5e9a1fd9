//! Sessions: their records, and two indexes that are kept in the same transaction.
//!
//! The indexes hold what it takes to forget a session, so that neither a sweep nor the
//! revocation of a user reads a record. Ids sort by creation, and so do all three tables.

use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, TableDefinition,
    WriteTransaction,
};

use super::{Fault, revoke};
use crate::adapters::store::session_record::{decode, encode};
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// Id → record.
const SESSIONS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("sessions");
/// (User, id) → end in milliseconds.
const BY_USER: TableDefinition<'_, (&str, &[u8; 16]), u64> =
    TableDefinition::new("sessions_by_user");
/// (End in milliseconds, id) → user.
const BY_END: TableDefinition<'_, (u64, &[u8; 16]), &str> = TableDefinition::new("sessions_by_end");

const FIRST: [u8; 16] = [0; 16];
const LAST: [u8; 16] = [u8::MAX; 16];

/// The three tables, open for writing.
struct Tables<'txn> {
    sessions: Table<'txn, &'static [u8; 16], &'static [u8]>,
    by_user: Table<'txn, (&'static str, &'static [u8; 16]), u64>,
    by_end: Table<'txn, (u64, &'static [u8; 16]), &'static str>,
}

impl<'txn> Tables<'txn> {
    fn of(txn: &'txn WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            sessions: txn.open_table(SESSIONS)?,
            by_user: txn.open_table(BY_USER)?,
            by_end: txn.open_table(BY_END)?,
        })
    }

    fn find(&self, id: SessionId) -> Result<Option<StoredSession>, Fault> {
        let slot = self.sessions.get(id.as_bytes())?;
        slot.map(|record| read(id, record.value())).transpose()
    }

    fn put(&mut self, session: &StoredSession) -> Result<(), Fault> {
        self.put_as(session, &encode(session))
    }

    /// Keeps a session under this record of it.
    fn put_as(&mut self, session: &StoredSession, record: &[u8]) -> Result<(), Fault> {
        let (id, user) = (session.id.as_bytes(), session.user.as_str());
        let end = session.end().millis();
        self.sessions.insert(id, record)?;
        let before = self.by_user.insert((user, id), end)?.map(|end| end.value());
        if before == Some(end) {
            return Ok(());
        }
        if let Some(before) = before {
            self.by_end.remove((before, id))?;
        }
        self.by_end.insert((end, id), user)?;
        Ok(())
    }

    fn forget(&mut self, user: &str, id: &[u8; 16], end: u64) -> Result<(), Fault> {
        self.sessions.remove(id)?;
        self.by_user.remove((user, id))?;
        self.by_end.remove((end, id))?;
        Ok(())
    }

    /// The user's sessions, the oldest first: id and end.
    fn of_user(&self, user: &UserId) -> Result<Vec<(SessionId, u64)>, Fault> {
        let user = user.as_str();
        let mut found = Vec::new();
        for entry in self.by_user.range((user, &FIRST)..=(user, &LAST))? {
            let (key, end) = entry?;
            found.push((SessionId::from_bytes(*key.value().1), end.value()));
        }
        Ok(found)
    }
}

/// A record under its id, or damage.
fn read(id: SessionId, record: &[u8]) -> Result<StoredSession, Fault> {
    decode(record)
        .filter(|session| session.id == id)
        .ok_or_else(|| Fault::Contents(format!("the record of session {id} cannot be read")))
}

fn without_record() -> Fault {
    Fault::Contents("a session is in an index and has no record".into())
}

/// Makes the empty tables.
pub(super) fn initialise(txn: &WriteTransaction) -> Result<(), Fault> {
    Tables::of(txn).map(drop)
}

/// Refuses a file whose indexes are not those of its sessions. Counts only.
pub(super) fn check(db: &Database) -> Result<(), Fault> {
    let txn = db.begin_read()?;
    let sessions = txn.open_table(SESSIONS)?.len()?;
    let by_user = txn.open_table(BY_USER)?.len()?;
    let by_end = txn.open_table(BY_END)?.len()?;
    if sessions == by_user && sessions == by_end {
        return Ok(());
    }
    let reason = format!("it has {sessions} sessions, and indexes of {by_user} and {by_end}");
    Err(Fault::Contents(reason))
}

/// Keeps a new session; where the user then has more than `most`, revokes the oldest.
pub(crate) fn open(
    txn: &WriteTransaction,
    session: &StoredSession,
    most: Option<u32>,
    now: Timestamp,
) -> Result<Vec<Revocation>, Fault> {
    let mut tables = Tables::of(txn)?;
    let mut ended = Vec::new();
    if let Some(most) = most {
        let mut others = tables.of_user(&session.user)?;
        others.retain(|(id, end)| *id != session.id && *end > now.millis());
        // The new one counts too, and stays.
        let room = usize::try_from(most.max(1).saturating_sub(1)).unwrap_or(usize::MAX);
        others.truncate(others.len().saturating_sub(room));
        for (id, _) in others {
            let oldest = tables.find(id)?.ok_or_else(without_record)?;
            ended.push(Revocation {
                reach: RevocationScope::Session(id),
                at: now,
                until: oldest.token_until,
            });
        }
    }
    tables.put(session)?;
    drop(tables);
    ended.iter().map(|oldest| revoke(txn, oldest)).collect()
}

/// Replaces `old` by `new` if `old` is what is kept.
pub(crate) fn replace(
    txn: &WriteTransaction,
    old: &StoredSession,
    new: &StoredSession,
) -> Result<bool, Fault> {
    let mut tables = Tables::of(txn)?;
    let is_kept = tables.find(old.id)?.as_ref() == Some(old);
    if is_kept {
        tables.put(new)?;
    }
    Ok(is_kept)
}

/// The session, if it is there.
pub(crate) fn find(db: &Database, id: SessionId) -> Result<Option<StoredSession>, Fault> {
    let table = db.begin_read()?.open_table(SESSIONS)?;
    let slot = table.get(id.as_bytes())?;
    slot.map(|record| read(id, record.value())).transpose()
}

/// Up to `most` sessions of a user that are not over at `now`, the oldest first.
pub(crate) fn of_user(
    db: &Database,
    user: &UserId,
    most: usize,
    now: Timestamp,
) -> Result<Vec<StoredSession>, Fault> {
    let txn = db.begin_read()?;
    let (sessions, by_user) = (txn.open_table(SESSIONS)?, txn.open_table(BY_USER)?);
    let user = user.as_str();
    let mut found = Vec::new();
    for entry in by_user.range((user, &FIRST)..=(user, &LAST))? {
        if found.len() >= most {
            break;
        }
        let (key, end) = entry?;
        if end.value() > now.millis() {
            let id = key.value().1;
            let record = sessions.get(id)?.ok_or_else(without_record)?;
            found.push(read(SessionId::from_bytes(*id), record.value())?);
        }
    }
    Ok(found)
}

/// Up to `most` sessions that are not over at `now`.
pub(crate) fn of_all(
    db: &Database,
    most: usize,
    now: Timestamp,
) -> Result<Vec<StoredSession>, Fault> {
    let sessions = db.begin_read()?.open_table(SESSIONS)?;
    let mut found = Vec::new();
    for entry in sessions.iter()? {
        if found.len() >= most {
            break;
        }
        let (id, record) = entry?;
        let session = read(SessionId::from_bytes(*id.value()), record.value())?;
        if !session.is_over(now) {
            found.push(session);
        }
    }
    Ok(found)
}

/// How many there are.
pub(crate) fn count(db: &Database) -> Result<u64, Fault> {
    Ok(db.begin_read()?.open_table(SESSIONS)?.len()?)
}

/// Forgets one session; it, if it was there.
pub(super) fn forget(
    txn: &WriteTransaction,
    id: SessionId,
) -> Result<Option<StoredSession>, Fault> {
    let mut tables = Tables::of(txn)?;
    let Some(session) = tables.find(id)? else {
        return Ok(None);
    };
    tables.forget(session.user.as_str(), id.as_bytes(), session.end().millis())?;
    Ok(Some(session))
}

/// Forgets the sessions of a user that were created up to `at`.
pub(super) fn forget_of_user(
    txn: &WriteTransaction,
    user: &UserId,
    at: Timestamp,
) -> Result<(), Fault> {
    let mut tables = Tables::of(txn)?;
    for (id, end) in tables.of_user(user)? {
        if id.created() <= at {
            tables.forget(user.as_str(), id.as_bytes(), end)?;
        }
    }
    Ok(())
}

/// Forgets every session that was created up to `at`. Drops the tables and writes back
/// who is spared: as a rule that is nobody, and there may be a million to remove.
pub(super) fn forget_all(txn: &WriteTransaction, at: Timestamp) -> Result<(), Fault> {
    let mut spared = Vec::new();
    for entry in txn.open_table(SESSIONS)?.iter()?.rev() {
        let (id, record) = entry?;
        let id = SessionId::from_bytes(*id.value());
        if id.created() <= at {
            break;
        }
        let record = record.value();
        spared.push((read(id, record)?, record.to_vec()));
    }
    txn.delete_table(SESSIONS)?;
    txn.delete_table(BY_USER)?;
    txn.delete_table(BY_END)?;
    let mut tables = Tables::of(txn)?;
    for (session, record) in &spared {
        tables.put_as(session, record)?;
    }
    Ok(())
}

/// Forgets up to `most` sessions that are over at `now`; how many.
pub(crate) fn sweep(txn: &WriteTransaction, now: Timestamp, most: usize) -> Result<usize, Fault> {
    let mut tables = Tables::of(txn)?;
    let mut over = Vec::new();
    for entry in tables.by_end.range(..=(now.millis(), &LAST))?.take(most) {
        let (key, user) = entry?;
        let (end, id) = key.value();
        over.push((user.value().to_owned(), *id, end));
    }
    for (user, id, end) in &over {
        tables.forget(user, id, *end)?;
    }
    Ok(over.len())
}
