//! What is refused before there is a request: by pingora, which answers 400 or 405 to a
//! head that does not parse before any hook, and by the HTTP/2 library, which resets a
//! stream or ends the connection. None of our code sees such a request; what is seen are the
//! bytes that go out while no head was taken for whole.

use std::fmt;
use std::sync::OnceLock;

use parking_lot::Mutex;

use crate::gateway::connection::h2_frames::{
    CONTINUATION, END_HEADERS, FRAME_HEAD, FrameHead, FrameReader, GOAWAY, HEADERS, Piece,
    RST_STREAM,
};

/// Why a stream or a connection ends that broke the protocol (RFC 9113 section 7):
/// PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR.
/// The others are ends of another kind: cut, refused for load, given up.
const BROKEN: [u32; 5] = [1, 3, 5, 6, 9];

/// The status that a line has for what was refused over HTTP/2 without one.
const BAD_REQUEST: u16 = 400;
const METHOD_NOT_ALLOWED: u16 = 405;

/// What is refused on one connection.
#[derive(Debug, Default)]
pub(crate) struct ProtocolErrors {
    /// Who records it; nobody for operators, who have no access lines.
    witness: OnceLock<Witness>,
    frames: Mutex<OwnFrames>,
}

/// Takes the status of each.
struct Witness(Box<dyn Fn(u16) + Send + Sync>);

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl ProtocolErrors {
    /// From now on the status of what is refused is recorded here.
    pub(crate) fn recorded_by(&self, witness: impl Fn(u16) + Send + Sync + 'static) {
        // Once, when the connection begins.
        let _twice = self.witness.set(Witness(Box::new(witness)));
    }

    /// These bytes went out over HTTP/1 though no request is being served.
    pub(crate) fn went_unasked(&self, bytes: &[u8]) {
        if let Some(status) = status_of(bytes) {
            self.record(status);
        }
    }

    /// These bytes went out over HTTP/2.
    pub(crate) fn went_framed(&self, bytes: &[u8]) {
        let broken = self.frames.lock().pass(bytes);
        for _each in 0..broken {
            self.record(BAD_REQUEST);
        }
    }

    /// How much of what goes out over HTTP/2 belongs together before a frame of ours may stand
    /// there.
    pub(crate) fn left_of_frame(&self) -> usize {
        self.frames.lock().left_of_frame()
    }

    /// A method that pingora does not let through.
    pub(crate) fn method_refused(&self) {
        self.record(METHOD_NOT_ALLOWED);
    }

    /// A head that the HTTP/2 library is not given.
    pub(crate) fn head_refused(&self) {
        self.record(BAD_REQUEST);
    }

    fn record(&self, status: u16) {
        if let Some(Witness(record)) = self.witness.get() {
            record(status);
        }
    }
}

/// The status of an answer of HTTP/1 that begins here.
fn status_of(bytes: &[u8]) -> Option<u16> {
    let rest = bytes.strip_prefix(b"HTTP/1.")?;
    let digits = rest.get(2..5)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The frames that we send, read along as far as the ends of streams need it.
#[derive(Debug, Default)]
struct OwnFrames {
    frames: FrameReader,
    /// Of one that ends something: the last four bytes so far, and how many are to come
    /// before the error code is complete.
    code: Option<(u32, usize)>,
    /// Whether a head is under way, of which another frame follows.
    in_head: bool,
}

impl OwnFrames {
    fn left_of_frame(&self) -> usize {
        match (self.frames.left(), self.frames.got()) {
            (0, got) if got > 0 || self.in_head => FRAME_HEAD.saturating_sub(got),
            (left, _) => left,
        }
    }

    /// Takes what goes out; how many streams or connections it ends as broken.
    fn pass(&mut self, mut bytes: &[u8]) -> u32 {
        let mut broken = 0_u32;
        while let Some(piece) = self.frames.take(&mut bytes) {
            match piece {
                Piece::Head(head) => self.begin(head),
                Piece::Payload(now) if self.codes(now) => broken = broken.saturating_add(1),
                Piece::Payload(_) => {}
            }
        }
        broken
    }

    fn begin(&mut self, head: FrameHead) {
        if matches!(head.kind, HEADERS | CONTINUATION) {
            self.in_head = head.flags & END_HEADERS == 0;
        }
        self.code = match head.kind {
            RST_STREAM => Some((0, 4)),
            // After the last stream's number.
            GOAWAY => Some((0, 8)),
            _ => None,
        };
    }

    /// Takes a part of a payload; whether an error code that counts was completed by it.
    fn codes(&mut self, part: &[u8]) -> bool {
        for byte in part {
            let Some((code, missing)) = self.code else {
                return false;
            };
            let code = (code << 8) | u32::from(*byte);
            if missing == 1 {
                self.code = None;
                return BROKEN.contains(&code);
            }
            self.code = Some((code, missing.saturating_sub(1)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, 0, 0, 0, 0, 1][..], payload].concat()
    }

    #[test]
    fn ends_of_broken_streams_are_seen_however_they_are_cut() {
        let reset = |code: u8| frame(RST_STREAM, &[0, 0, 0, code]);
        let goaway = |code: u8| frame(GOAWAY, &[0, 0, 0, 3, 0, 0, 0, code, b'x', 1]);
        let sent = [
            frame(4, &[]),
            frame(0, &[0, 0, 0, 1]),
            reset(1),
            reset(8),
            frame(1, &[3; 200]),
            reset(9),
            goaway(0),
            reset(0),
            goaway(1),
            reset(7),
        ]
        .concat();
        for step in [1, 2, 5, 9, 13, sent.len()] {
            let mut frames = OwnFrames::default();
            let broken: u32 = sent.chunks(step).map(|part| frames.pass(part)).sum();
            assert_eq!(broken, 3, "in steps of {step}");
        }
    }

    #[test]
    fn what_belongs_together_is_known() {
        let mut begun = frame(1, &[1, 2]);
        let mut last = frame(9, &[3]);
        last[4] = 4;
        begun.extend(last);
        begun.extend(frame(0, &[]));
        let mut frames = OwnFrames::default();
        let left: Vec<_> = begun
            .iter()
            .map(|byte| {
                let left = frames.left_of_frame();
                frames.pass(&[*byte]);
                left
            })
            .collect();
        let expected = [
            &[0, 8, 7, 6, 5, 4, 3, 2, 1, 2, 1][..],
            &[9, 8, 7, 6, 5, 4, 3, 2, 1, 1],
            &[0, 8, 7, 6, 5, 4, 3, 2, 1],
        ];
        assert_eq!(left, expected.concat());
        assert_eq!(frames.left_of_frame(), 0);
    }

    #[test]
    fn an_answer_tells_its_status() {
        assert_eq!(status_of(b"HTTP/1.1 400 Bad Request\r\n"), Some(400));
        assert_eq!(status_of(b"HTTP/1.0 405 Method"), Some(405));
        for other in [&b""[..], b"HTTP/1.1 4", b"HTTP/1.1 abc", b"hello world"] {
            assert_eq!(status_of(other), None);
        }
    }
}
