//! What a Redis says of itself, for `doorward doctor`. Reads only.

use std::time::Duration;

use redis::{Connection, InfoDict, cmd};

use super::RedisAddress;
use crate::adapters::clock;
use crate::domain::time::Timestamp;

/// What was found out; `None` where it was not told.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedisReport {
    /// Whether every change is written to an append-only file.
    pub appends: Option<bool>,
    /// `appendfsync`: always, everysec, no.
    pub fsync: Option<String>,
    /// What is forgotten when memory runs out; `noeviction` is nothing.
    pub eviction: Option<String>,
    /// Its clock, and ours just before and after.
    pub time: Option<(Timestamp, [Timestamp; 2])>,
}

/// Asks it.
///
/// # Errors
/// In words, without the URL, why it does not answer.
pub(crate) fn examine(settings: &RedisAddress, patience: Duration) -> Result<RedisReport, String> {
    let client = super::link::client(&settings.url).map_err(|e| e.to_string())?;
    let mut connection = client
        .get_connection_with_timeout(patience)
        .map_err(|e| e.to_string())?;
    let failed = |e: redis::RedisError| e.to_string();
    connection
        .set_read_timeout(Some(patience))
        .map_err(failed)?;
    connection
        .set_write_timeout(Some(patience))
        .map_err(failed)?;
    let before = clock::now();
    let (seconds, micros): (u64, u64) = cmd("TIME").query(&mut connection).map_err(failed)?;
    let theirs = Timestamp::from_secs(seconds).after(Duration::from_micros(micros));
    let time = (theirs, [before, clock::now()]);
    // Not everybody may ask these.
    let info: Option<InfoDict> = cmd("INFO").query(&mut connection).ok();
    let of = |key: &str| info.as_ref().and_then(|info| info.get::<String>(key));
    Ok(RedisReport {
        appends: of("aof_enabled").map(|enabled| enabled == "1"),
        eviction: of("maxmemory_policy"),
        fsync: fsync(&mut connection),
        time: Some(time),
    })
}

fn fsync(connection: &mut Connection) -> Option<String> {
    let answer = cmd("CONFIG").arg(&["GET", "appendfsync"]).query(connection);
    let (_, value): (String, String) = answer.ok()?;
    Some(value)
}
