//! The client's connection as pingora has it: it tells our side what comes and what goes.
//!
//! Only the connection itself knows where a frame of a WebSocket may stand: what pingora was
//! given to write, and what of it was written, are two things. So the connection is ours,
//! counts the frames that go by, and goes back to [`ConnectionHandle`] when pingora lets go of it.
//!
//! It lies above TLS, whatever carries the app's side.

use std::io::{self, IoSlice};
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

use crate::gateway::connection::handle::ConnectionHandle;
use crate::gateway::connection::read_ahead::ReadAhead;
use crate::gateway::connection::websocket_frames::WebSocketFrames;

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
        if self.frames.is_none() && self.line.is_tunnel.get() {
            self.frames = Some(WebSocketFrames::new());
        }
        self.frames.as_mut()
    }
}

impl Drop for ObservedStream {
    fn drop(&mut self) {
        self.line.give_back(self.stream.take(), self.frames.take());
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
        this.line.is_blocked.set(written.is_pending());
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
        this.line.is_blocked.set(written.is_pending());
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
