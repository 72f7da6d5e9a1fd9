//! Connections, before there is a request: how many, and how long they may idle.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::server::ShutdownWatch;
use pingora_proxy::HttpProxy;

use super::house::House;
use super::inbound::trusts;
use super::leash::Leash;
use super::line::{Line, Wire};
use super::proxy::Gateway;

/// Counts connections and turns away those over the limits.
pub(super) struct Front {
    house: Arc<House>,
    proxy: Arc<HttpProxy<Gateway>>,
    /// More than these the process cannot carry, whatever the settings say: it would run
    /// out of descriptors for the app, the store and the operators.
    most: usize,
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl Front {
    pub(super) fn new(house: Arc<House>, proxy: HttpProxy<Gateway>, most: usize) -> Self {
        Self {
            house,
            proxy: Arc::new(proxy),
            most,
            open: AtomicUsize::new(0),
            by_address: Mutex::new(HashMap::new()),
        }
    }

    /// A place for one more connection; `None` when there is none.
    fn admit(self: &Arc<Self>, stream: &Stream) -> Option<Seat> {
        let snapshot = self.house.snapshot();
        let limits = &snapshot.settings.limits;
        if self.open.fetch_add(1, Ordering::Relaxed) >= limits.connections.min(self.most) {
            self.open.fetch_sub(1, Ordering::Relaxed);
            log::debug!("a connection over limits.connections was closed");
            return None;
        }
        // From here on the guard counts down.
        let mut seat = Seat {
            front: Arc::clone(self),
            address: None,
            _counted: self.house.metrics.connection(),
        };
        if let Some(most) = limits.connections_per_address
            && let Some(address) = address_of(stream)
            && !trusts(&snapshot.settings.trusted_proxies, address)
        {
            let mut by_address = self.by_address.lock();
            let taken = by_address.entry(address).or_insert(0);
            if *taken >= most {
                return None;
            }
            *taken = taken.saturating_add(1);
            seat.address = Some(address);
        }
        Some(seat)
    }
}

fn address_of(stream: &Stream) -> Option<IpAddr> {
    let digest = stream.get_socket_digest()?;
    match digest.peer_addr()? {
        SocketAddr::Inet(address) => Some(address.ip().to_canonical()),
        SocketAddr::Unix(_) => None,
    }
}

/// A place that is free again when it is dropped.
struct Seat {
    front: Arc<Front>,
    address: Option<IpAddr>,
    _counted: crate::adapters::observe::metrics::Counted,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.front.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            let mut by_address = self.front.by_address.lock();
            if let Some(taken) = by_address.get_mut(&address) {
                *taken = taken.saturating_sub(1);
                if *taken == 0 {
                    by_address.remove(&address);
                }
            }
        }
    }
}

#[async_trait]
impl ServerApp for Front {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let _seat = self.admit(&stream)?;
        let line = Arc::new(Line::default());
        let wire = Wire::new(stream, &line);
        let inner = Arc::new(Keepalive::new(&self.house, &self.proxy, line));
        inner.process_new(Box::new(wire), shutdown).await
    }

    async fn cleanup(&self) {
        // It closes the connections that wait for a request, which may be on its way. After
        // a take-over each of them is answered once more instead.
        if !self.house.is_relieved() {
            self.proxy.http_cleanup().await;
        }
    }
}

/// Sets on every connection and request what pingora has as constants.
struct Keepalive {
    house: Arc<House>,
    proxy: Arc<HttpProxy<Gateway>>,
    options: HttpServerOptions,
    line: Arc<Line>,
}

impl Keepalive {
    /// For one connection: an option of HTTP/2 holds as long as it does.
    fn new(house: &Arc<House>, proxy: &Arc<HttpProxy<Gateway>>, line: Arc<Line>) -> Self {
        let mut options = HttpServerOptions::default();
        // Without it an idle HTTP/2 connection keeps its seat for ever.
        let idle = house.snapshot().settings.limits.keepalive_idle;
        options.h2_idle_timeout = Some(idle.max(Duration::from_secs(1)));
        Self {
            house: Arc::clone(house),
            proxy: Arc::clone(proxy),
            options,
            line,
        }
    }
}

#[async_trait]
impl HttpServerApp for Keepalive {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let snapshot = self.house.snapshot();
        let limits = &snapshot.settings.limits;
        // `None` means that the connection shall close; leave that.
        if session.get_keepalive().is_some() {
            // 0 would mean for ever.
            session.set_keepalive(Some(limits.keepalive_idle.as_secs().max(1)));
            if session.get_keepalive_reuses_remaining().is_none() {
                // Pingora counts what comes after the first.
                let reuses = limits.keepalive_requests.map(|most| most.saturating_sub(1));
                session.set_keepalive_reuses_remaining(reuses);
            }
        }
        let leash = Leash::new(&self.line);
        let request = self.proxy.process_new_http(session, shutdown);
        match leash.hold(request).await {
            Some(reused) => reused,
            None => {
                self.line.say_goodbye().await;
                None
            }
        }
    }

    fn h2_options(&self) -> Option<H2Options> {
        let mut options = default_h2_options();
        options.max_concurrent_streams(self.house.snapshot().settings.limits.h2_streams);
        Some(options)
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }

    async fn http_cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}
