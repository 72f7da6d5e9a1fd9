//! The client's connection under pingora, how a WebSocket is said goodbye, and how a
//! head that is late is answered.
//!
//! Pingora owns the connection while a request lasts and closes it with the request. When
//! a session ends, its WebSockets shall hear why (close code 1008), and only the
//! connection itself knows where a frame may stand: what pingora was given to write, and
//! what of it was written, are two things. So the connection is ours, counts the frames
//! that go by, and comes back to us when pingora lets go of it.
//!
//! It lies above TLS, whatever carries the app's side.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use parking_lot::Mutex;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::{SslDigest, TlsRef};
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use pingora_proxy::Session;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::adapters::clock;
use crate::auth::denial::Denial;
use crate::auth::problem::bare;
use crate::domain::time::Timestamp;
use crate::gateway::connection::exchanges::Exchanges;
use crate::gateway::connection::framing::Framing;
use crate::gateway::connection::h2_share::Share;
use crate::gateway::connection::head_deadline::{HeadDeadline, TimedOut};
use crate::gateway::connection::read_ahead::ReadAhead;
use crate::gateway::connection::response_timeout::ResponseTimeouts;
use crate::gateway::connection::websocket_frames::WebSocketFrames;

/// Close, two bytes: 1008, "policy violation" (RFC 6455 section 7.4.1), which is what a
/// session that is over comes to.
const GOODBYE: [u8; 4] = [0x88, 0x02, 0x03, 0xf0];

/// How long a client may take for the goodbye. A guess, half of the promised second.
const FAREWELL: Duration = Duration::from_millis(500);

/// What is known of one connection by both of its holders.
#[derive(Debug, Default)]
pub(in crate::gateway) struct ConnectionHandle {
    /// The heads of its requests.
    pub(in crate::gateway) arrival: HeadDeadline,
    /// The waits for the app's answers.
    pub(in crate::gateway) answers: ResponseTimeouts,
    /// What may have to end with its session.
    pub(in crate::gateway) exchanges: Exchanges,
    /// Where its requests end.
    pub(in crate::gateway) framing: Mutex<Framing>,
    /// What its streams may have on their way at once.
    pub(in crate::gateway) share: Share,
    peer: OnceLock<Option<HeaderValue>>,
    is_tunnel: AtomicBool,
    /// What the client of a WebSocket sends.
    from_client: Mutex<Option<WebSocketFrames>>,
    /// When it last sent data of its own, in milliseconds; 0: not since somebody asked.
    used: AtomicU64,
    /// Whether the client takes nothing more for now.
    is_blocked: AtomicBool,
    /// Whether the request is over when the client has gone.
    ends_with_client: AtomicBool,
    /// Whether the connection shall come back to be told why it ends.
    is_owed_a_word: AtomicBool,
    returned: Mutex<Option<(Stream, Option<WebSocketFrames>)>>,
}

impl ConnectionHandle {
    /// Of a connection whose protocol is known.
    pub(in crate::gateway) fn of(stream: &Stream) -> Self {
        let arrival = match stream.selected_alpn_proto() {
            Some(ALPN::H2) => HeadDeadline::http2(),
            _ => HeadDeadline::http1(),
        };
        Self {
            arrival,
            ..Self::default()
        }
    }

    /// The same, and its requests are taken one by one, if it speaks HTTP/1.
    pub(in crate::gateway) fn framed(mut self) -> Self {
        if self.arrival.is_http1() {
            self.framing = Mutex::new(Framing::head());
        }
        self
    }

    /// The next request is asked for.
    pub(in crate::gateway) fn awaits_request(&self) {
        self.arrival.waits();
        self.framing.lock().next();
        self.ends_with_client.store(false, Ordering::Relaxed);
    }

    /// The head of a request is here. Where it is in doubt, that is noted with it.
    pub(in crate::gateway) fn begins(&self, session: &mut Session) {
        self.arrival.is_whole();
        if self.arrival.is_http1() {
            let raw = session.downstream_session.to_h1_raw();
            let begun = self.framing.lock().begin(session.req_header(), &raw);
            if let Err(doubt) = begun {
                session.req_header_mut().extensions_mut().insert(doubt);
            }
        }
    }

    /// From now on the request is over when the client has nothing more to say.
    pub(in crate::gateway) fn end_with_client(&self) {
        self.ends_with_client.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub(in crate::gateway) fn ends_with_client(&self) -> bool {
        self.ends_with_client.load(Ordering::Relaxed)
    }

    /// From now on the client sends no requests any more.
    pub(in crate::gateway) fn opens(&self) {
        *self.framing.lock() = Framing::Open;
    }

    /// The address of whoever is on the other end, written once.
    pub(in crate::gateway) fn peer_address(&self, address: IpAddr) -> Option<HeaderValue> {
        let written = self
            .peer
            .get_or_init(|| HeaderValue::try_from(address.to_string()).ok());
        written.clone()
    }

    /// The client is late, and whoever owns the connection lets go of it.
    pub(in crate::gateway) fn ends(&self, late: TimedOut) {
        let tell = late == TimedOut::Head && self.arrival.is_http1();
        self.is_owed_a_word.store(tell, Ordering::Relaxed);
    }

    /// The request ends before it was answered, and its client is told why, over HTTP/1: a
    /// stream of HTTP/2 is reset.
    pub(in crate::gateway) fn owes_a_word(&self) {
        let tell = self.arrival.is_http1();
        self.is_owed_a_word.store(tell, Ordering::Relaxed);
    }

    /// Whether what was written last waits for the client.
    pub(in crate::gateway) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    fn note_blocked(&self, is_blocked: bool) {
        if self.is_blocked() != is_blocked {
            self.is_blocked.store(is_blocked, Ordering::Relaxed);
        }
    }

    /// From the next answer on the connection carries a WebSocket, until it closes.
    pub(in crate::gateway) fn becomes_tunnel(&self) {
        self.is_tunnel.store(true, Ordering::Relaxed);
    }

    /// A piece of what the client sends, if a WebSocket is what it has.
    pub(in crate::gateway) fn note_sent(&self, piece: &[u8]) {
        if !self.is_tunnel.load(Ordering::Relaxed) {
            return;
        }
        let mut frames = self.from_client.lock();
        let frames = frames.get_or_insert_with(WebSocketFrames::without_head);
        frames.pass(piece);
        if frames.take_data() {
            self.used.store(clock::now().millis(), Ordering::Relaxed);
        }
    }

    /// When the client of a WebSocket last sent data, if it has since this was asked: pings
    /// and pongs are a browser's, and no use.
    pub(in crate::gateway) fn take_use(&self) -> Option<Timestamp> {
        match self.used.load(Ordering::Relaxed) {
            0 => None,
            _ => Some(Timestamp::from_millis(self.used.swap(0, Ordering::Relaxed))),
        }
    }

    /// Says goodbye to a WebSocket after pingora has let go of it; where it stands within
    /// a frame, the connection closes without a word.
    pub(in crate::gateway) async fn send_close_frame(&self) {
        if let Some((mut stream, Some(frames))) = self.take_back()
            && frames.at_boundary()
        {
            farewell(&mut stream, &GOODBYE).await;
        }
    }

    /// Answers an HTTP/1 client that is owed a word, after pingora has let go: a refusal,
    /// and the end of the connection.
    pub(in crate::gateway) async fn say_why(&self, why: Denial) {
        if let Some((mut stream, None)) = self.take_back() {
            farewell(&mut stream, bare(why).as_bytes()).await;
        }
    }

    /// The same without a body, to a HEAD (RFC 9110 section 9.3.2).
    pub(in crate::gateway) async fn say_head(&self, why: Denial) {
        let words = bare(why);
        let end = words.find("\r\n\r\n").map_or(words.len(), |end| end + 4);
        if let Some((mut stream, None)) = self.take_back() {
            let head = words.as_bytes().get(..end).unwrap_or_default();
            farewell(&mut stream, head).await;
        }
    }

    fn take_back(&self) -> Option<(Stream, Option<WebSocketFrames>)> {
        self.returned.lock().take()
    }
}

/// Says the last words. A client that does not listen must not keep its connection.
async fn farewell(stream: &mut Stream, words: &[u8]) {
    let _late = tokio::time::timeout(FAREWELL, goodbye(stream, words)).await;
}

async fn goodbye(stream: &mut Stream, words: &[u8]) -> io::Result<()> {
    stream.write_all(words).await?;
    stream.flush().await?;
    AsyncWriteExt::shutdown(stream).await?;
    // With bytes unread the system resets the connection, and what we wrote last may be
    // lost: read what comes until the client closes too.
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// The client's connection as pingora has it.
#[derive(Debug)]
pub(in crate::gateway) struct ObservedStream {
    /// There until the end.
    stream: Option<Stream>,
    held: ReadAhead,
    frames: Option<WebSocketFrames>,
    line: Arc<ConnectionHandle>,
}

impl ObservedStream {
    pub(in crate::gateway) fn new(stream: Stream, line: &Arc<ConnectionHandle>) -> Self {
        Self {
            stream: Some(stream),
            held: ReadAhead::default(),
            frames: None,
            line: Arc::clone(line),
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut Stream>> {
        let stream = self.stream.as_mut().map(Pin::new);
        stream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn frames(&mut self) -> Option<&mut WebSocketFrames> {
        if self.frames.is_none() && self.line.is_tunnel.load(Ordering::Relaxed) {
            self.frames = Some(WebSocketFrames::new());
        }
        self.frames.as_mut()
    }
}

impl Drop for ObservedStream {
    fn drop(&mut self) {
        let frames = self.frames.take();
        if frames.is_none() && !self.line.is_owed_a_word.load(Ordering::Relaxed) {
            return;
        }
        if let Some(stream) = self.stream.take() {
            *self.line.returned.lock() = Some((stream, frames));
        }
    }
}

impl AsyncRead for ObservedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            stream, held, line, ..
        } = self.get_mut();
        match stream {
            Some(stream) => held.poll_read(Pin::new(stream), line, cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for ObservedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.stream()?.poll_write(cx, buf);
        this.line.note_blocked(written.is_pending());
        let written = std::task::ready!(written)?;
        let went = buf.get(..written).unwrap_or_default();
        this.line.arrival.went(went);
        if let Some(frames) = this.frames() {
            frames.pass(went);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.stream()?.poll_write_vectored(cx, bufs);
        this.line.note_blocked(written.is_pending());
        let written = std::task::ready!(written)?;
        let mut left = written;
        for buf in bufs {
            let part = buf.get(..left.min(buf.len())).unwrap_or_default();
            this.line.arrival.went(part);
            if let Some(frames) = this.frames() {
                frames.pass(part);
            }
            left = left.saturating_sub(part.len());
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for ObservedStream {
    async fn shutdown(&mut self) {
        if let Some(stream) = &mut self.stream {
            Shutdown::shutdown(stream.as_mut()).await;
        }
    }
}

#[async_trait]
impl Peek for ObservedStream {
    async fn try_peek(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        match &mut self.stream {
            Some(stream) => stream.try_peek(buf).await,
            None => Ok(false),
        }
    }
}

impl UniqueID for ObservedStream {
    fn id(&self) -> UniqueIDType {
        self.stream.as_ref().map_or(-1, |stream| stream.id())
    }
}

impl Ssl for ObservedStream {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.stream.as_ref()?.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.as_ref()?.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.as_ref()?.selected_alpn_proto()
    }
}

impl GetTimingDigest for ObservedStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        let stream = self.stream.as_ref();
        stream.map_or_else(Vec::new, |stream| stream.get_timing_digest())
    }

    fn get_read_pending_time(&self) -> Duration {
        let stream = self.stream.as_ref();
        stream.map_or(Duration::ZERO, |stream| stream.get_read_pending_time())
    }

    fn get_write_pending_time(&self) -> Duration {
        let stream = self.stream.as_ref();
        stream.map_or(Duration::ZERO, |stream| stream.get_write_pending_time())
    }
}

impl GetProxyDigest for ObservedStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.as_ref()?.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        if let Some(stream) = &mut self.stream {
            stream.set_proxy_digest(digest);
        }
    }
}

impl GetSocketDigest for ObservedStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.as_ref()?.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        if let Some(stream) = &mut self.stream {
            stream.set_socket_digest(digest);
        }
    }
}
