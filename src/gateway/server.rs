//! One gateway from start to end: sockets first, then store, snapshot and services.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;
use pingora::services::listening::Service;
use pingora_proxy::http_proxy;

use super::admin::Admin;
use super::front::Front;
use super::house::House;
use super::listen::{self, Certificate, ListenError, OnSockets, Sockets};
use super::proxy::Gateway;
use super::redirect::Redirect;
use super::reload::{Loader, Reloader, look_at_sources};
use super::shared::{Follow, Kept};
use super::snapshot::{Snapshot, SnapshotError};
use super::stop::{Signals, Stop, StopWatch, attend};
use super::upkeep::{Upkeep, remember_users};
use super::whoami::Whoami;
use crate::adapters::config::settings::Settings;
use crate::adapters::observe::metrics::Metrics;
use crate::adapters::store::lock::{DataDir, DataDirError};
use crate::adapters::store::replica::Replica;
use crate::auth::ports::{Revoked as _, StoreError};

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
    let first_look = look_at_sources(&settings);
    let _claim = DataDir::claim(&settings.data_dir)?;
    let sockets = Sockets::new();
    let bound = Bound::all(&sockets, &settings)?;
    let certificate = settings.tls.as_ref().map(Certificate::load).transpose()?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| broken(&e))?;
    let house = runtime.block_on(furnish(settings))?;
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
    let acceptor = certificate.as_ref().map(Certificate::acceptor);
    let front = Front::public(Arc::clone(&house), proxy, acceptor);
    let mut public = Service::new("proxy".into(), front);
    for name in &bound.public {
        public.add_listener(listen::client_side(name));
    }
    server.add_service(OnSockets::new(public, &sockets));
    if let Some(name) = &bound.redirect {
        let app = Redirect {
            house: Arc::clone(&house),
        };
        let front = Front::redirect(Arc::clone(&house), app);
        let mut service = Service::new("redirect".into(), front);
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
        let front = Front::operators(Arc::clone(&house), app);
        let mut service = Service::new("admin".into(), front);
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
            first_look,
        },
    );
    upkeep.threads = Some(1);
    server.add_service(upkeep);
    if house.replica.heard().is_some() {
        // On a thread of its own, so that nothing delays a revocation.
        let follow = Follow {
            house: Arc::clone(&house),
        };
        let mut follow = background_service("follow", follow);
        follow.threads = Some(1);
        server.add_service(follow);
    }

    // Before anybody can see that we are ready: an early SIGHUP would kill us.
    let mut signals = {
        let _entered = runtime.enter();
        Signals::listen().map_err(|e| broken(&e))?
    };
    let shutdown_signal = Box::new(StopWatch(Arc::clone(&stop)));
    let thread = std::thread::Builder::new()
        .name("server".into())
        .spawn(move || server.run(RunArgs { shutdown_signal }))
        .map_err(|e| broken(&e))?;
    log::info!("listening on {}", bound.public.join(", "));
    let outcome = runtime.block_on(attend(&mut signals, &house, &reloader, &stop, || {
        thread.is_finished()
    }));
    // A look-up of the app's name that still waits for its DNS server must not hold up the end.
    runtime.shutdown_background();
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
    let mut kept = Kept::open(&settings).await?;
    let replica = Arc::clone(&kept.replica);
    let metrics = Metrics::new().map_err(|e| RunError::Broken(e.to_string()))?;
    metrics.revocations(replica.len());
    let revoked: Arc<Replica> = Arc::clone(&replica);
    let snapshot = Snapshot::build(settings, revoked)?;
    snapshot.upstream.resolve_soon().await;
    let attempts = kept.attempts(snapshot.attempt_limits());
    let store = kept.store;
    let metrics = Arc::new(metrics);
    let house = Arc::new(House::new(snapshot, store, attempts, replica, metrics));
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
