//! One gateway from start to end: sockets first, then store, snapshot and services.

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;
use pingora::services::listening::Service;
use pingora_proxy::http_proxy;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::adapters::clock;
use crate::adapters::observe::metrics::Metrics;
use crate::adapters::store::embedded::Embedded;
use crate::adapters::store::replica::RevocationIndex;
use crate::adapters::store::{DataDir, DataDirError};
use crate::adapters::{descriptors, service_manager, take_over};
use crate::auth::ports::Revoked as _;
use crate::config::lints;
use crate::config::settings::Settings;
use crate::gateway::admin::Admin;
use crate::gateway::connection::listen::{
    self, ListenError, OnSockets, Sockets, name_of, private_socket,
};
use crate::gateway::connection::server_app::ConnectionApp;
use crate::gateway::endpoints::https_redirect::Redirect;
use crate::gateway::endpoints::whoami::Whoami;
use crate::gateway::process::background::BackgroundTasks;
use crate::gateway::process::file_watch::{self, FileFingerprint};
use crate::gateway::process::open_store::{Follow, OpenedStore};
use crate::gateway::process::prepare::{self, ADMIN_SOCKET, Prepared, prepare};
use crate::gateway::process::reload::{Loader, Reloader};
use crate::gateway::process::run_error::RunError;
use crate::gateway::process::shutdown::{Signals, Stop, StopWatch, run_signal_loop};
use crate::gateway::process::upgrade::hand_over::HandOver;
use crate::gateway::process::upgrade::take_over::OldProcess;
use crate::gateway::process::watchdog;
use crate::gateway::proxy::Gateway;
use crate::gateway::shared_state::SharedState;
use crate::gateway::snapshot::Snapshot;
use crate::service::sessions::ForwardedRevocations;
use crate::service::user_changes::end_changed;

/// What to run.
pub(crate) struct Plan {
    /// The settings to begin with.
    pub settings: Settings,
    /// How they are read again.
    pub load: Loader,
    /// Whether to take over from the process that runs on the same `data_dir`.
    pub take_over: bool,
    /// Sockets that the service manager has bound, by the names that `listen` has for them.
    pub passed: HashMap<String, OwnedFd>,
    /// A bound socket on which the built-in app answers, for the demo.
    pub demo_app: Option<TcpListener>,
}

/// Runs a gateway until it is told to stop. Blocks.
///
/// # Errors
/// [`RunError`] if it does not start.
pub(crate) fn run(plan: Plan) -> Result<(), RunError> {
    let broken = |e: &dyn std::fmt::Display| RunError::Broken(e.to_string());
    let settings = plan.settings;
    lints::log(&settings);
    let Prepared { certificate } = prepare(&settings)?;
    let most = connections_to_carry(&settings);
    let mut first_look = file_watch::at_sources(&settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| broken(&e))?;
    let ProcessResources {
        claim,
        next,
        sockets,
        mut predecessor,
    } = if plan.take_over {
        runtime.block_on(ProcessResources::inherit(&settings, plan.passed))?
    } else {
        ProcessResources::claim(&settings, plan.passed)?
    };
    let bound = Listeners::all(&sockets, &settings, claim.as_ref())?;
    let Assembled {
        shared,
        embedded,
        revoked,
        keys,
    } = runtime.block_on(assemble(settings, predecessor.as_mut()))?;
    first_look.push(keys);
    let snapshot = shared.snapshot();

    let conf = ServerConf {
        threads: snapshot.settings.threads.unwrap_or_else(cores),
        // A connection stays with its worker: no request is handed from core to core.
        work_stealing: false,
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
            shared: Arc::clone(&shared),
        },
    );
    let acceptor = certificate.as_ref().map(listen::Certificate::acceptor);
    let front = ConnectionApp::public(Arc::<SharedState>::clone(&shared), proxy, acceptor, most);
    let mut public = Service::new("proxy".into(), front);
    for name in &bound.public {
        public.add_listener(listen::client_side(name));
    }
    server.add_service(OnSockets::new(public, &sockets));
    if let Some(name) = &bound.redirect {
        let app = Redirect {
            shared: Arc::clone(&shared),
        };
        let front = ConnectionApp::redirect(Arc::<SharedState>::clone(&shared), app, most);
        let mut service = Service::new("redirect".into(), front);
        service.threads = Some(1);
        service.add_tcp(name);
        server.add_service(OnSockets::new(service, &sockets));
    }
    let reloader = Arc::new(Reloader::new(Arc::clone(&shared), plan.load, certificate));
    let operators = [(Some(&bound.admin), false), (bound.socket.as_ref(), true)];
    for (name, over_socket) in operators {
        let Some(name) = name else { continue };
        let app = Admin {
            shared: Arc::clone(&shared),
            reloader: Arc::clone(&reloader),
            over_socket,
        };
        let front = ConnectionApp::operators(Arc::<SharedState>::clone(&shared), app);
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
        BackgroundTasks {
            shared: Arc::clone(&shared),
            reloader: Arc::clone(&reloader),
            first_look,
        },
    );
    upkeep.threads = Some(1);
    server.add_service(upkeep);
    if shared.sessions.index.last_sync().is_some() {
        // On a thread of its own, so that nothing delays a revocation.
        let follow = Follow {
            shared: Arc::clone(&shared),
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
    if let Some((mut predecessor, revoked)) = predecessor.zip(revoked) {
        runtime.block_on(predecessor.mark_superseded())?;
        runtime.spawn(predecessor.tell(revoked));
    }
    match plan.take_over {
        true => service_manager::took_over(),
        false => service_manager::ready(),
    }
    if let Some(every) = service_manager::watchdog_interval() {
        let admin = watchdog::from_here(snapshot.settings.admin.listen);
        runtime.spawn(watchdog::watch(every, admin));
    }
    let hand_over = claim.zip(next).map(|(claim, listener)| HandOver {
        shared: Arc::clone(&shared),
        claim,
        listener,
        sockets: sockets.ours(),
        embedded,
    });
    let attention = run_signal_loop(&mut signals, &shared, &reloader, &stop, hand_over, || {
        thread.is_finished()
    });
    let outcome = runtime.block_on(attention);
    // A look-up of the app's name that still waits for its DNS server must not hold up the end.
    runtime.shutdown_background();
    if outcome.is_ok() {
        log::info!("stopped");
    }
    outcome
}

/// How many client connections each listener for clients may have, as far as the system
/// lets us; says so if they are fewer than the settings want.
fn connections_to_carry(settings: &Settings) -> usize {
    let wanted = settings.limits.connections;
    let redirect = settings.tls.as_ref().and_then(|tls| tls.redirect_from);
    let each = descriptors::per_connection(redirect.is_some());
    let Some(limit) = descriptors::raise() else {
        return usize::MAX;
    };
    let most = descriptors::connections_within(limit, each);
    if most < wanted {
        log::warn!(
            "limits.connections is {wanted}, and the limit of open files, {limit}, is enough for \
             {most}: raise it to {} (ulimit -n, LimitNOFILE)",
            descriptors::needed_for(wanted, each)
        );
    }
    most
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Opens the store, ends what changed while we were down, and builds the house. What
/// takes time comes first: from a predecessor's store nobody can have anything before we
/// serve.
async fn assemble(
    settings: Settings,
    predecessor: Option<&mut OldProcess>,
) -> Result<Assembled, RunError> {
    let replica = Arc::new(RevocationIndex::new());
    let metrics = Metrics::new().map_err(|e| RunError::Broken(e.to_string()))?;
    let revoked: Arc<RevocationIndex> = Arc::clone(&replica);
    let snapshot = Snapshot::build(settings, revoked)?;
    // Before the wait for the store, during which somebody may rotate them.
    let keys = file_watch::at_keys(&snapshot.settings);
    snapshot.upstream.resolve_soon().await;
    let is_successor = predecessor.is_some();
    if let Some(predecessor) = predecessor {
        predecessor.request_store().await?;
    }
    let mut kept = OpenedStore::open(&snapshot.settings, &replica).await?;
    metrics.revocations(replica.len());
    let attempts = kept.attempts(snapshot.settings.login.attempts);
    let store = kept.store;
    let metrics = Arc::new(metrics);
    let shared = Arc::new(SharedState::new(
        snapshot, store, attempts, replica, metrics,
    ));
    let cut_offs = end_changed(&shared.sessions, &shared.snapshot().policy, clock::now()).await?;
    let revoked = is_successor.then(|| shared.sessions.forward_revocations());
    shared.sessions.apply(&cut_offs);
    Ok(Assembled {
        shared,
        embedded: kept.embedded,
        revoked,
        keys,
    })
}

/// What a gateway begins with.
struct Assembled {
    shared: Arc<SharedState>,
    embedded: Option<Arc<Embedded>>,
    /// What a process before us has to hear of.
    revoked: Option<UnboundedReceiver<ForwardedRevocations>>,
    /// The file of the keys when they were read.
    keys: FileFingerprint,
}

/// What nobody else may have: the `data_dir` and the sockets, or those of the process
/// before us.
struct ProcessResources {
    /// `None` where nothing is kept and nothing can be written.
    claim: Option<DataDir>,
    /// Where the process after us asks.
    next: Option<UnixListener>,
    sockets: Sockets,
    predecessor: Option<OldProcess>,
}

impl ProcessResources {
    fn claim(settings: &Settings, passed: HashMap<String, OwnedFd>) -> Result<Self, RunError> {
        let claim = match DataDir::claim(&settings.data_dir) {
            Err(error @ DataDirError::Io { .. }) if !prepare::is_needed(settings) => {
                log::warn!(
                    "{error}; going on without admin.sock: sessions and revoke need it, or admin.token"
                );
                None
            }
            claim => Some(claim?),
        };
        let path = settings.data_dir.join(take_over::SOCKET);
        let next = claim.as_ref().map(|_ours| private_socket(&path));
        let next = next.transpose().map_err(|source| ListenError::Bind {
            place: name_of(&path),
            source,
        })?;
        Ok(Self {
            claim,
            next,
            sockets: Sockets::new(passed),
            predecessor: None,
        })
    }

    async fn inherit(
        settings: &Settings,
        mut passed: HashMap<String, OwnedFd>,
    ) -> Result<Self, RunError> {
        let names = Listeners::names(settings);
        let (predecessor, inherited) = OldProcess::connect(&settings.data_dir, names).await?;
        passed.extend(inherited.sockets);
        Ok(Self {
            claim: Some(inherited.claim),
            next: Some(inherited.next),
            sockets: Sockets::new(passed),
            predecessor: Some(predecessor),
        })
    }
}

/// The names under which pingora finds the sockets.
struct Listeners {
    public: Vec<String>,
    redirect: Option<String>,
    admin: String,
    /// `None` without a `data_dir`.
    socket: Option<String>,
}

impl Listeners {
    /// The names of all of them, before they are bound.
    fn names(settings: &Settings) -> Vec<String> {
        let redirect = settings.tls.as_ref().and_then(|tls| tls.redirect_from);
        let tcp = settings.listen.iter().copied().chain(redirect);
        tcp.chain([settings.admin.listen])
            .map(|address| address.to_string())
            .chain(settings.listen_passed.iter().cloned())
            .chain([name_of(&settings.data_dir.join(ADMIN_SOCKET))])
            .collect()
    }

    fn all(
        sockets: &Sockets,
        settings: &Settings,
        claim: Option<&DataDir>,
    ) -> Result<Self, ListenError> {
        let redirect = settings.tls.as_ref().and_then(|tls| tls.redirect_from);
        let bound = settings.listen.iter().map(|address| sockets.tcp(*address));
        let mut public = bound.collect::<Result<Vec<_>, _>>()?;
        for name in &settings.listen_passed {
            public.extend(sockets.passed(name)?);
        }
        Ok(Self {
            public,
            redirect: redirect.map(|address| sockets.tcp(address)).transpose()?,
            admin: sockets.tcp(settings.admin.listen)?,
            socket: claim
                .map(|claim| sockets.unix(&claim.path().join(ADMIN_SOCKET)))
                .transpose()?,
        })
    }
}
