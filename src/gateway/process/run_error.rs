//! Why a gateway does not start.

use crate::adapters::store::DataDirError;
use crate::auth::ports::StoreError;
use crate::gateway::connection::listen::ListenError;
use crate::gateway::process::upgrade::take_over::TakeOverError;
use crate::gateway::snapshot::SnapshotError;

/// Why a gateway did not start, or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The `data_dir`.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The process to take over from.
    #[error("no take-over: {0}")]
    TakeOver(#[from] TakeOverError),
    /// The sockets, or the certificate.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store that is shared, after some waiting.
    #[error(transparent)]
    Unreachable(StoreError),
    /// Keys or upstream.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Something that does not fail.
    #[error("{0}")]
    Broken(String),
}
