//! Giving everything to the process after us: listeners at once, the store when it asks
//! for it, and what this process still serves to the end of the drain.
//!
//! Until the other one serves nothing is given up: should it go away, the store is
//! opened again and nobody has noticed more than a wait.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::adapters::clock;
use crate::adapters::service_manager::is_of;
use crate::adapters::store::DataDir;
use crate::adapters::store::embedded::{Embedded, StoreLease};
use crate::adapters::take_over::{Ask, Conversation, MOST_LISTENERS, Record, Reply, VERSION};
use crate::auth::ports::StoreError;
use crate::auth::revocation::Revocation;
use crate::gateway::shared_state::SharedState;

/// How long the next process may take until it asks for the store (it looks up the app's
/// name), and from then until it serves (it verifies the file). A guess: a million sessions
/// take a few seconds.
const SUCCESSOR_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two tries to take the store back from a process that still has it.
const RETRY: Duration = Duration::from_millis(200);
/// How long requests in flight may go on using the store before it is closed. A guess:
/// a login takes a tenth of it.
const LAST_USE: Duration = Duration::from_millis(500);
/// Between two looks at something that ends soon.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Waits for the next process.
pub(crate) struct HandOver {
    pub(crate) shared: Arc<SharedState>,
    pub(crate) claim: DataDir,
    /// Where the next process asks.
    pub(crate) listener: UnixListener,
    pub(crate) sockets: Vec<(String, OwnedFd)>,
    /// The store, if it is one that two processes cannot use.
    pub(crate) embedded: Option<Arc<Embedded>>,
}

impl HandOver {
    /// Waits until another process serves on our listeners. From then on it is to drain.
    pub(crate) async fn done(self) -> Follow {
        loop {
            match self.next().await {
                Ok(Some(follow)) => return follow,
                Ok(None) => log::warn!("the process that was to take over has gone; going on"),
                Err(e) => {
                    log::warn!("no take-over: {e}");
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            }
        }
    }

    /// Speaks with one process; `None` if it has changed its mind.
    async fn next(&self) -> io::Result<Option<Follow>> {
        let listener = tokio::net::UnixListener::from_std(self.listener.try_clone()?)?;
        let (stream, _) = listener.accept().await?;
        let mut conversation = Conversation::new(stream);
        let asked = timeout(SUCCESSOR_TIMEOUT, self.until_store(&mut conversation));
        let Ok(asked) = asked.await else {
            let reason = "it does not ask for the store".to_owned();
            refuse(&conversation, reason).await?;
            return Ok(None);
        };
        let Some(pid) = asked? else { return Ok(None) };
        let lent = self.lend().await;
        let serves = timeout(SUCCESSOR_TIMEOUT, said_that_it_serves(&mut conversation)).await;
        if serves != Ok(true) {
            if serves.is_err() {
                let reason = "it has the store and does not serve".to_owned();
                let _gone = refuse(&conversation, reason).await;
            }
            self.take_back(lent).await;
            return Ok(None);
        }
        // Whether it hears that or not, it serves.
        let _gone = conversation.say(&Reply::Heard, &[]).await;
        log::info!("process {pid} has taken over");
        Ok(Some(Follow {
            conversation,
            shared: Arc::clone(&self.shared),
        }))
    }

    /// Gives the listeners and waits until the store is asked for; who asks.
    async fn until_store(&self, conversation: &mut Conversation) -> io::Result<Option<u32>> {
        let Some(Ask::Sockets {
            version,
            pid,
            names,
        }) = conversation.hear().await?
        else {
            return Ok(None);
        };
        if version != VERSION {
            let reason = format!("it says version {version}, and we {VERSION}");
            refuse(conversation, reason).await?;
            return Ok(None);
        }
        log::info!("process {pid} wants to take over");
        let wanted = || {
            let all = self.sockets.iter();
            all.filter(|(socket, _)| names.iter().any(|name| is_of(socket, name)))
                .take(MOST_LISTENERS)
        };
        let mut beside = vec![self.claim.as_fd(), self.listener.as_fd()];
        beside.extend(wanted().map(|(_, socket)| socket.as_fd()));
        let reply = Reply::Sockets {
            pid: std::process::id(),
            names: wanted().map(|(name, _)| name.clone()).collect(),
        };
        conversation.say(&reply, &beside).await?;
        let asks = matches!(conversation.hear().await?, Some(Ask::Store));
        Ok(asks.then_some(pid))
    }

    /// Closes the store after the last request that is using it, or a moment.
    async fn lend(&self) -> Option<StoreLease> {
        let embedded = self.embedded.as_ref()?;
        let _late = timeout(LAST_USE, async {
            while self.shared.in_flight() > 0 || !self.shared.sessions.deliveries.is_flushed() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        })
        .await;
        Some(embedded.lend().await)
    }

    async fn take_back(&self, lent: Option<StoreLease>) {
        let Some(mut lent) = lent else { return };
        // The other one may be gone from the conversation before its files are closed.
        while let Err(e) = lent.take_back().await {
            if !matches!(e, StoreError::InUse { .. }) {
                log::error!("the store was not taken back: {e}");
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
        drop(lent);
        // The other process may have revoked something.
        match self.shared.sessions.store.live(clock::now()).await {
            Ok(live) => self.shared.sessions.apply(&live),
            Err(e) => log::error!("what was revoked meanwhile is not known: {e}"),
        }
    }
}

/// Tells the other one that it may open the store; whether it has come to serve.
async fn said_that_it_serves(conversation: &mut Conversation) -> bool {
    if conversation.say(&Reply::Store, &[]).await.is_err() {
        return false;
    }
    matches!(conversation.hear().await, Ok(Some(Ask::Serving)))
}

async fn refuse(conversation: &Conversation, reason: String) -> io::Result<()> {
    log::warn!("no take-over: {reason}");
    conversation.say(&Reply::Refused(reason), &[]).await
}

/// The process after us tells what it revokes.
pub(crate) struct Follow {
    conversation: Conversation,
    shared: Arc<SharedState>,
}

impl Follow {
    /// Puts it in force here too, until one of us ends.
    pub(crate) async fn listen(mut self) {
        while let Ok(Some(Ask::Revoked(records))) = self.conversation.hear().await {
            let revocations: Vec<Revocation> = records.iter().filter_map(Record::read).collect();
            self.shared.sessions.apply(&revocations);
            if self.conversation.say(&Reply::Heard, &[]).await.is_err() {
                return;
            }
        }
    }
}
