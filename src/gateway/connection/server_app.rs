//! Connections, before there is a request: how many, how long a handshake and a head may
//! take, and how long they may idle. Every listener stands behind one.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::server::ShutdownWatch;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::adapters::observe::metrics::{Counted, RejectedConnection};
use crate::auth::denial::Denial;
use crate::config::settings::Limits;
use crate::gateway::connection::body_rate;
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::connection::deadlines::{self, DeadlineTimer, Timeouts};
use crate::gateway::connection::exchanges::Exchanges;
use crate::gateway::connection::h2_share::Share;
use crate::gateway::connection::handle::ConnectionHandle;
use crate::gateway::connection::head_deadline::TimedOut;
use crate::gateway::connection::limits::{
    ConnectionLimiter, ConnectionLimits, ConnectionPermit, LimitExceeded,
};
use crate::gateway::connection::listen::TlsAcceptor;
use crate::gateway::connection::observed_stream::ObservedStream;
use crate::gateway::connection::operators::{self, Operators};
use crate::gateway::connection::registration::{self, register};
use crate::gateway::connection::surroundings::Surroundings;

/// What `h2` keeps of an answer for one stream whose client does not read: a frame. Its own
/// default is 400 KiB, for each of `limits.h2_streams` of each connection.
const H2_SEND_BUFFER: usize = 16 * 1024;

/// How much a client may send before anybody has read it, on one stream and on all of a
/// connection. The default of HTTP/2, 65 535 bytes, is what passes in a round trip: at 100 ms
/// an upload of 8 MiB takes 13 s. With this it takes some four round trips more than over
/// HTTP/1.1; with 4 MiB it takes three, and what waits for an app that does not take it is
/// more than 8 MiB of memory.
const H2_WINDOW: u32 = 2 * 1024 * 1024;

/// What HPACK counts for a field beside its name and value (RFC 7541 section 4.1).
const HPACK_OVERHEAD: usize = 32;

/// The cookies of a browser, each of which may be a field of its own. A guess: Chromium
/// keeps 180 of a site.
const CRUMBS: usize = 200;

/// Whose connections these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListenerRole {
    Public,
    Redirect,
    Operators,
}

/// Counts connections, turns away those over the limits, and ends what is late.
pub(crate) struct ConnectionApp<A> {
    surroundings: Arc<dyn Surroundings>,
    app: Arc<A>,
    kind: ListenerRole,
    tls: Option<TlsAcceptor>,
    /// More than these the process cannot carry, whatever the settings say: it would run
    /// out of descriptors for the app, the store and the operators.
    most: usize,
    seats: Arc<ConnectionLimiter>,
    operators: Operators,
}

impl<A> ConnectionApp<A> {
    /// Before the proxy, with `most` connections at most.
    pub(crate) fn public(
        surroundings: Arc<dyn Surroundings>,
        app: A,
        tls: Option<TlsAcceptor>,
        most: usize,
    ) -> Self {
        Self {
            tls,
            most,
            ..Self::new(surroundings, app, ListenerRole::Public)
        }
    }

    /// Before the plain listener beside a TLS one, which has as many places of its own.
    pub(crate) fn redirect(surroundings: Arc<dyn Surroundings>, app: A, most: usize) -> Self {
        Self {
            most,
            ..Self::new(surroundings, app, ListenerRole::Redirect)
        }
    }

    /// Before a listener of the operators.
    pub(crate) fn operators(surroundings: Arc<dyn Surroundings>, app: A) -> Self {
        Self::new(surroundings, app, ListenerRole::Operators)
    }

    fn new(surroundings: Arc<dyn Surroundings>, app: A, kind: ListenerRole) -> Self {
        Self {
            surroundings,
            app: Arc::new(app),
            kind,
            tls: None,
            most: usize::MAX,
            seats: Arc::new(ConnectionLimiter::default()),
            operators: Operators::default(),
        }
    }

    /// A place for one more connection, and its part in the metrics.
    fn admit(&self, stream: &Stream) -> Option<(ConnectionPermit, Option<Counted>)> {
        let limits = self.surroundings.limits();
        let bounds = match self.kind {
            ListenerRole::Public | ListenerRole::Redirect => ConnectionLimits {
                most: limits.connections.min(self.most),
                per_address: limits.connections_per_address,
            },
            ListenerRole::Operators => ConnectionLimits {
                // One that has to leave takes a moment.
                most: operators::PLACES.saturating_mul(2),
                per_address: None,
            },
        };
        let address = address_of(stream).filter(|address| !self.surroundings.trusts(*address));
        match self.seats.admit(address, bounds) {
            Ok(seat) => {
                let is_public = self.kind == ListenerRole::Public;
                Some((
                    seat,
                    is_public.then(|| self.surroundings.metrics().connection()),
                ))
            }
            Err(full) => {
                self.turned_away(match full {
                    LimitExceeded::Everywhere => RejectedConnection::Connections,
                    LimitExceeded::Address => RejectedConnection::ConnectionsPerAddress,
                });
                None
            }
        }
    }

    fn turned_away(&self, why: RejectedConnection) {
        log::debug!("a connection was closed: {}", <&str>::from(why));
        self.surroundings.metrics().turned_away(why);
    }

    /// The connection with TLS on it, if there is to be any.
    async fn secured(&self, stream: Stream, within: Duration) -> Option<Stream> {
        let Some(tls) = &self.tls else {
            return Some(stream);
        };
        let stream = timeout(within, tls.accept(stream)).await;
        let stream = stream.ok().flatten();
        if stream.is_none() {
            self.turned_away(RejectedConnection::Handshake);
        }
        stream
    }
}

fn address_of(stream: &Stream) -> Option<IpAddr> {
    let digest = stream.get_socket_digest()?;
    match digest.peer_addr()? {
        SocketAddr::Inet(address) => Some(address.ip().to_canonical()),
        SocketAddr::Unix(_) => None,
    }
}

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> ServerApp for ConnectionApp<A> {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let _seat = self.admit(&stream)?;
        let client = address_of(&stream);
        // Those of the moment when the connection began.
        let limits = self.surroundings.limits();
        let times = times(&limits);
        let stream = self.secured(stream, times.head).await?;
        let line = ConnectionHandle::of(&stream);
        let line = Arc::new(match self.kind {
            ListenerRole::Public => line.framed(),
            ListenerRole::Redirect | ListenerRole::Operators => line,
        });
        if self.kind == ListenerRole::Public {
            let surroundings = Arc::clone(&self.surroundings);
            let record = move |status| surroundings.malformed(client, status);
            line.arrival.refusals.recorded_by(record);
        }
        let wire = Box::new(ObservedStream::new(stream, &line));
        let inner = Arc::new(Connection {
            surroundings: Arc::clone(&self.surroundings),
            app: Arc::clone(&self.app),
            options: options(times.idle),
            limits,
            line: Arc::clone(&line),
            exchanges: Arc::default(),
            share: Share::default(),
        });
        let leaves = (self.kind == ListenerRole::Operators).then(|| self.operators.enter(&line));
        let lasts = |handle: &Arc<CancelHandle>| register(handle, self.surroundings.as_ref());
        let (exchanges, share) = (&inner.exchanges, &inner.share);
        let timer = DeadlineTimer::new(&line, exchanges, share, times, &lasts);
        let late = tokio::select! {
            biased;
            _closed = inner.process_new(wire, shutdown) => None,
            late = timer => Some(late),
            () = told(leaves.as_deref()) => None,
        };
        if line.arrival.is_abused() {
            self.turned_away(RejectedConnection::Abuse);
        }
        if late == Some(TimedOut::Head) {
            self.turned_away(RejectedConnection::RequestHead);
            line.say_why(Denial::RequestTimeout, None).await;
        }
        // Each stream has it too.
        deadlines::outlive(&line, || Arc::strong_count(&inner) > 1).await;
        None
    }

    async fn cleanup(&self) {
        // It closes the connections that wait for a request, which may be on its way. After
        // a take-over each of them is answered once more instead.
        if self.surroundings.closes_idle() {
            self.app.http_cleanup().await;
        }
    }
}

/// Ready when the connection has to leave, if it ever has to.
async fn told(leaves: Option<&Notify>) {
    match leaves {
        Some(leaves) => leaves.notified().await,
        None => std::future::pending().await,
    }
}

fn times(limits: &Limits) -> Timeouts {
    Timeouts {
        idle: at_least_a_second(limits.keepalive_idle),
        head: limits.request_head,
        answer: limits
            .upstream_read
            .min(limits.idle_stream)
            .min(limits.client_read)
            .min(body_rate::GRACE),
    }
}

/// Below, a client could not even answer.
fn at_least_a_second(idle: Duration) -> Duration {
    idle.max(Duration::from_secs(1))
}

fn options(idle: Duration) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    // Without it an idle HTTP/2 connection keeps its seat for ever.
    options.h2_idle_timeout = Some(idle);
    options
}

/// Sets on one connection and its requests what pingora has as constants.
struct Connection<A> {
    surroundings: Arc<dyn Surroundings>,
    app: Arc<A>,
    options: HttpServerOptions,
    limits: Limits,
    line: Arc<ConnectionHandle>,
    exchanges: Arc<Exchanges>,
    share: Share,
}

impl<A> Connection<A> {
    /// The next request is waited for.
    fn prepare(&self, session: &mut ServerSession) {
        let limits = &self.limits;
        self.line.awaits_request();
        session.set_read_timeout(Some(limits.client_read));
        session.set_write_timeout(Some(limits.client_read));
        // `None` means that the connection shall close; leave that.
        if session.get_keepalive().is_some() {
            // 0 means for ever: how long it idles is the line's to see.
            session.set_keepalive(Some(0));
            if session.get_keepalive_reuses_remaining().is_none() {
                // Pingora counts what comes after the first.
                let reuses = limits.keepalive_requests.map(|most| most.saturating_sub(1));
                session.set_keepalive_reuses_remaining(reuses);
            }
        }
    }

    /// Runs a request to its end, or until it is ended from outside.
    async fn run(
        &self,
        request: impl Future<Output = Option<ReusedHttpStream>>,
    ) -> Option<ReusedHttpStream> {
        let handle = CancelHandle::new(&self.line, &self.exchanges);
        let request = self.share.run(&handle, request);
        let ended = registration::run(&handle, self.surroundings.as_ref(), request).await;
        if ended.is_some() && !handle.progress.is_begun.get() {
            self.line.arrival.never_began();
        }
        if let Some(reused) = ended {
            return reused;
        }
        // Rare, and larger than all the rest: not a part of each request's future.
        Box::pin(async {
            match handle.why().filter(|_| !handle.progress.is_answered.get()) {
                Some(why) if handle.progress.asks_for_head.get() => {
                    self.line.say_head(why, handle.named()).await;
                }
                Some(why) => self.line.say_why(why, handle.named()).await,
                None => self.line.send_close_frame().await,
            }
        })
        .await;
        None
    }
}

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> HttpServerApp for Connection<A> {
    /// Not an `async fn`: that would hold the session too, which is large, on its way into
    /// the request's future.
    fn process_new_http<'a, 'b, 'c>(
        self: &'a Arc<Self>,
        mut session: ServerSession,
        shutdown: &'b ShutdownWatch,
    ) -> Pin<Box<dyn Future<Output = Option<ReusedHttpStream>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.prepare(&mut session);
        Box::pin(self.run(self.app.process_new_http(session, shutdown)))
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(h2_options(&self.surroundings.limits()))
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }

    async fn http_cleanup(&self) {
        self.app.http_cleanup().await;
    }
}

fn h2_options(limits: &Limits) -> H2Options {
    let mut options = default_h2_options();
    options.max_concurrent_streams(limits.h2_streams);
    options.max_send_buffer_size(H2_SEND_BUFFER);
    options.initial_window_size(H2_WINDOW);
    options.initial_connection_window_size(H2_WINDOW);
    // As much as may be, and half of that again for the pseudo-headers and for an answer of
    // ours to what is a little too long. Above it the library ends the stream by itself.
    let bytes = usize::try_from(limits.sizes.header_bytes).unwrap_or(usize::MAX);
    let crumbs = CRUMBS.saturating_mul("cookie".len().saturating_add(HPACK_OVERHEAD));
    let fields = limits.sizes.header_count.saturating_mul(HPACK_OVERHEAD);
    let fields = fields.saturating_add(crumbs);
    let list = bytes.saturating_add(fields).saturating_mul(3) / 2;
    options.max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX));
    options
}
