//! Listening sockets, the services on them, and TLS. The only file that names a TLS
//! library, beside `adapters/tls_probe`, which looks at servers from outside.
//!
//! Everything is bound before the server starts: pingora would try a taken port for
//! half a minute and then panic in a task.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::apps::ServerApp;
use pingora::listeners::tls::Acceptor;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::protocols::{Stream, l4};
use pingora::server::{Fds, ListenFds, ShutdownWatch};
use pingora::services::Service as ServiceTrait;
use pingora::services::listening::Service;
use pingora::tls::load_platform_certs_incl_env_into_store;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use crate::adapters::service_manager::is_of;
use crate::adapters::{regular, tls_probe};
use crate::config::settings::Tls;

/// Why a socket could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {place}: {source}")]
    Bind {
        /// The address or path.
        place: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// The service manager has passed no such socket.
    #[error("{0}: no listening TCP socket of this name was passed (LISTEN_FDS, LISTEN_FDNAMES)")]
    NotPassed(String),
    /// The certificate or its key cannot be used.
    #[error("tls: {0}")]
    Tls(String),
}

/// Reads the authorities for connections to the app: those of the system, or of `SSL_CERT_FILE`
/// and `SSL_CERT_DIR`. Pingora's connector reads them too, and panics where it cannot.
///
/// # Errors
/// If a file or a certificate in it cannot be read.
pub(crate) fn may_read_authorities() -> Result<(), ListenError> {
    load_platform_certs_incl_env_into_store(&mut RootCertStore::empty()).map_err(|e| {
        ListenError::Tls(format!(
            "authorities (SSL_CERT_FILE, SSL_CERT_DIR, or the system's): {e}"
        ))
    })
}

/// The sockets of one gateway, bound and not yet accepting.
pub(crate) struct Sockets {
    table: ListenFds,
    /// Those that a process before us or the service manager had, by their names.
    inherited: Mutex<HashMap<String, OwnedFd>>,
    /// Ours once more, to give to a process after us.
    ours: Mutex<Vec<(String, OwnedFd)>>,
}

impl Sockets {
    /// None yet; a name that is among the `inherited` is not bound again.
    pub(crate) fn new(inherited: HashMap<String, OwnedFd>) -> Self {
        Self {
            table: Arc::new(Mutex::new(Fds::new())),
            inherited: Mutex::new(inherited),
            ours: Mutex::default(),
        }
    }

    /// The table from which pingora takes a socket by its name.
    pub(crate) fn table(&self) -> ListenFds {
        Arc::clone(&self.table)
    }

    /// All that there are, for a process after us. They stay open as long as this does.
    pub(crate) fn ours(&self) -> Vec<(String, OwnedFd)> {
        std::mem::take(&mut self.ours.lock())
    }

    /// Binds a TCP address; the name to give to pingora.
    pub(crate) fn tcp(&self, address: SocketAddr) -> Result<String, ListenError> {
        self.named(address.to_string(), || {
            // The standard library sets SO_REUSEADDR, so that a restart need not wait.
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener.into())
        })
    }

    /// Takes the sockets that the service manager, or a process before us, has of this name.
    pub(crate) fn passed(&self, name: &str) -> Result<Vec<String>, ListenError> {
        let inherited = self.inherited.lock();
        let ours = inherited.keys().filter(|socket| is_of(socket, name));
        let ours: Vec<String> = ours.cloned().collect();
        drop(inherited);
        if ours.is_empty() {
            return Err(ListenError::NotPassed(name.to_owned()));
        }
        let gone = || Err(std::io::ErrorKind::NotFound.into());
        ours.into_iter()
            .map(|name| self.named(name, gone))
            .collect()
    }

    /// Takes a socket that somebody else has bound.
    pub(crate) fn adopt(&self, listener: TcpListener) -> Result<String, ListenError> {
        let name = address_of(&listener)?.to_string();
        self.named(name, || {
            listener.set_nonblocking(true)?;
            Ok(listener.into())
        })
    }

    /// Binds a unix socket in a folder that is ours alone (the `data_dir` is claimed).
    pub(crate) fn unix(&self, path: &Path) -> Result<String, ListenError> {
        self.named(name_of(path), || private_socket(path).map(Into::into))
    }

    /// The socket of this name, inherited or made; known to pingora by it.
    fn named(
        &self,
        name: String,
        make: impl FnOnce() -> std::io::Result<OwnedFd>,
    ) -> Result<String, ListenError> {
        let inherited = self.inherited.lock().remove(&name);
        let both = inherited.map_or_else(make, Ok).and_then(|socket| {
            let copy = socket.try_clone()?;
            Ok((socket, copy))
        });
        let (socket, copy) = both.map_err(|source| ListenError::Bind {
            place: name.clone(),
            source,
        })?;
        self.table.lock().add(name.clone(), socket.into_raw_fd());
        self.ours.lock().push((name.clone(), copy));
        Ok(name)
    }
}

/// The name of a unix socket.
pub(crate) fn name_of(path: &Path) -> String {
    path.display().to_string()
}

/// Binds a unix socket that only its owner may use, in a folder that is ours alone.
pub(crate) fn private_socket(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The address that a bound listener got.
///
/// # Errors
/// [`ListenError::Bind`] if the system does not say.
pub(crate) fn address_of(listener: &TcpListener) -> Result<SocketAddr, ListenError> {
    listener.local_addr().map_err(|source| ListenError::Bind {
        place: "a given socket".into(),
        source,
    })
}

/// A service on sockets that were bound before.
pub(crate) struct OnSockets<A> {
    service: Service<A>,
    table: ListenFds,
}

impl<A> OnSockets<A> {
    pub(crate) fn new(service: Service<A>, sockets: &Sockets) -> Self {
        Self {
            service,
            table: sockets.table(),
        }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServiceTrait for OnSockets<A> {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        let table = Some(Arc::clone(&self.table));
        ServiceTrait::start_service(&mut self.service, table, shutdown, listeners_per_fd).await;
    }

    fn name(&self) -> &str {
        ServiceTrait::name(&self.service)
    }

    fn threads(&self) -> Option<usize> {
        ServiceTrait::threads(&self.service)
    }
}

/// What is read of a client at once: a TLS record. Pingora's 64 KiB are taken for each
/// connection, also for one that only sits there; a large body is read past this buffer.
const READ_BUFFER: usize = 16 * 1024;

/// How pingora shall listen for clients on a socket of this name.
pub(crate) fn client_side(name: &str) -> ListenerConfig {
    ListenerConfig::tcp(name).l4_buffer(L4BufferSettings::default().read(READ_BUFFER))
}

/// The certificate in force; replaced when its files change, without a new listener.
pub(crate) struct Certificate {
    current: Arc<ArcSwap<CertifiedKey>>,
}

impl Certificate {
    /// Reads the files.
    pub(crate) fn load(tls: &Tls) -> Result<Self, ListenError> {
        Ok(Self {
            current: Arc::new(ArcSwap::from_pointee(read_key(tls)?)),
        })
    }

    /// When the one in force ends, in seconds since the epoch.
    pub(crate) fn ends(&self) -> Option<i64> {
        let current = self.current.load();
        tls_probe::ends(current.cert.first()?)
    }

    /// The files as they are now, not yet in force.
    pub(crate) fn read(tls: &Tls) -> Result<Renewed, ListenError> {
        read_key(tls).map(Renewed)
    }

    /// Puts what was read in force.
    pub(crate) fn replace(&self, renewed: Renewed) {
        self.current.store(Arc::new(renewed.0));
    }

    /// What speaks TLS with clients: TLS 1.2 and 1.3, HTTP/2 preferred.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        install_provider();
        let resolver = Arc::new(Resolver(Arc::clone(&self.current)));
        let mut config = ServerConfig::builder_with_protocol_versions(&[&TLS12, &TLS13])
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor(Acceptor::from_server_config(Arc::new(config)))
    }
}

/// The server's side of TLS. Not a setting of pingora's listener: that has a fixed minute
/// for a handshake, and shows us the connection only after it.
pub(crate) struct TlsAcceptor(Acceptor);

impl TlsAcceptor {
    /// Shakes hands; `None` if that failed, which is everyday on a public port.
    pub(crate) async fn accept(&self, stream: Stream) -> Option<Stream> {
        let tcp: Box<l4::stream::Stream> = stream.into_any().downcast().ok()?;
        match self.0.tls_handshake(*tcp).await {
            Ok(stream) => Some(Box::new(stream)),
            Err(e) => {
                log::debug!("a TLS handshake failed: {e}");
                None
            }
        }
    }
}

/// A certificate that was read and can be put in force.
pub(crate) struct Renewed(CertifiedKey);

#[derive(Debug)]
struct Resolver(Arc<ArcSwap<CertifiedKey>>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn read_key(tls: &Tls) -> Result<CertifiedKey, ListenError> {
    let failed = |path: &PathBuf, reason: &dyn std::fmt::Display| {
        ListenError::Tls(format!("{}: {reason}", path.display()))
    };
    install_provider();
    let chain = certificates(&tls.cert).map_err(|e| failed(&tls.cert, &e))?;
    let key = regular::open(&tls.key).map_err(pem::Error::Io);
    let key = key.and_then(PrivateKeyDer::from_pem_reader);
    let key = key.map_err(|e| failed(&tls.key, &e))?;
    tls_probe::in_order(chain.iter().map(|der| der.as_ref())).map_err(|e| failed(&tls.cert, &e))?;
    let Some(provider) = rustls::crypto::CryptoProvider::get_default() else {
        return Err(ListenError::Tls("no crypto provider".into()));
    };
    let certified = CertifiedKey::from_der(chain, key, provider)
        .map_err(|e| failed(&tls.cert, &format!("certificate and key: {e}")))?;
    Ok(certified)
}

/// The certificates of a PEM file, in its order.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let file = regular::open(path).map_err(pem::Error::Io)?;
    CertificateDer::pem_reader_iter(file).collect()
}

/// The CA certificates of a PEM file, as DER, each tried on a trust store.
///
/// # Errors
/// What is wrong with the file, in words.
pub(crate) fn read_ca(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let certificates = certificates(path).map_err(|e| e.to_string())?;
    if certificates.is_empty() {
        return Err("no certificate in it".into());
    }
    let mut store = rustls::RootCertStore::empty();
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|e| e.to_string())?;
    }
    Ok(certificates.into_iter().map(|der| der.to_vec()).collect())
}

/// The provider that pingora would install when it builds its first listener.
fn install_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Lost against another thread: it is there then.
        let _other = rustls::crypto::ring::default_provider().install_default();
    }
}
