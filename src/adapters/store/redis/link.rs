//! The connections to Redis: one that all commands share, and one for whoever waits.
//!
//! While Redis is away a command fails at once and does not wait for it to come back; a
//! task of its own tries to connect until it is. The connections live on a thread of their
//! own, so that they outlive whichever service first used them.
//!
//! `rediss://` believes the authorities of the system, or those of `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` where one is set. rustls takes the one crypto provider that is built in,
//! which the proxy brings.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo,
    RedisError, RedisResult, ScriptInvocation,
};
use tokio::runtime::Runtime;

use crate::auth::ports::StoreError;
use crate::domain::secret::Secret;

/// How long a command may take; Redis answers in less than a millisecond. A guess.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take to connect, TLS and password included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two tries to connect, doubled from the first to the last.
const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// A connection on which nothing moves is probed after this time.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The way to Redis.
pub(crate) struct Link {
    client: Client,
    /// Shows that the server serves: a small write, since one that loads its data answers,
    /// and one that was demoted even reads.
    probe: Cmd,
    /// `None` only while dropping.
    runtime: Option<Runtime>,
    state: Mutex<State>,
}

struct State {
    /// Counts the connections, so that an error of an old one does not end a new one.
    number: u64,
    connection: Result<MultiplexedConnection, String>,
    is_connecting: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client knows the password.
        f.write_str("Link")
    }
}

/// Whether the URL can be used.
pub(super) fn inspect(url: &Secret) -> Result<(), StoreError> {
    let usable = client(url).map(drop);
    usable.map_err(|e| StoreError::Unavailable(e.to_string()))
}

impl Link {
    /// Begins to connect; does not wait for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the URL cannot be used.
    pub(super) fn new(url: &Secret, probe: Cmd) -> Result<Arc<Self>, StoreError> {
        let client = client(url).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("redis")
            .enable_all()
            .build()
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let link = Arc::new(Self {
            client,
            probe,
            runtime: Some(runtime),
            state: Mutex::new(State {
                number: 0,
                connection: Err("Redis has not answered yet".into()),
                is_connecting: false,
            }),
        });
        link.reconnect();
        Ok(link)
    }

    /// Whether the server serves.
    pub(super) async fn try_out(self: &Arc<Self>) -> Result<(), StoreError> {
        self.ask(&self.probe).await
    }

    /// Runs a command.
    pub(super) async fn ask<T: FromRedisValue>(
        self: &Arc<Self>,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        let (mut connection, number) = self.connection()?;
        let answer = command.query_async(&mut connection).await;
        self.settle(number, answer)
    }

    /// Runs a script.
    pub(crate) async fn run<T: FromRedisValue>(
        self: &Arc<Self>,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let (mut connection, number) = self.connection()?;
        let answer = call.invoke_async(&mut connection).await;
        self.settle(number, answer)
    }

    /// A connection for somebody who waits for answers up to this long.
    pub(super) async fn own(
        &self,
        patience: Duration,
    ) -> Result<MultiplexedConnection, StoreError> {
        let runtime = self.runtime.as_ref();
        let runtime = runtime.ok_or_else(|| StoreError::Unavailable("stopping".into()))?;
        let (client, probe) = (self.client.clone(), self.probe.clone());
        let connecting = runtime.spawn(async move { connect(&client, &probe, patience).await });
        match connecting.await {
            Ok(connected) => connected.map_err(|e| unavailable(&e)),
            Err(e) => Err(StoreError::Unavailable(e.to_string())),
        }
    }

    /// Waits until it is connected, or a second.
    #[cfg(test)]
    pub(super) fn wait(&self) {
        for _ in 0..100 {
            if self.connection().is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn connection(&self) -> Result<(MultiplexedConnection, u64), StoreError> {
        let state = self.state.lock();
        match &state.connection {
            Ok(connection) => Ok((connection.clone(), state.number)),
            Err(why) => Err(StoreError::Unavailable(why.clone())),
        }
    }

    fn settle<T>(self: &Arc<Self>, number: u64, answer: RedisResult<T>) -> Result<T, StoreError> {
        answer.map_err(|e| {
            if is_loss(&e) {
                self.lost(number, &e);
                self.reconnect();
            }
            unavailable(&e)
        })
    }

    fn lost(&self, number: u64, why: &RedisError) {
        let mut state = self.state.lock();
        if state.number == number && state.connection.is_ok() {
            log::warn!("Redis is away: {why}");
            state.connection = Err(words(why));
        }
    }

    /// Connects in the background, unless it is connected or that goes on already.
    fn reconnect(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if state.connection.is_ok() || state.is_connecting {
            return;
        }
        if let Some(runtime) = &self.runtime {
            state.is_connecting = true;
            let (client, probe) = (self.client.clone(), self.probe.clone());
            runtime.spawn(connect_again(Arc::downgrade(self), client, probe));
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // A runtime that is dropped where tasks run panics.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn connect_again(link: Weak<Link>, client: Client, probe: Cmd) {
    let mut pause = MIN_BACKOFF;
    loop {
        let connected = connect(&client, &probe, RESPONSE_TIMEOUT).await;
        let Some(link) = link.upgrade() else { return };
        {
            let mut state = link.state.lock();
            match connected {
                Ok(connection) => {
                    if state.number > 0 {
                        log::info!("Redis is back");
                    }
                    state.number = state.number.saturating_add(1);
                    state.connection = Ok(connection);
                    state.is_connecting = false;
                    return;
                }
                Err(e) => state.connection = Err(words(&e)),
            }
        }
        drop(link);
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(MAX_BACKOFF);
    }
}

async fn connect(
    client: &Client,
    probe: &Cmd,
    response: Duration,
) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(response));
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    probe.exec_async(&mut connection).await?;
    Ok(connection)
}

pub(super) fn client(url: &Secret) -> RedisResult<Client> {
    let refused = |why| RedisError::from((redis::ErrorKind::InvalidClientConfig, why));
    let url = std::str::from_utf8(url.expose())
        .map_err(|_utf8| refused("session.store.redis.url is not a URL"))?;
    let info = url.into_connection_info()?;
    // TLS that believes any certificate is no protection from whoever can read along.
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(refused(
            "#insecure is not accepted in session.store.redis.url",
        ));
    }
    let tcp = TcpSettings::default().set_nodelay(true);
    let tcp = tcp.set_keepalive(
        TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE),
    );
    Client::open(info.set_tcp_settings(tcp))
}

/// Whether another connection may do what this one did not: it is cut or silent, or leads
/// to a server that is no longer the one to ask.
fn is_loss(error: &RedisError) -> bool {
    const NOT_THE_ONE: [&str; 4] = ["READONLY", "LOADING", "MASTERDOWN", "NOAUTH"];
    let is_said = |detail: &str| NOT_THE_ONE.iter().any(|word| detail.contains(word));
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || error.code().is_some_and(is_said)
        // Redis 6 packs what a command of a script says into another error.
        || error.detail().is_some_and(is_said)
}

pub(super) fn unavailable(error: &RedisError) -> StoreError {
    StoreError::Unavailable(words(error))
}

fn words(error: &RedisError) -> String {
    format!("Redis: {error}")
}
