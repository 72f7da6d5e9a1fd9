//! The tables of `doorward.redb`, and how a record lies in them.
//!
//! What cannot be read back is damage, and said to be: a revocation that is dropped
//! because it looks odd would let a thief back in.

use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, TableDefinition,
    WriteTransaction,
};

use crate::auth::revocation::{Revocation, RevocationScope};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

mod sessions;

pub(super) use sessions::{count, find, of_all, of_user, open, replace, sweep as sweep_sessions};

/// What [`META`]'s `format` must say.
const FORMAT: u64 = 2;
/// The format before: no sessions.
const OLD_FORMAT: u64 = 1;

/// `format`, and `users_saved` once the users' versions were saved.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Reach → (cut-off, end), both in milliseconds.
const REVOCATIONS: TableDefinition<'_, &[u8], (u64, u64)> = TableDefinition::new("revocations");
/// User id → version.
const USERS: TableDefinition<'_, &str, &str> = TableDefinition::new("users");

/// What went wrong inside the file.
#[derive(Debug)]
pub(super) enum Fault {
    /// The library could not do it.
    Library(redb::Error),
    /// The contents are not what we wrote.
    Contents(String),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Library(error.into())
    }
}

/// Writes the empty tables of a new file.
pub(super) fn initialise(db: &Database) -> Result<(), Fault> {
    let txn = db.begin_write()?;
    txn.open_table(META)?.insert("format", FORMAT)?;
    txn.open_table(REVOCATIONS)?;
    txn.open_table(USERS)?;
    sessions::initialise(&txn)?;
    txn.commit()?;
    Ok(())
}

/// Brings a file of [`OLD_FORMAT`] to this one, in one transaction: it had no sessions,
/// and the rest lies as it did. Leaves any other as it is.
pub(super) fn migrate(db: &Database) -> Result<(), Fault> {
    if format(db)? != Some(OLD_FORMAT) {
        return Ok(());
    }
    let txn = db.begin_write()?;
    sessions::initialise(&txn)?;
    txn.open_table(META)?.insert("format", FORMAT)?;
    txn.commit()?;
    Ok(())
}

fn format(db: &Database) -> Result<Option<u64>, Fault> {
    let meta = db.begin_read()?.open_table(META)?;
    Ok(meta.get("format")?.map(|slot| slot.value()))
}

/// Refuses a file of another program or another version, and one that does not
/// read back. A session's record is read when it is asked for: there may be a million.
pub(super) fn check(db: &Database) -> Result<(), Fault> {
    match format(db)? {
        Some(FORMAT) => {}
        Some(other) => {
            let reason = format!("its format is {other} and this version knows {FORMAT}");
            return Err(Fault::Contents(reason));
        }
        None => return Err(Fault::Contents("it does not say its format".into())),
    }
    live(db, Timestamp::EPOCH)?;
    known_users(db)?;
    sessions::check(db)
}

/// What the contents would take in a file without holes, roughly and not too little:
/// measured with `benches/store.rs`.
pub(super) fn likely_size(db: &Database) -> Result<u64, Fault> {
    let txn = db.begin_read()?;
    let revocations = txn.open_table(REVOCATIONS)?.len()?;
    let users = txn.open_table(USERS)?.len()?;
    let sessions = sessions::count(db)?;
    let small = revocations.saturating_add(users).saturating_mul(200);
    Ok(sessions.saturating_mul(1000).saturating_add(small))
}

/// Records a revocation and forgets the sessions that it reaches; the record as kept.
/// Of two for one reach the later cut-off and end count.
pub(super) fn revoke(txn: &WriteTransaction, revocation: &Revocation) -> Result<Revocation, Fault> {
    let mut until = revocation.until;
    match &revocation.reach {
        RevocationScope::Session(id) => {
            if let Some(session) = sessions::forget(txn, *id)? {
                until = until.min(session.token_until);
            }
        }
        RevocationScope::User(user) => sessions::forget_of_user(txn, user, revocation.at)?,
        RevocationScope::Everybody => sessions::forget_all(txn, revocation.at)?,
    }
    let mut table = txn.open_table(REVOCATIONS)?;
    let key = key_of(&revocation.reach);
    let (at, known_until) = known(&table, &key)?;
    let at = at.max(revocation.at.millis());
    let until = known_until.max(until.millis());
    table.insert(key.as_slice(), (at, until))?;
    Ok(Revocation {
        reach: revocation.reach.clone(),
        at: Timestamp::from_millis(at),
        until: Timestamp::from_millis(until),
    })
}

fn known(table: &Table<'_, &[u8], (u64, u64)>, key: &[u8]) -> Result<(u64, u64), Fault> {
    Ok(table.get(key)?.map_or((0, 0), |slot| slot.value()))
}

/// Every record that ends after `now`.
pub(super) fn live(db: &Database, now: Timestamp) -> Result<Vec<Revocation>, Fault> {
    let table = db.begin_read()?.open_table(REVOCATIONS)?;
    let mut found = Vec::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        let (at, until) = value.value();
        if until > now.millis() {
            found.push(Revocation {
                reach: reach_of(key.value())?,
                at: Timestamp::from_millis(at),
                until: Timestamp::from_millis(until),
            });
        }
    }
    Ok(found)
}

/// Drops every record that has ended at `now`; how many.
pub(super) fn sweep_revocations(txn: &WriteTransaction, now: Timestamp) -> Result<usize, Fault> {
    let mut table = txn.open_table(REVOCATIONS)?;
    let mut dropped: usize = 0;
    for entry in table.extract_if(|_, (_, until)| until <= now.millis())? {
        entry?;
        dropped = dropped.saturating_add(1);
    }
    Ok(dropped)
}

/// The versions of the last save, if there was one.
pub(super) fn known_users(db: &Database) -> Result<Option<Vec<(UserId, String)>>, Fault> {
    let txn = db.begin_read()?;
    if txn.open_table(META)?.get("users_saved")?.is_none() {
        return Ok(None);
    }
    let mut users = Vec::new();
    for entry in txn.open_table(USERS)?.iter()? {
        let (id, version) = entry?;
        users.push((UserId::new(id.value()), version.value().to_owned()));
    }
    Ok(Some(users))
}

/// Replaces the saved versions.
pub(super) fn remember_users(
    txn: &WriteTransaction,
    users: &[(UserId, String)],
) -> Result<(), Fault> {
    txn.delete_table(USERS)?;
    let mut table = txn.open_table(USERS)?;
    for (id, version) in users {
        table.insert(id.as_str(), version.as_str())?;
    }
    txn.open_table(META)?.insert("users_saved", 1)?;
    Ok(())
}

/// A letter for the kind, then the id.
fn key_of(reach: &RevocationScope) -> Vec<u8> {
    match reach {
        RevocationScope::Session(session) => [b"s", session.as_bytes().as_slice()].concat(),
        RevocationScope::User(user) => [b"u", user.as_str().as_bytes()].concat(),
        RevocationScope::Everybody => b"e".to_vec(),
    }
}

fn reach_of(key: &[u8]) -> Result<RevocationScope, Fault> {
    let odd = || Fault::Contents("a revocation with an unreadable key".into());
    match key.split_first() {
        Some((b's', id)) => {
            let id = id.try_into().map_err(|_length| odd())?;
            Ok(RevocationScope::Session(SessionId::from_bytes(id)))
        }
        Some((b'u', id)) => {
            let id = std::str::from_utf8(id).map_err(|_utf8| odd())?;
            Ok(RevocationScope::User(UserId::new(id)))
        }
        Some((b'e', [])) => Ok(RevocationScope::Everybody),
        Some(_) | None => Err(odd()),
    }
}

#[cfg(test)]
pub(super) fn set_format(db: &Database, format: Option<u64>) {
    let txn = db.begin_write().unwrap();
    {
        let mut table = txn.open_table(META).unwrap();
        match format {
            Some(format) => table.insert("format", format).unwrap(),
            None => table.remove("format").unwrap(),
        };
    }
    txn.commit().unwrap();
}
