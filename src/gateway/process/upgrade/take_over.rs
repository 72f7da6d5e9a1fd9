//! Taking over from the process that runs on our `data_dir` (`doorward run --take-over`):
//! its listeners and its claim first, its store when everything else is ready. It drains
//! when we serve, and until it has ended it is told what we revoke.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::adapters::store::{DataDir, DataDirError};
use crate::adapters::take_over::{Ask, Conversation, Record, Reply, VERSION};
use crate::service::sessions::ForwardedRevocations;

/// How long the running process may take for an answer. It closes its store after the
/// writes that wait, which can take seconds on a slow disk. A guess.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why nothing was taken over. The running process goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeOverError {
    /// No process runs on this `data_dir`.
    #[error("no gateway runs on {0} to take over from; leave out --take-over to start one")]
    NobodyThere(String),
    /// It said no.
    #[error("the running gateway refuses: {0}")]
    Refused(String),
    /// It went away, or what it said was no answer.
    #[error("the running gateway does not answer: {0}")]
    Silent(#[source] io::Error),
    /// What it gave is no claim to the `data_dir`.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// The process before us.
pub(crate) struct OldProcess {
    conversation: Conversation,
}

/// What it gave.
pub(crate) struct Inherited {
    pub(crate) claim: DataDir,
    /// Where the process after us will ask.
    pub(crate) next: UnixListener,
    pub(crate) sockets: HashMap<String, OwnedFd>,
}

impl OldProcess {
    /// Asks for the listeners of these names. Both processes have them then.
    pub(crate) async fn connect(
        data_dir: &Path,
        names: Vec<String>,
    ) -> Result<(Self, Inherited), TakeOverError> {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let conversation = Conversation::with(data_dir).await;
        let conversation = conversation.map_err(|e| match e.kind() {
            NotFound | ConnectionRefused => {
                TakeOverError::NobodyThere(data_dir.display().to_string())
            }
            _ => TakeOverError::Silent(e),
        })?;
        let mut this = Self { conversation };
        let ask = Ask::Sockets {
            version: VERSION,
            pid: std::process::id(),
            names,
        };
        let Reply::Sockets { pid, names } = this.answer(&ask).await? else {
            return Err(out_of_turn());
        };
        let mut given = this.conversation.descriptors().into_iter();
        let (Some(claim), Some(next)) = (given.next(), given.next()) else {
            return Err(out_of_turn());
        };
        log::info!("taking over from process {pid}: {}", names.join(", "));
        let inherited = Inherited {
            claim: DataDir::inherit(data_dir, claim)?,
            next: next.into(),
            sockets: names.into_iter().zip(given).collect(),
        };
        Ok((this, inherited))
    }

    /// Has the store closed there, so that it can be opened here.
    pub(crate) async fn request_store(&mut self) -> Result<(), TakeOverError> {
        match self.answer(&Ask::Store).await? {
            Reply::Store => Ok(()),
            Reply::Sockets { .. } | Reply::Heard | Reply::Refused(_) => Err(out_of_turn()),
        }
    }

    /// Says that we serve. It may have ended meanwhile, which leaves us alone with what it
    /// gave.
    ///
    /// # Errors
    /// [`TakeOverError::Refused`] when it has given up waiting and serves itself.
    pub(crate) async fn mark_superseded(&mut self) -> Result<(), TakeOverError> {
        match self.answer(&Ask::Serving).await {
            Ok(_) => Ok(()),
            Err(TakeOverError::Silent(e)) => {
                log::warn!("the process before us has ended: {e}");
                Ok(())
            }
            Err(refused) => Err(refused),
        }
    }

    /// Tells it what we revoke, until it has ended.
    pub(crate) async fn tell(mut self, mut news: UnboundedReceiver<ForwardedRevocations>) {
        while let Some(news) = news.recv().await {
            let ForwardedRevocations { revocations, ack } = news;
            let records = revocations.iter().map(Record::of).collect();
            match self.answer(&Ask::Revoked(records)).await {
                Ok(Reply::Heard) => {
                    // Not everybody waits for it.
                    let _nobody = ack.send(());
                }
                // It has ended. Without a receiver nobody is told any more.
                _ => return,
            }
        }
    }

    async fn answer(&mut self, ask: &Ask) -> Result<Reply, TakeOverError> {
        let answer = async {
            self.conversation.say(ask, &[]).await?;
            self.conversation.hear().await
        };
        let heard = timeout(REPLY_TIMEOUT, answer)
            .await
            .map_err(|_late| TakeOverError::Silent(io::ErrorKind::TimedOut.into()))?;
        match heard.map_err(TakeOverError::Silent)? {
            Some(Reply::Refused(reason)) => Err(TakeOverError::Refused(reason)),
            Some(reply) => Ok(reply),
            None => Err(TakeOverError::Silent(
                io::ErrorKind::ConnectionAborted.into(),
            )),
        }
    }
}

fn out_of_turn() -> TakeOverError {
    TakeOverError::Silent(io::ErrorKind::InvalidData.into())
}
