//! What is known of a client's connection: where its requests end, how a WebSocket is said
//! goodbye, and how a head that is late is answered.
//!
//! Pingora owns the connection while a request lasts and closes it with the request. When
//! a session ends, its WebSockets shall hear why (close code 1008), so the connection comes
//! back to us when pingora lets go of it
//! ([`crate::gateway::connection::observed_stream`]).

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use parking_lot::Mutex;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::{ALPN, Stream};
use pingora_proxy::Session;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt};

use crate::adapters::clock;
use crate::auth::denial::Denial;
use crate::auth::problem::bare;
use crate::domain::request_id::RequestId;
use crate::domain::time::Timestamp;
use crate::gateway::connection::flag::Flag;
use crate::gateway::connection::framing::Framing;
use crate::gateway::connection::h2_interim::{
    InterimAnswers, StreamNumber, StreamSecret, take_stream,
};
use crate::gateway::connection::head_deadline::{HeadDeadline, TimedOut};
use crate::gateway::connection::response_timeout::ResponseTimeouts;
use crate::gateway::connection::websocket_frames::WebSocketFrames;

/// Close, two bytes: 1008, "policy violation" (RFC 6455 section 7.4.1), which is what a
/// session that is over comes to.
const CLOSE_FRAME: [u8; 4] = [0x88, 0x02, 0x03, 0xf0];

/// How long a client may take for the goodbye. A guess, half of the promised second.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// What is known of one connection by both of its holders.
#[derive(Debug, Default)]
pub(crate) struct ConnectionHandle {
    /// The heads of its requests.
    pub(crate) arrival: HeadDeadline,
    /// The waits for the app's answers.
    pub(crate) answers: Arc<ResponseTimeouts>,
    /// Where its requests end.
    pub(crate) framing: Mutex<Framing>,
    /// What is written between the frames of the HTTP/2 library.
    pub(crate) interim: InterimAnswers,
    /// By which the streams of its requests are known.
    pub(super) streams: StreamSecret,
    peer: OnceLock<Option<HeaderValue>>,
    /// From the next answer on the connection carries a WebSocket, until it closes.
    pub(crate) is_tunnel: Flag,
    /// What the client of a WebSocket sends.
    from_client: Mutex<Option<WebSocketFrames>>,
    /// When it last sent data of its own, in milliseconds; 0: not since somebody asked.
    used: AtomicU64,
    /// What was written last waits for the client.
    pub(crate) is_blocked: Flag,
    /// The request is over when the client has nothing more to say.
    pub(crate) ends_with_client: Flag,
    /// The connection shall come back to be told why it ends.
    pub(super) is_owed_a_word: Flag,
    /// The stream, once pingora has let go of it, if it is needed once more.
    pub(super) returned: Mutex<Option<(Stream, Option<WebSocketFrames>)>>,
}

impl ConnectionHandle {
    /// Of a connection whose protocol is known.
    pub(crate) fn of(stream: &Stream) -> Self {
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
    pub(crate) fn framed(mut self) -> Self {
        if self.arrival.is_http1() {
            self.framing = Mutex::new(Framing::head());
        }
        self
    }

    /// The next request is asked for.
    pub(crate) fn awaits_request(&self) {
        self.arrival.waits();
        self.framing.lock().next();
        self.ends_with_client.set(false);
    }

    /// The head of a request is here. Where it is in doubt, that is noted with it.
    pub(crate) fn begins(&self, session: &mut Session) {
        self.arrival.is_whole();
        if self.arrival.is_http1() {
            let raw = session.downstream_session.to_h1_raw();
            let begun = self.framing.lock().begin(session.req_header(), &raw);
            if let Err(doubt) = begun {
                session.req_header_mut().extensions_mut().insert(doubt);
            }
        } else {
            take_stream(session.req_header_mut(), self.streams);
        }
    }

    /// From now on the client sends no requests any more.
    pub(crate) fn opens(&self) {
        *self.framing.lock() = Framing::Open;
    }

    /// Sends an answer before the last one where pingora does not: over HTTP/2.
    pub(crate) fn send_interim(&self, request: &RequestHeader, answer: &ResponseHeader) {
        let stream = request.extensions.get::<StreamNumber>();
        if let Some(stream) = stream
            && !self.arrival.has_small_table()
        {
            self.interim.send(*stream, answer);
        }
    }

    /// The address of whoever is on the other end, written once.
    pub(crate) fn peer_address(&self, address: IpAddr) -> Option<HeaderValue> {
        let written = self
            .peer
            .get_or_init(|| HeaderValue::try_from(address.to_string()).ok());
        written.clone()
    }

    /// The client is late, and whoever owns the connection lets go of it.
    pub(crate) fn ends(&self, late: TimedOut) {
        let tell = late == TimedOut::Head && self.arrival.is_http1();
        self.is_owed_a_word.set(tell);
    }

    /// The request ends before it was answered, and its client is told why, over HTTP/1: a
    /// stream of HTTP/2 is reset.
    pub(crate) fn owes_a_word(&self) {
        let tell = self.arrival.is_http1();
        self.is_owed_a_word.set(tell);
    }

    /// A piece of what the client sends, if a WebSocket is what it has.
    pub(crate) fn note_sent(&self, piece: &[u8]) {
        if !self.is_tunnel.get() {
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
    pub(crate) fn take_use(&self) -> Option<Timestamp> {
        match self.used.load(Ordering::Relaxed) {
            0 => None,
            _ => Some(Timestamp::from_millis(self.used.swap(0, Ordering::Relaxed))),
        }
    }

    /// Says goodbye to a WebSocket after pingora has let go of it; where it stands within
    /// a frame, the connection closes without a word.
    pub(crate) async fn send_close_frame(&self) {
        if let Some((mut stream, Some(frames))) = self.take_back()
            && frames.at_boundary()
        {
            write_and_close(&mut stream, &CLOSE_FRAME).await;
        }
    }

    /// Answers an HTTP/1 client that is owed a word, after pingora has let go: a refusal,
    /// and the end of the connection.
    pub(crate) async fn say_why(&self, why: Denial, named: Option<&(Bytes, RequestId)>) {
        if let Some((mut stream, None)) = self.take_back() {
            write_and_close(&mut stream, bare(why, named).as_bytes()).await;
        }
    }

    /// The same without a body, to a HEAD (RFC 9110 section 9.3.2).
    pub(crate) async fn say_head(&self, why: Denial, named: Option<&(Bytes, RequestId)>) {
        let words = bare(why, named);
        let end = words.find("\r\n\r\n").map_or(words.len(), |end| end + 4);
        if let Some((mut stream, None)) = self.take_back() {
            let head = words.as_bytes().get(..end).unwrap_or_default();
            write_and_close(&mut stream, head).await;
        }
    }

    fn take_back(&self) -> Option<(Stream, Option<WebSocketFrames>)> {
        self.returned.lock().take()
    }
}

/// Says the last words. A client that does not listen must not keep its connection.
async fn write_and_close(stream: &mut Stream, words: &[u8]) {
    let _late = tokio::time::timeout(CLOSE_TIMEOUT, goodbye(stream, words)).await;
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
