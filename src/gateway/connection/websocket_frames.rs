//! Where the frames of a WebSocket begin and end (RFC 6455 section 5.2), on the way to
//! the client and from it. Payloads are counted, never looked at.

/// Follows what is written to the client from the head of the answer on, or what comes from
/// it behind its handshake. Takes any bytes
/// in any pieces; of what is no WebSocket it says that there is no place between frames.
#[derive(Debug)]
pub(crate) struct WebSocketFrames {
    place: Place,
    /// The app has said goodbye itself: nothing may follow its close frame.
    closed: bool,
    /// Whether the frame that came last, or goes on, is of data.
    is_data: bool,
    /// Something of such a frame has come since somebody asked.
    has_data: bool,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the head of an answer.
    Head(Head),
    /// In the head of a frame: what has come of it.
    Frame([u8; LONGEST], usize),
    /// In a payload of which this much is still to come.
    Payload(u64),
}

/// A frame's head: two bytes, eight of length, four of mask.
const LONGEST: usize = 14;

#[derive(Clone, Copy, Debug, Default)]
struct Head {
    seen: usize,
    /// Whether it looks like a 101 so far.
    switches: bool,
    /// How much of the empty line has come.
    end: usize,
}

const STATUS_LINE: &[u8] = b"HTTP/1.1 101";
const EMPTY_LINE: &[u8] = b"\r\n\r\n";
const CLOSE: u8 = 8;
/// Continuation, text, binary; what is between them and `CLOSE` is reserved.
const DATA: std::ops::RangeInclusive<u8> = 0..=2;

impl WebSocketFrames {
    /// At the beginning of an answer, or of one that announces it (a 103).
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Head(Head::new()),
            closed: false,
            is_data: false,
            has_data: false,
        }
    }

    /// Behind the head that began them.
    pub(crate) fn without_head() -> Self {
        Self {
            place: payload(0),
            ..Self::new()
        }
    }

    /// Whether data, and not the protocol alone, has come since this was asked.
    pub(crate) fn take_data(&mut self) -> bool {
        std::mem::take(&mut self.has_data)
    }

    /// Takes what was written next.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            self.place = match self.place {
                Place::Head(mut head) => head.pass(byte),
                Place::Frame(head, len) => self.pass_head(head, len, byte),
                Place::Payload(left) => {
                    self.has_data |= self.is_data;
                    let after = left.saturating_sub(1);
                    let skipped = u64::try_from(rest.len()).unwrap_or(u64::MAX).min(after);
                    bytes = usize::try_from(skipped)
                        .ok()
                        .and_then(|skipped| rest.get(skipped..))
                        .unwrap_or_default();
                    payload(after.saturating_sub(skipped))
                }
            };
        }
    }

    /// Whether a frame of ours can stand here.
    pub(crate) fn at_boundary(&self) -> bool {
        !self.closed && matches!(self.place, Place::Frame(_, 0))
    }

    fn pass_head(&mut self, mut head: [u8; LONGEST], len: usize, byte: u8) -> Place {
        if let Some(free) = head.get_mut(len) {
            *free = byte;
        }
        let len = len.saturating_add(1);
        let [first, second, length @ ..] = head;
        if len < 2 {
            return Place::Frame(head, len);
        }
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if len < 2 + extended + mask {
            return Place::Frame(head, len);
        }
        self.closed |= first & 0x0f == CLOSE;
        self.is_data = DATA.contains(&(first & 0x0f));
        self.has_data |= self.is_data;
        let extended = length.get(..extended).unwrap_or_default();
        if extended.is_empty() {
            return payload(u64::from(second & 0x7f));
        }
        let number = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        payload(extended.iter().fold(0, number))
    }
}

fn payload(left: u64) -> Place {
    match left {
        0 => Place::Frame([0; LONGEST], 0),
        left => Place::Payload(left),
    }
}

impl Head {
    fn new() -> Self {
        Self {
            switches: true,
            ..Self::default()
        }
    }

    fn pass(&mut self, byte: u8) -> Place {
        if let Some(expected) = STATUS_LINE.get(self.seen) {
            self.switches &= *expected == byte;
            self.seen = self.seen.saturating_add(1);
        }
        self.end = match EMPTY_LINE.get(self.end) {
            Some(&expected) if expected == byte => self.end.saturating_add(1),
            _ => usize::from(byte == b'\r'),
        };
        match (self.end == EMPTY_LINE.len(), self.switches) {
            (false, _) => Place::Head(*self),
            (true, true) => payload(0),
            (true, false) => Place::Head(Self::new()),
        }
    }
}

#[cfg(test)]
mod tests;
