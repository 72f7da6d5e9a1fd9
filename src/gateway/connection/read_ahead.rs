//! What a client sent behind the request that is being served, until the next one is asked
//! for: pingora is given one request at a time (see [`crate::gateway::connection::framing`]).
//!
//! It is no more than came in one read with the end of the request, or a kilobyte: behind
//! that the client has to wait. When it has nothing more to say (a half-closed connection,
//! RFC 9112 section 9.6), pingora hears of that when it asks for the next request, so that
//! the answer to this one is written to its end. Whether the client has gone altogether
//! looks the same, and is noticed when something is written; a stream of events, which may
//! be silent for hours, therefore ends at once.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};

use crate::gateway::connection::framing::Framing;
use crate::gateway::connection::handle::ConnectionHandle;

/// What is read of a client that goes on while it is being answered.
const AHEAD: usize = 1024;

/// The bytes, in order.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead(BytesMut);

impl ReadAhead {
    /// Reads what belongs to the request, first of what is held.
    pub(crate) fn poll_read(
        &mut self,
        stream: Pin<&mut Stream>,
        line: &ConnectionHandle,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut framing = line.framing.lock();
        if matches!(*framing, Framing::Whole) {
            return self.poll_leaving(stream, line, cx);
        }
        if self.0.is_empty() {
            let before = buf.filled().len();
            ready!(stream.poll_read(cx, buf))?;
            let came = buf.filled().get(before..).unwrap_or_default();
            let taken = match framing.take(came) {
                Ok(taken) => taken,
                Err(doubt) => {
                    buf.set_filled(before);
                    return Poll::Ready(Err(doubt.into()));
                }
            };
            if let Some(behind) = came.get(taken..).filter(|behind| !behind.is_empty()) {
                self.0.extend_from_slice(behind);
            }
            let came = line.arrival.came(came.get(..taken).unwrap_or_default());
            buf.set_filled(before.saturating_add(taken));
            return Poll::Ready(came);
        }
        let offered = self.0.get(..buf.remaining()).unwrap_or(&self.0);
        let taken = framing.take(offered)?;
        let came = self.0.split_to(taken);
        if self.0.is_empty() {
            // It is rare, and its memory is not kept.
            self.0 = BytesMut::new();
        }
        buf.put_slice(&came);
        Poll::Ready(line.arrival.came(&came))
    }

    /// Waits until the client has gone, if that ends the request.
    fn poll_leaving(
        &mut self,
        stream: Pin<&mut Stream>,
        line: &ConnectionHandle,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.0.is_empty() {
            return Poll::Pending;
        }
        // This is asked several times a request, and mostly in vain.
        let mut ahead = [const { MaybeUninit::uninit() }; AHEAD];
        let mut ahead = ReadBuf::uninit(&mut ahead);
        ready!(stream.poll_read(cx, &mut ahead))?;
        if ahead.filled().is_empty() && line.ends_with_client.get() {
            return Poll::Ready(Ok(()));
        }
        // Whoever reads next asks anew.
        self.0.extend_from_slice(ahead.filled());
        Poll::Pending
    }
}
