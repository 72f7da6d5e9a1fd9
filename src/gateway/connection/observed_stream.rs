//! The client's connection as pingora has it: it tells our side what comes and what goes.
//!
//! Only the connection itself knows where a frame of a WebSocket may stand: what pingora was
//! given to write, and what of it was written, are two things. So the connection is ours,
//! counts the frames that go by, and goes back to [`ConnectionHandle`] when pingora lets go of it.
//!
//! It lies above TLS, whatever carries the app's side.

use std::io::{self, Cursor, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::{SslDigest, TlsRef};
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gateway::connection::h2_interim::StreamMarks;
use crate::gateway::connection::handle::ConnectionHandle;
use crate::gateway::connection::read_ahead::ReadAhead;
use crate::gateway::connection::websocket_frames::WebSocketFrames;

/// The client's connection as pingora has it.
#[derive(Debug)]
pub(crate) struct ObservedStream {
    stream: Stream,
    held: ReadAhead,
    /// Over HTTP/2.
    marks: Option<StreamMarks>,
    frames: Option<WebSocketFrames>,
    line: Arc<ConnectionHandle>,
}

impl ObservedStream {
    pub(crate) fn new(stream: Stream, line: &Arc<ConnectionHandle>) -> Self {
        Self {
            stream,
            held: ReadAhead::default(),
            marks: (!line.arrival.is_http1()).then(|| StreamMarks::new(line.streams)),
            frames: None,
            line: Arc::clone(line),
        }
    }

    fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(&mut self.stream)
    }

    /// Writes interim answers where they may stand; how much may be written before that.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let interim = &self.line.interim;
        if !interim.are_waiting() {
            return Poll::Ready(Ok(usize::MAX));
        }
        match self.line.arrival.refusals.left_of_frame() {
            0 => {
                std::task::ready!(interim.poll_write(Pin::new(&mut self.stream), cx))?;
                Poll::Ready(Ok(usize::MAX))
            }
            left => Poll::Ready(Ok(left)),
        }
    }

    /// Part of what was given to write went to the client.
    fn went(&mut self, bytes: &[u8]) {
        self.line.arrival.went(bytes);
        if self.frames.is_none() && self.line.is_tunnel.get() {
            self.frames = Some(WebSocketFrames::new());
        }
        if let Some(frames) = &mut self.frames {
            frames.pass(bytes);
        }
    }
}

impl Drop for ObservedStream {
    fn drop(&mut self) {
        let frames = self.frames.take();
        if frames.is_some() || self.line.is_owed_a_word.get() {
            let nothing = Box::new(Cursor::new(Vec::new()));
            let stream = std::mem::replace(&mut self.stream, nothing);
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
        let this = self.get_mut();
        let mut stream = Pin::new(&mut this.stream);
        let (held, line) = (&mut this.held, &this.line);
        let Some(marks) = &mut this.marks else {
            return held.poll_read(stream, line, cx, buf);
        };
        let came = marks.poll_read(buf, |buf| held.poll_read(stream.as_mut(), line, cx, buf));
        if came.is_pending() {
            line.interim.note_idle(cx);
        }
        came
    }
}

impl AsyncWrite for ObservedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let most = std::task::ready!(this.poll_interim(cx))?;
        let mut bufs = bufs;
        let rest_of_frame;
        if most < usize::MAX {
            let first = bufs.iter().find(|buf| !buf.is_empty());
            let first = first.map_or(&[][..], |first| first);
            rest_of_frame = [IoSlice::new(first.get(..most).unwrap_or(first))];
            bufs = &rest_of_frame;
        }
        let written = match bufs {
            [one] => this.stream().poll_write(cx, one),
            some => this.stream().poll_write_vectored(cx, some),
        };
        this.line.is_blocked.set(written.is_pending());
        let written = std::task::ready!(written)?;
        let mut left = written;
        for buf in bufs {
            let part = buf.get(..left.min(buf.len())).unwrap_or_default();
            this.went(part);
            left = left.saturating_sub(part.len());
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let _most = std::task::ready!(this.poll_interim(cx))?;
        this.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream().poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for ObservedStream {
    async fn shutdown(&mut self) {
        Shutdown::shutdown(self.stream.as_mut()).await;
    }
}

#[async_trait]
impl Peek for ObservedStream {
    async fn try_peek(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        self.stream.try_peek(buf).await
    }
}

impl UniqueID for ObservedStream {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for ObservedStream {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.stream.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl GetTimingDigest for ObservedStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.stream.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.stream.get_write_pending_time()
    }
}

impl GetProxyDigest for ObservedStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.stream.set_proxy_digest(digest);
    }
}

impl GetSocketDigest for ObservedStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.stream.set_socket_digest(digest);
    }
}
