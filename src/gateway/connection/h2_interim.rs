//! Answers before the last one (1xx) over HTTP/2. The library can send them, but pingora 0.9.1
//! keeps what could to itself and drops them, and it tells nobody the number of a stream.
//!
//! So the wire tells it: each head goes on to the library with one more field behind those of
//! the client ([`StreamMarks`]), which is taken out before anybody looks at the request
//! ([`take_stream`]). The answer is a frame of our own between two of the library's
//! ([`InterimAnswers`]). Fields of ours are literals that are not indexed (RFC 7541 section
//! 6.2.2), so that no table knows of them.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, BufMut as _, BytesMut};
use http::HeaderValue;
use parking_lot::Mutex;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use tokio::io::{AsyncWrite as _, ReadBuf};

use crate::adapters::entropy;
use crate::gateway::connection::h2_frames::{
    CONTINUATION, END_HEADERS, FRAME_HEAD, FrameHead, FrameReader, HEADERS, Piece,
};
use crate::gateway::connection::h2_heads::PADDED;

/// The name of the field. What a client says in one of that name counts for nothing.
const STREAM: &str = "doorward-stream";
const SECRET_LENGTH: usize = 16;
/// The digits of any stream.
const DIGITS: usize = 10;
/// What the field takes of a block: how it is coded, two lengths, its name and its value.
const MARK: usize = 3 + STREAM.len() + SECRET_LENGTH + DIGITS;
/// What every client and the library take in one frame (RFC 9113 section 4.2).
const FRAME: usize = 16 * 1024;
/// What waits for one client at most; it may do without (RFC 9110 section 15.2).
const WAITING: usize = 64 * 1024;

/// The number of the stream of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamNumber(u32);

/// What stands before the number in the field of one connection, and nobody knows: a head that
/// cannot be marked must not claim the stream of somebody else behind the same proxy. What became
/// known of it would be worth nothing on another connection.
#[derive(Clone, Copy)]
pub(crate) struct StreamSecret(u64);

impl Default for StreamSecret {
    fn default() -> Self {
        Self(u64::from_be_bytes(entropy::random()))
    }
}

impl fmt::Debug for StreamSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamSecret")
    }
}

impl StreamSecret {
    fn mark(self, stream: u32) -> String {
        format!("{:0SECRET_LENGTH$x}{stream:0DIGITS$}", self.0)
    }

    /// The number in a mark of this connection. A request has an odd one (RFC 9113 section 5.1.1).
    fn number(self, mark: &HeaderValue) -> Option<StreamNumber> {
        let mark = mark.to_str().ok()?;
        let number: u32 = mark.get(SECRET_LENGTH..)?.parse().ok()?;
        (number & 1 == 1 && mark == self.mark(number)).then_some(StreamNumber(number))
    }
}

/// Takes the number out of a head, and notes it beside the fields.
pub(crate) fn take_stream(head: &mut RequestHeader, secret: StreamSecret) {
    let last = head.headers.get_all(STREAM).iter().next_back();
    let number = last.and_then(|last| secret.number(last));
    head.remove_header(STREAM);
    if let Some(number) = number {
        head.extensions_mut().insert(number);
    }
}

/// Adds its number to each head that a client sends, as far as the frame takes it.
#[derive(Debug)]
pub(crate) struct StreamMarks {
    secret: StreamSecret,
    frames: FrameReader,
    /// The stream, while its last fields are under way.
    marked: Option<u32>,
    /// What was not asked for yet.
    out: BytesMut,
}

impl StreamMarks {
    pub(crate) fn new(secret: StreamSecret) -> Self {
        Self {
            secret,
            frames: FrameReader::after_preface(),
            marked: None,
            out: BytesMut::new(),
        }
    }

    /// Reads, and adds to what was read.
    pub(crate) fn poll_read(
        &mut self,
        buf: &mut ReadBuf<'_>,
        mut read: impl FnMut(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        while self.out.is_empty() {
            let before = buf.filled().len();
            ready!(read(buf))?;
            let came = buf.filled().get(before..).unwrap_or_default();
            if came.len() < self.frames.left() || came.is_empty() {
                let _payload = self.frames.take(&mut &*came);
                return Poll::Ready(Ok(()));
            }
            self.pass(came);
            buf.set_filled(before);
        }
        let taken = self.out.len().min(buf.remaining());
        buf.put_slice(&self.out.split_to(taken));
        if self.out.is_empty() {
            self.out = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some(piece) = self.frames.take(&mut bytes) {
            match piece {
                Piece::Head(head) => self.begin(head),
                Piece::Payload(now) => self.out.extend_from_slice(now),
            }
            if self.frames.left() == 0
                && let Some(stream) = self.marked.take()
            {
                let mark = self.secret.mark(stream);
                put_field(&mut self.out, STREAM, mark.as_bytes());
            }
        }
    }

    fn begin(&mut self, mut head: FrameHead) {
        let is_last = match head.kind {
            HEADERS => head.flags & (END_HEADERS | PADDED) == END_HEADERS,
            CONTINUATION => head.flags & END_HEADERS != 0,
            _ => false,
        };
        let length = head.length.saturating_add(MARK);
        if is_last && length <= FRAME {
            self.marked = Some(head.stream);
            head.length = length;
        }
        self.out.extend_from_slice(&<[u8; FRAME_HEAD]>::from(head));
    }
}

/// What is to be written to one client between the frames of the library.
#[derive(Debug, Default)]
pub(crate) struct InterimAnswers {
    are_waiting: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: BytesMut,
    /// The task of the connection.
    connection: Option<Waker>,
}

impl InterimAnswers {
    /// Sends such an answer on this stream, unless the client does not take those before it.
    pub(crate) fn send(&self, StreamNumber(stream): StreamNumber, answer: &ResponseHeader) {
        let Some(frame) = frame(stream, answer) else {
            return;
        };
        let mut waiting = self.waiting.lock();
        if waiting.frames.len().saturating_add(frame.len()) > WAITING {
            return;
        }
        waiting.frames.extend_from_slice(&frame);
        self.are_waiting.store(true, Ordering::Release);
        if let Some(connection) = &waiting.connection {
            connection.wake_by_ref();
        }
    }

    /// Whether there are any.
    pub(crate) fn are_waiting(&self) -> bool {
        self.are_waiting.load(Ordering::Acquire)
    }

    /// The connection waits for what its client sends.
    pub(crate) fn note_idle(&self, cx: &Context<'_>) {
        let mut waiting = self.waiting.lock();
        match &mut waiting.connection {
            Some(connection) => connection.clone_from(cx.waker()),
            None => waiting.connection = Some(cx.waker().clone()),
        }
    }

    /// Writes all of them; only between two frames.
    pub(crate) fn poll_write(
        &self,
        mut stream: Pin<&mut Stream>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut waiting = self.waiting.lock();
        while !waiting.frames.is_empty() {
            let written = ready!(stream.as_mut().poll_write(cx, &waiting.frames))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            waiting.frames.advance(written);
        }
        waiting.frames = BytesMut::new();
        self.are_waiting.store(false, Ordering::Release);
        Poll::Ready(Ok(()))
    }
}

/// HEADERS with this answer; none if it needs more than one frame.
fn frame(stream: u32, answer: &ResponseHeader) -> Option<BytesMut> {
    let mut block = BytesMut::new();
    // The name of `:status` by its number (RFC 7541 appendix A).
    block.put_slice(&[0x08, 3]);
    block.put_slice(answer.status.as_str().as_bytes());
    for (name, value) in &answer.headers {
        // RFC 9113 section 8.2.2.
        let is_of_connection = matches!(
            name.as_str(),
            "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade"
        );
        if !is_of_connection {
            put_field(&mut block, name.as_str(), value.as_bytes());
        }
    }
    if block.len() > FRAME {
        return None;
    }
    let mut frame = BytesMut::with_capacity(FRAME_HEAD.saturating_add(block.len()));
    let head = FrameHead {
        length: block.len(),
        kind: HEADERS,
        flags: END_HEADERS,
        stream,
    };
    frame.put_slice(&<[u8; FRAME_HEAD]>::from(head));
    frame.put_slice(&block);
    Some(frame)
}

/// A literal that is not indexed.
fn put_field(block: &mut BytesMut, name: &str, value: &[u8]) {
    block.put_u8(0);
    for text in [name.as_bytes(), value] {
        put_length(block, text.len());
        block.put_slice(text);
    }
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1), and no Huffman code.
fn put_length(block: &mut BytesMut, length: usize) {
    const MOST: usize = 0x7f;
    let byte = |number: usize| u8::try_from(number).unwrap_or_default();
    let Some(mut left) = length.checked_sub(MOST) else {
        block.put_u8(byte(length));
        return;
    };
    block.put_u8(byte(MOST));
    while left > MOST {
        block.put_u8(0x80 | byte(left & MOST));
        left >>= 7;
    }
    block.put_u8(byte(left));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::connection::h2_frames::PREFACE;

    fn frame_of(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[a, b, c, kind, flags, 0, 0, 0, stream][..], payload].concat()
    }

    /// What comes out, read in pieces of so many bytes.
    fn marked(secret: StreamSecret, sent: &[u8], piece: usize) -> Vec<u8> {
        let mut marks = StreamMarks::new(secret);
        let (mut out, mut left) = (Vec::new(), sent);
        loop {
            let mut space = [0; 100];
            let mut buf = ReadBuf::new(&mut space);
            let read = |buf: &mut ReadBuf<'_>| {
                let (now, later) = left.split_at(piece.min(left.len()).min(buf.remaining()));
                left = later;
                buf.put_slice(now);
                Poll::Ready(Ok(()))
            };
            assert!(marks.poll_read(&mut buf, read).is_ready());
            if buf.filled().is_empty() {
                return out;
            }
            out.extend_from_slice(buf.filled());
        }
    }

    #[test]
    fn heads_are_marked_and_nothing_else_however_they_come() {
        let secret = StreamSecret(0xbeef);
        let mark = |stream: u8| {
            let number = format!("000000000000beef000000000{stream}");
            [b"\0\x0fdoorward-stream\x1a", number.as_bytes()].concat()
        };
        let with = |block: &[u8], stream| [block, &mark(stream)].concat();
        let large = vec![b'x'; FRAME - MARK + 1];
        for (sent, expected) in [
            (frame_of(4, 0, 0, b""), None),
            (frame_of(0, 1, 1, &[1; 300]), None),
            (
                frame_of(1, 4, 1, b"block"),
                Some(frame_of(1, 4, 1, &with(b"block", 1))),
            ),
            (
                frame_of(1, 5, 3, b""),
                Some(frame_of(1, 5, 3, &with(b"", 3))),
            ),
            (frame_of(1, 0, 5, b"begin"), None),
            (
                frame_of(9, 4, 5, b"end"),
                Some(frame_of(9, 4, 5, &with(b"end", 5))),
            ),
            (frame_of(1, 4 | 8, 7, b"\x02paddedxx"), None),
            (frame_of(1, 4, 9, &large), None),
        ] {
            let sent = [PREFACE, &sent, &frame_of(0, 0, 1, b"data")].concat();
            let expected = match expected {
                Some(expected) => [PREFACE, &expected, &frame_of(0, 0, 1, b"data")].concat(),
                None => sent.clone(),
            };
            for piece in [1, 2, 5, 9, 64, 100] {
                assert_eq!(
                    marked(secret, &sent, piece),
                    expected,
                    "in pieces of {piece}"
                );
            }
        }
    }

    #[test]
    fn a_mark_counts_on_its_own_connection_for_a_stream_of_a_client() {
        let (ours, other) = (StreamSecret::default(), StreamSecret::default());
        let most = u32::MAX >> 1;
        for (mark, expected) in [
            (ours.mark(1), Some(1)),
            (ours.mark(most), Some(most)),
            (other.mark(1), None),
            (ours.mark(0), None),
            (ours.mark(2), None),
            (ours.mark(1).replace("0000000001", "1"), None),
            (ours.mark(1).replace("0000000001", "+000000001"), None),
            ("0000000001".to_owned(), None),
            (String::new(), None),
        ] {
            let mut head = RequestHeader::build("GET", b"/", None).unwrap();
            head.append_header(STREAM, other.mark(3)).unwrap();
            head.append_header(STREAM, &mark).unwrap();
            take_stream(&mut head, ours);
            let taken = head.extensions.get::<StreamNumber>().copied();
            assert_eq!(taken, expected.map(StreamNumber), "{mark}");
            assert!(!head.headers.contains_key(STREAM), "{mark}");
        }
    }

    #[test]
    fn an_answer_is_one_frame_without_the_fields_of_a_connection() {
        let mut answer = ResponseHeader::build(103, None).unwrap();
        answer.insert_header("Link", "</a>").unwrap();
        answer.insert_header("Keep-Alive", "timeout=5").unwrap();
        let expected = frame_of(1, 4, 3, b"\x08\x03103\0\x04link\x04</a>");
        assert_eq!(frame(3, &answer).unwrap(), expected);
        answer.insert_header("Link", "x".repeat(300)).unwrap();
        let long = frame(3, &answer).unwrap();
        assert!(
            long.windows(3).any(|three| three == [0x7f, 0xad, 0x01]),
            "300 - 127"
        );
        answer.insert_header("Link", "x".repeat(FRAME)).unwrap();
        assert!(frame(3, &answer).is_none(), "more than a client takes");
    }
}
