//! Everything that a start needs and that can be had before it: read, parsed and tried, with
//! nothing listening and nothing written. `doorward run` begins with this, and `doorward
//! check` is this and a rehearsal of what takes long ([`rehearse`]): what the one takes the
//! other takes.
//!
//! What is left to a start alone: ports that somebody else holds, the lock of a `data_dir`
//! that is in use, and a store that is away.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

use crate::adapters::clock;
use crate::adapters::jwt;
use crate::adapters::store::{DataDir, DataDirError, Embedded, Redis};
use crate::adapters::take_over;
use crate::config::settings::{Settings, StoreKind};
use crate::gateway::connection::listen::{Certificate, ListenError, may_read_authorities, name_of};
use crate::gateway::process::run_error::RunError;
use crate::gateway::snapshot::SnapshotError;
use crate::gateway::upstream::target::Upstream;

/// The name of the operators' socket inside `data_dir`.
pub(crate) const ADMIN_SOCKET: &str = "admin.sock";

/// What a start goes on with.
pub(crate) struct Prepared {
    /// The certificate of the TLS listener, if there is one.
    pub(crate) certificate: Option<Certificate>,
}

/// Tries the settings.
///
/// # Errors
/// Why [`crate::gateway::process::server::run`] would not start.
pub(crate) fn prepare(settings: &Settings) -> Result<Prepared, RunError> {
    let redirect = settings.tls.as_ref().and_then(|tls| tls.redirect_from);
    for address in settings.listen.iter().copied().chain(redirect) {
        may_bind(address)?;
    }
    may_bind(settings.admin.listen)?;
    match DataDir::inspect(&settings.data_dir) {
        Err(DataDirError::Io { .. }) if !is_needed(settings) => {}
        outcome => {
            outcome?;
            may_make_sockets(&settings.data_dir)?;
        }
    }
    match &settings.store {
        StoreKind::Embedded => Embedded::inspect(&settings.data_dir)?,
        StoreKind::Redis(redis) => Redis::inspect(redis)?,
        StoreKind::Memory => {}
    }
    let certificate = settings.tls.as_ref().map(Certificate::load).transpose()?;
    may_read_authorities()?;
    jwt::inspect(&settings.signing, &settings.data_dir, clock::now())
        .map_err(SnapshotError::from)?;
    Upstream::new(&settings.upstream, &settings.upstream_tls, &settings.limits)
        .map_err(SnapshotError::from)?;
    Ok(Prepared { certificate })
}

/// Tries the settings, and what a start then does with the store, which takes as long here as
/// there.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn rehearse(settings: &Settings) -> Result<(), RunError> {
    prepare(settings)?;
    match settings.store {
        StoreKind::Embedded => Ok(Embedded::rehearse(&settings.data_dir)?),
        StoreKind::Redis(_) | StoreKind::Memory => Ok(()),
    }
}

/// Whether our sockets could be made in the `data_dir`.
fn may_make_sockets(data_dir: &Path) -> Result<(), ListenError> {
    for name in [ADMIN_SOCKET, take_over::SOCKET] {
        let path = data_dir.join(name);
        DataDir::may_replace(&path).map_err(|source| ListenError::Bind {
            place: name_of(&path),
            source,
        })?;
    }
    Ok(())
}

/// Whether something is kept in the `data_dir`. Where nothing is, a gateway starts without
/// one that can be written, and has no `admin.sock`.
pub(crate) fn is_needed(settings: &Settings) -> bool {
    let keeps_sessions = matches!(settings.store, StoreKind::Embedded);
    keeps_sessions || settings.signing.keys.is_empty()
}

/// Whether the address is ours and the port one that we may have. Nothing listens, so that
/// nobody is let in, and a gateway that starts at the same moment is not in its way.
fn may_bind(address: SocketAddr) -> Result<(), ListenError> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let outcome = socket(family, SocketType::STREAM, None).and_then(|socket| {
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)
    });
    match outcome {
        // Somebody's, perhaps that of the gateway which runs with these settings.
        Ok(()) | Err(Errno::ADDRINUSE) => Ok(()),
        Err(error) => Err(ListenError::Bind {
            place: address.to_string(),
            source: io::Error::from(error),
        }),
    }
}
