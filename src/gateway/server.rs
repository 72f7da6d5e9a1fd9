//! One gateway from start to end: sockets first, then store, snapshot and services;
//! signals; and a stop that waits for what is in flight and for nothing else.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::{HeaderValue, Response, StatusCode, header};
use pingora::apps::ServerApp;
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use pingora::server::configuration::ServerConf;
use pingora::server::{
    ListenFds, RunArgs, Server, ShutdownSignal, ShutdownSignalWatch, ShutdownWatch,
};
use pingora::services::Service as ServiceTrait;
use pingora::services::background::background_service;
use pingora::services::listening::Service;
use pingora_proxy::http_proxy;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::admin::Admin;
use super::front::Front;
use super::house::House;
use super::listen::{Certificate, ListenError, Sockets};
use super::proxy::Gateway;
use super::reload::{Loader, Reloader};
use super::snapshot::{Snapshot, SnapshotError};
use super::upkeep::{Upkeep, remember_users};
use super::whoami::Whoami;
use crate::adapters::clock;
use crate::adapters::config::settings::{Settings, StoreKind};
use crate::adapters::observe::metrics::Metrics;
use crate::adapters::store::embedded::Embedded;
use crate::adapters::store::lock::{DataDir, DataDirError};
use crate::adapters::store::memory::Memory;
use crate::adapters::store::replica::Replica;
use crate::auth::ports::{Store, StoreError};

/// The name of the operators' socket inside `data_dir`.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// What to run.
pub struct Plan {
    /// The settings to begin with.
    pub settings: Settings,
    /// How they are read again.
    pub load: Loader,
    /// A bound socket on which the built-in app answers, for the demo.
    pub demo_app: Option<TcpListener>,
}

/// Why a gateway did not start, or broke.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The `data_dir`.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The sockets, or the certificate.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys or upstream.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Something that does not fail.
    #[error("{0}")]
    Broken(String),
}

/// Runs a gateway until it is told to stop. Blocks.
///
/// # Errors
/// [`RunError`] if it does not start.
pub fn run(plan: Plan) -> Result<(), RunError> {
    let broken = |e: &dyn std::fmt::Display| RunError::Broken(e.to_string());
    let settings = plan.settings;
    for warning in &settings.warnings {
        log::warn!("{warning}");
    }
    let _claim = DataDir::claim(&settings.data_dir)?;
    let sockets = Sockets::new();
    let bound = Bound::all(&sockets, &settings)?;
    let certificate = settings.tls.as_ref().map(Certificate::load).transpose()?;

    let signals = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| broken(&e))?;
    let house = signals.block_on(furnish(settings))?;
    let snapshot = house.snapshot();

    let conf = ServerConf {
        threads: snapshot.settings.threads.unwrap_or_else(cores),
        // The stop is ours; pingora would sleep the whole time even when idle.
        grace_period_seconds: Some(u64::MAX / 2),
        graceful_shutdown_timeout_seconds: Some(0),
        max_retries: 3,
        ..ServerConf::default()
    };
    let stop = Arc::new(Stop::default());
    let mut server = Server::new_with_opt_and_conf(None, conf);
    let conf = Arc::clone(&server.configuration);

    let proxy = http_proxy(
        &conf,
        Gateway {
            house: Arc::clone(&house),
        },
    );
    let mut public = Service::new("proxy".into(), Front::new(Arc::clone(&house), proxy));
    for name in &bound.public {
        match &certificate {
            Some(certificate) => {
                public.add_tls_with_settings(name, None, certificate.settings()?);
            }
            None => public.add_tcp(name),
        }
    }
    server.add_service(OnSockets::new(public, &sockets));
    if let Some(name) = &bound.redirect {
        let app = Redirect {
            house: Arc::clone(&house),
        };
        let mut service = Service::new("redirect".into(), app);
        service.threads = Some(1);
        service.add_tcp(name);
        server.add_service(OnSockets::new(service, &sockets));
    }
    let reloader = Arc::new(Reloader::new(Arc::clone(&house), plan.load, certificate));
    for (name, over_socket) in [(&bound.admin, false), (&bound.socket, true)] {
        let app = Admin {
            house: Arc::clone(&house),
            reloader: Arc::clone(&reloader),
            over_socket,
        };
        let mut service = Service::new("admin".into(), app);
        service.threads = Some(1);
        if over_socket {
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            service.add_uds(name, Some(private));
        } else {
            service.add_tcp(name);
        }
        server.add_service(OnSockets::new(service, &sockets));
    }
    if let Some(listener) = plan.demo_app {
        let app = Whoami {
            pages: snapshot.pages.clone(),
        };
        let mut service = Service::new("whoami".into(), app);
        service.threads = Some(1);
        service.add_tcp(&sockets.adopt(listener)?);
        server.add_service(OnSockets::new(service, &sockets));
    }
    let mut upkeep = background_service(
        "upkeep",
        Upkeep {
            house: Arc::clone(&house),
            reloader: Arc::clone(&reloader),
        },
    );
    upkeep.threads = Some(1);
    server.add_service(upkeep);

    let shutdown_signal = Box::new(StopWatch(Arc::clone(&stop)));
    let thread = std::thread::Builder::new()
        .name("server".into())
        .spawn(move || server.run(RunArgs { shutdown_signal }))
        .map_err(|e| broken(&e))?;
    log::info!("listening on {}", bound.public.join(", "));
    let outcome = signals.block_on(attend(&house, &reloader, &stop, || thread.is_finished()));
    if outcome.is_ok() {
        log::info!("stopped");
    }
    outcome
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Opens the store, ends what changed while we were down, and builds the house.
async fn furnish(settings: Settings) -> Result<Arc<House>, RunError> {
    let store: Arc<dyn Store> = match settings.session.store {
        StoreKind::Embedded => Arc::new(Embedded::open(&settings.data_dir)?),
        StoreKind::Memory => Arc::new(Memory::new()),
    };
    let replica = Arc::new(Replica::new());
    replica.load(&store.live(clock::now()).await?);
    let metrics = Metrics::new().map_err(|e| RunError::Broken(e.to_string()))?;
    metrics.revocations(replica.len());
    let revoked: Arc<Replica> = Arc::clone(&replica);
    let snapshot = Snapshot::build(settings, revoked)?;
    snapshot.upstream.resolve_soon().await;
    let house = Arc::new(House::new(snapshot, store, replica, Arc::new(metrics)));
    remember_users(&house, &house.snapshot()).await?;
    Ok(house)
}

/// The names under which pingora finds the sockets.
struct Bound {
    public: Vec<String>,
    redirect: Option<String>,
    admin: String,
    socket: String,
}

impl Bound {
    fn all(sockets: &Sockets, settings: &Settings) -> Result<Self, ListenError> {
        let redirect = settings.tls.as_ref().and_then(|tls| tls.redirect_from);
        Ok(Self {
            public: settings
                .listen
                .iter()
                .map(|address| sockets.tcp(*address))
                .collect::<Result<_, _>>()?,
            redirect: redirect.map(|address| sockets.tcp(address)).transpose()?,
            admin: sockets.tcp(settings.admin.listen)?,
            socket: sockets.unix(&settings.data_dir.join(ADMIN_SOCKET))?,
        })
    }
}

/// Attends to signals until the gateway is to end.
///
/// SIGTERM and SIGINT: no new connections, end as soon as nothing is in flight, at
/// the latest after `limits.drain`; a second one ends at once. SIGHUP reloads.
async fn attend(
    house: &Arc<House>,
    reloader: &Arc<Reloader>,
    stop: &Stop,
    server_ended: impl Fn() -> bool,
) -> Result<(), RunError> {
    let listen = |kind| signal(kind).map_err(|e| RunError::Broken(e.to_string()));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let mut until: Option<Instant> = None;
    loop {
        let asked_to_stop = tokio::select! {
            _ = terminate.recv() => true,
            _ = interrupt.recv() => true,
            _ = hangup.recv() => {
                let reloader = Arc::clone(reloader);
                tokio::spawn(async move {
                    let _logged = reloader.reload("SIGHUP").await;
                });
                false
            }
            () = tokio::time::sleep(Duration::from_millis(20)), if until.is_some() => false,
            () = tokio::time::sleep(Duration::from_millis(500)), if until.is_none() => false,
        };
        match until {
            Some(_) if asked_to_stop => return Ok(()),
            Some(_) if house.in_flight() == 0 => return Ok(()),
            Some(end) if Instant::now() >= end => {
                log::warn!("{} requests were cut off by the stop", house.in_flight());
                return Ok(());
            }
            Some(_) => {}
            None if asked_to_stop => {
                let drain = house.snapshot().settings.limits.drain;
                log::info!("stopping; {} requests in flight", house.in_flight());
                house.start_draining();
                stop.0.notify_one();
                until = Some(Instant::now() + drain);
            }
            None if server_ended() => {
                return Err(RunError::Broken("the server ended by itself".into()));
            }
            None => {}
        }
    }
}

/// Told once that the gateway shall stop.
#[derive(Default)]
struct Stop(Notify);

struct StopWatch(Arc<Stop>);

#[async_trait]
impl ShutdownSignalWatch for StopWatch {
    async fn recv(&self) -> ShutdownSignal {
        self.0.0.notified().await;
        ShutdownSignal::GracefulTerminate
    }
}

/// A service on sockets that were bound before.
struct OnSockets<A> {
    service: Service<A>,
    table: ListenFds,
}

impl<A> OnSockets<A> {
    fn new(service: Service<A>, sockets: &Sockets) -> Self {
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

/// `tls.redirect_from`: every request is sent to the same path of `public_url`, 308
/// so that the method stays.
struct Redirect {
    house: Arc<House>,
}

#[async_trait]
impl ServeHttp for Redirect {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let target = session.req_header().uri.path_and_query();
        // `*` would become a part of the host.
        let target = target.map_or("/", http::uri::PathAndQuery::as_str);
        let target = target.starts_with('/').then_some(target);
        let mut response = Response::new(Vec::new());
        let snapshot = self.house.snapshot();
        let location = target
            .zip(snapshot.settings.public_url.as_deref())
            .and_then(|(target, to)| HeaderValue::try_from(format!("{to}{target}")).ok());
        match location {
            Some(location) => {
                *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
                response.headers_mut().insert(header::LOCATION, location);
            }
            None => *response.status_mut() = StatusCode::BAD_REQUEST,
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        response
    }
}

/// The address that a bound listener got.
///
/// # Errors
/// [`ListenError::Bind`] if the system does not say.
pub fn address_of(listener: &TcpListener) -> Result<SocketAddr, ListenError> {
    listener.local_addr().map_err(|source| ListenError::Bind {
        place: "the demo's app".into(),
        source,
    })
}
