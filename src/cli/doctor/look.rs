//! Looking: everything at the same time, none of it for longer than [`LOOK_TIMEOUT`].
//!
//! Connections are made only to what the settings name, and to this machine's own
//! addresses.

pub(super) mod http;
mod machine;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use self::http::Place;
use super::facts::{Facts, UpstreamSeen, Visit, Visited};
use crate::adapters::store::redis::exam;
use crate::config::settings::{Settings, StoreKind, Upstream};
use crate::domain::origin::Scheme;

/// How long one look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a connection to one of several addresses may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The most addresses of this machine that are tried.
const MOST_ADDRESSES: usize = 16;

/// A look that goes on in a thread of its own.
struct Looking<T>(mpsc::Receiver<T>);

impl<T: Send + 'static> Looking<T> {
    fn begin(look: impl FnOnce() -> T + Send + 'static) -> Self {
        let (done, result) = mpsc::channel();
        // A look that hangs, as in a name server, ends with the process.
        thread::spawn(move || {
            let _nobody_waits_any_more = done.send(look());
        });
        Self(result)
    }

    /// What was seen; `None` if it took too long.
    fn end(self) -> Option<T> {
        self.0.recv_timeout(LOOK_TIMEOUT).ok()
    }
}

/// Looks at everything.
pub(super) fn around(settings: &Arc<Settings>) -> Facts {
    let too_long = || format!("no answer within {} seconds", LOOK_TIMEOUT.as_secs());
    let of = Arc::clone(settings);
    let public = public_place(settings);
    let public = public
        .map(|(host, port, place)| Looking::begin(move || visit_name(&of, &host, port, place)));
    let of = Arc::clone(settings);
    let upstream = Looking::begin(move || upstream(&of));
    let redis = match &settings.store {
        StoreKind::Redis(redis) => {
            let redis = redis.clone();
            Some(Looking::begin(move || exam::examine(&redis, LOOK_TIMEOUT)))
        }
        StoreKind::Embedded | StoreKind::Memory => None,
    };
    let listeners: Vec<_> = settings
        .listen
        .iter()
        .map(|&address| {
            let of = Arc::clone(settings);
            let place = listener_place(settings, address);
            (address, Looking::begin(move || visit(&of, &place)))
        })
        .collect();
    Facts {
        open_files: machine::open_files_of_gateway(&settings.data_dir),
        listeners: listeners
            .into_iter()
            .map(|(address, look)| (address, look.end().unwrap_or_else(|| Err(too_long()))))
            .collect(),
        public: public.map(|look| look.end().unwrap_or_else(|| Err(too_long()))),
        upstream: upstream.end().unwrap_or_default(),
        redis: redis.map(|look| look.end().unwrap_or_else(|| Err(too_long()))),
        settings: Arc::clone(settings),
    }
}

fn public_host(settings: &Settings) -> Option<String> {
    Some(settings.public_url.as_ref()?.authority().host().to_owned())
}

/// Where a browser goes: host and port to look up, and how to speak there.
fn public_place(settings: &Settings) -> Option<(String, u16, Place)> {
    let origin = settings.public_url.as_ref()?;
    let authority = origin.authority().to_string();
    let host = origin.authority().host().to_owned();
    let port = authority
        .strip_prefix(&host)
        .and_then(|rest| rest.strip_prefix(':')?.parse().ok())
        .unwrap_or(origin.scheme().default_port());
    let place = Place {
        // Not known yet.
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: origin.scheme() == Scheme::Https,
        host: host.clone(),
        authority,
    };
    Some((host, port, place))
}

fn listener_place(settings: &Settings, address: SocketAddr) -> Place {
    let address = reachable(address);
    let public = settings.public_url.as_ref();
    let authority = public.map(|origin| origin.authority().to_string());
    Place {
        address,
        tls: settings.tls.is_some(),
        host: public_host(settings).unwrap_or_else(|| address.ip().to_string()),
        authority: authority.unwrap_or_else(|| address.to_string()),
    }
}

/// Listening everywhere is reached from here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = (bare, port).to_socket_addrs().map_err(|e| e.to_string())?;
    Ok(found.collect())
}

fn visit_name(settings: &Settings, host: &str, port: u16, mut place: Place) -> Visited {
    let addresses = resolve(host, port)?;
    let mut last = Err(format!("{host} has no address"));
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        place.address = address;
        last = visit(settings, &place);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn visit(settings: &Settings, place: &Place) -> Visited {
    let session = format!("{}/session", settings.paths.prefix);
    let session = http::get(place, &session, "application/json", CONNECT_TIMEOUT)?;
    let login = http::get(place, &settings.paths.login, "text/html", CONNECT_TIMEOUT);
    Ok(Visit {
        session,
        login: login.ok(),
    })
}

/// Whether the app has a form with a password where our login is.
fn has_own_login(settings: &Settings, address: SocketAddr) -> bool {
    let Some(upstream) = settings.upstream.authority() else {
        return false;
    };
    let host = settings.upstream_host.as_ref().unwrap_or(&upstream);
    let place = Place {
        address,
        tls: matches!(settings.upstream, Upstream::Https { .. }),
        host: upstream.host().to_owned(),
        authority: host.to_string(),
    };
    let page = http::get(&place, &settings.paths.login, "text/html", CONNECT_TIMEOUT);
    page.is_ok_and(|page| {
        let html = page.body.to_ascii_lowercase();
        page.status == 200 && (html.contains("type=\"password\"") || html.contains("type=password"))
    })
}

fn upstream(settings: &Settings) -> UpstreamSeen {
    let (host, port) = match &settings.upstream {
        Upstream::Http { host, port } | Upstream::Https { host, port } => (host, *port),
        Upstream::Unix(path) => {
            return UpstreamSeen {
                answers: std::os::unix::net::UnixStream::connect(path).is_ok(),
                socket_mode: mode(path),
                ..UpstreamSeen::default()
            };
        }
    };
    let addresses = resolve(host, port).unwrap_or_default();
    let accepts =
        |address: &SocketAddr| TcpStream::connect_timeout(address, CONNECT_TIMEOUT).is_ok();
    let own = machine::addresses(port);
    let is_own = |address: &SocketAddr| {
        address.ip().is_loopback() || own.iter().any(|own| own.ip() == address.ip())
    };
    let is_here = addresses.iter().any(is_own);
    let ours: Vec<SocketAddr> = settings
        .listen
        .iter()
        .copied()
        .chain(std::iter::once(settings.admin.listen))
        .chain(settings.tls.as_ref().and_then(|tls| tls.redirect_from))
        .collect();
    // A listener of the gateway may have the app's port on another address.
    let is_gateway = |address: &SocketAddr| {
        ours.iter().any(|listen| {
            listen.port() == address.port()
                && (listen.ip().is_unspecified() || listen.ip() == address.ip())
        })
    };
    let around = own
        .into_iter()
        .filter(|address| is_here && !is_gateway(address));
    let around: Vec<_> = around
        .map(|address| (address, Looking::begin(move || accepts(&address))))
        .collect();
    UpstreamSeen {
        answers: addresses.iter().take(MOST_ADDRESSES).any(accepts),
        around: around
            .into_iter()
            .filter_map(|(address, look)| look.end()?.then_some(address))
            .collect(),
        is_here,
        has_own_login: addresses
            .iter()
            .take(MOST_ADDRESSES)
            .any(|address| has_own_login(settings, *address)),
        addresses,
        socket_mode: None,
    }
}

/// The permission bits.
fn mode(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.permissions().mode() & 0o777)
}
