//! The app: its addresses, looked up in the background, and the connection settings.
//!
//! A request never waits for DNS and never dies of it: pingora's own
//! `HttpPeer::new("host:port")` blocks and unwraps.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::protocols::TcpKeepalive;
use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{WrappedX509, parse_x509};

use crate::auth::pass::Pass;
use crate::config::settings;
use crate::gateway::connection::listen::read_ca;
use crate::gateway::upstream::websocket::WebSocketConnector;

/// How long a connection to the app may be silent before the system asks whether the app is
/// there: well below the time after which firewalls forget a connection.
const PROBE_IDLE: Duration = Duration::from_secs(60);

/// Why an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// `upstream_tls.ca` holds no certificate that can be used.
    #[error("upstream_tls.ca: {path}: {reason}")]
    Ca {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A unix socket path that the system cannot take.
    #[error("upstream: {0}: not a usable socket path")]
    Socket(String),
}

/// The app's place, and where it is found now.
pub struct Upstream {
    host: String,
    port: u16,
    addresses: ArcSwap<Vec<SocketAddr>>,
    next: AtomicUsize,
    /// Everything but the address, cloned for each connection.
    template: HttpPeer,
    is_unix: bool,
}

impl Upstream {
    /// From the settings; an address literal is known at once, a name after the
    /// first [`Self::resolve`].
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn new(
        upstream: &settings::Upstream,
        tls: &settings::UpstreamTls,
        limits: &settings::Limits,
    ) -> Result<Self, PeerError> {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let (host, port, mut template) = match upstream {
            settings::Upstream::Http { host, port } => {
                let peer = HttpPeer::new(nowhere, false, String::new());
                (host.clone(), *port, peer)
            }
            settings::Upstream::Https { host, port } => {
                // Never empty: pingora verifies nothing without a name.
                let name = tls.server_name.clone().unwrap_or_else(|| host.clone());
                (host.clone(), *port, HttpPeer::new(nowhere, true, name))
            }
            settings::Upstream::Unix(path) => {
                let path = path.display().to_string();
                let peer = HttpPeer::new_uds(&path, false, String::new());
                let Ok(peer) = peer else {
                    return Err(PeerError::Socket(path));
                };
                (path, 0, peer)
            }
        };
        let options = &mut template.options;
        options.connection_timeout = Some(limits.upstream_connect);
        options.total_connection_timeout = Some(limits.upstream_connect);
        // Reads, and the writes of a request without a body, are timed by `answer_timeout`,
        // without a timer for each; idle connections by the system, which also notices an
        // app that is gone without a word.
        options.tcp_keepalive = Some(TcpKeepalive {
            idle: PROBE_IDLE,
            interval: PROBE_IDLE / 4,
            count: 4,
            user_timeout: Duration::ZERO,
        });
        if let Some(path) = &tls.ca {
            options.ca = Some(trusted_authorities(path)?);
        }
        let literal = host.parse::<IpAddr>().ok();
        let known = literal.map(|ip| SocketAddr::new(ip, port));
        Ok(Self {
            host,
            port,
            addresses: ArcSwap::from_pointee(known.into_iter().collect()),
            next: AtomicUsize::new(0),
            template,
            is_unix: matches!(upstream, settings::Upstream::Unix(_)),
        })
    }

    /// The next place to try, for a request that was admitted; `None` while the name
    /// has no address.
    pub(crate) fn peer(&self, _proof: &Pass) -> Option<Box<HttpPeer>> {
        let mut peer = Box::new(self.template.clone());
        if !self.is_unix {
            let addresses = self.addresses.load();
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let address = addresses.get(turn.checked_rem(addresses.len())?)?;
            peer._address = (*address).into();
        }
        Some(peer)
    }

    /// The same for a WebSocket handshake: a connection of its own, see `tunnel`.
    pub(crate) fn tunnel(&self, proof: &Pass, limits: &settings::Limits) -> Option<Box<HttpPeer>> {
        let mut peer = self.peer(proof)?;
        // After a refused handshake it is of no use to anybody.
        keep_apart(&mut peer);
        peer.options.read_timeout = Some(limits.idle_stream);
        peer.options.write_timeout = Some(limits.idle_stream);
        peer.options.custom_l4 = Some(Arc::new(WebSocketConnector {
            connect: limits.upstream_connect,
            head: limits.upstream_read,
        }));
        Some(peer)
    }

    /// Takes the addresses that `old` knows for the same name: what was known stays
    /// known also when settings are reloaded while the name cannot be looked up.
    pub(crate) fn inherit(&self, old: &Self) {
        if self.is_unix == old.is_unix && (&self.host, self.port) == (&old.host, old.port) {
            self.addresses.store(old.addresses.load_full());
        }
    }

    /// How many addresses there are to try.
    pub(crate) fn places(&self) -> usize {
        if self.is_unix {
            return 1;
        }
        self.addresses.load().len()
    }

    /// Looks the name up, but waits for the answer no longer than a start or a reload
    /// should; the look-up is repeated in the background anyway.
    pub(crate) async fn resolve_soon(&self) {
        let _late = tokio::time::timeout(Duration::from_secs(2), self.resolve()).await;
    }

    /// Looks the name up. What was known stays known when the look-up fails: a DNS
    /// hiccup must not take down an app that runs.
    pub async fn resolve(&self) {
        if self.is_unix || self.host.parse::<IpAddr>().is_ok() {
            return;
        }
        match tokio::net::lookup_host((self.host.as_str(), self.port)).await {
            Ok(found) => {
                let mut found: Vec<SocketAddr> = found.collect();
                found.sort_unstable();
                found.dedup();
                if !found.is_empty() && **self.addresses.load() != found {
                    log::info!("upstream {} is at {found:?}", self.host);
                    self.addresses.store(Arc::new(found));
                }
            }
            Err(e) if self.addresses.load().is_empty() => {
                log::warn!("upstream {} has no address: {e}", self.host);
            }
            Err(e) => log::warn!(
                "upstream {} not looked up, old address kept: {e}",
                self.host
            ),
        }
    }
}

/// A connection of its own: none that was kept, and not kept for others.
pub(crate) fn keep_apart(peer: &mut HttpPeer) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    peer.group_key = NEXT.fetch_add(1, Ordering::Relaxed);
    peer.options.idle_timeout = Some(Duration::from_millis(1));
}

fn trusted_authorities(path: &Path) -> Result<Arc<CaType>, PeerError> {
    let failed = |reason: String| PeerError::Ca {
        path: path.display().to_string(),
        reason,
    };
    let certificates = read_ca(path).map_err(failed)?;
    let wrapped: Vec<WrappedX509> = certificates
        .into_iter()
        .map(|der| WrappedX509::new(der, parse_x509))
        .collect();
    Ok(Arc::from(wrapped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_keeps_the_addresses_of_the_same_name_alone() {
        let wait = Duration::from_secs(1);
        let limits = settings::Limits {
            login_body: 0,
            sizes: settings::Sizes {
                request_body: None,
                header_bytes: 0,
                header_count: 0,
                cookie_bytes: 0,
            },
            request_head: wait,
            client_read: wait,
            keepalive_idle: wait,
            keepalive_requests: None,
            h2_streams: 0,
            connections: 0,
            connections_per_address: None,
            body_min_rate: None,
            unread_answers: 0,
            upstream_connect: wait,
            upstream_read: wait,
            idle_stream: wait,
            drain: wait,
        };
        let at = |host: &str, port| {
            let place = settings::Upstream::Http {
                host: host.into(),
                port,
            };
            Upstream::new(&place, &settings::UpstreamTls::default(), &limits).unwrap()
        };
        let old = at("app.invalid", 80);
        old.addresses
            .store(Arc::new(vec![SocketAddr::from(([192, 0, 2, 1], 80))]));
        for (new, known) in [
            (at("app.invalid", 80), 1),
            (at("app.invalid", 81), 0),
            (at("other.invalid", 80), 0),
        ] {
            new.inherit(&old);
            assert_eq!(new.places(), known);
        }
    }
}
