//! Frames of HTTP/2 (RFC 9113 section 4.1), read along however they are cut, beside the
//! library that acts on them.

/// What a client says first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// How long the head of a frame is.
pub(crate) const FRAME_HEAD: usize = 9;

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    /// Of the payload, in bytes.
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    /// With the reserved bit as it came.
    pub stream: u32,
}

impl From<[u8; FRAME_HEAD]> for FrameHead {
    fn from(head: [u8; FRAME_HEAD]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = head;
        let [a, b, c] = [a, b, c].map(usize::from);
        Self {
            length: (a << 16) | (b << 8) | c,
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
        }
    }
}

impl From<FrameHead> for [u8; FRAME_HEAD] {
    fn from(head: FrameHead) -> Self {
        let length = u32::try_from(head.length).unwrap_or_default();
        let [_, a, b, c] = length.to_be_bytes();
        let [d, e, f, g] = head.stream.to_be_bytes();
        [a, b, c, head.kind, head.flags, d, e, f, g]
    }
}

/// What one step of a [`FrameReader`] has found.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// A head is complete.
    Head(FrameHead),
    /// A part of the payload under way.
    Payload(&'a [u8]),
}

/// How far the reading of one direction of a connection has come.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    head: [u8; FRAME_HEAD],
    got: usize,
    /// Of the payload that is under way.
    left: usize,
}

impl FrameReader {
    /// Of what a client sends: the preface is read as a payload without a head.
    pub(crate) const fn after_preface() -> Self {
        Self {
            head: [0; FRAME_HEAD],
            got: 0,
            left: PREFACE.len(),
        }
    }

    /// Takes the next piece off these bytes; `None` once they are used up.
    pub(crate) fn take<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        if self.left > 0 {
            let taken = self.left.min(bytes.len());
            let (now, later) = bytes.split_at_checked(taken)?;
            *bytes = later;
            self.left = self.left.saturating_sub(taken);
            return (taken > 0).then_some(Piece::Payload(now));
        }
        let missing = self.head.get_mut(self.got..)?;
        let taken = missing.len().min(bytes.len());
        let (now, later) = bytes.split_at_checked(taken)?;
        missing
            .iter_mut()
            .zip(now)
            .for_each(|(to, from)| *to = *from);
        *bytes = later;
        self.got = self.got.saturating_add(taken);
        if self.got < FRAME_HEAD {
            return None;
        }
        let head = FrameHead::from(self.head);
        (self.got, self.left) = (0, head.length);
        Some(Piece::Head(head))
    }

    /// Of the payload under way, how much is missing.
    pub(crate) const fn left(&self) -> usize {
        self.left
    }

    /// Of the next head, how much is here.
    pub(crate) const fn got(&self) -> usize {
        self.got
    }
}
