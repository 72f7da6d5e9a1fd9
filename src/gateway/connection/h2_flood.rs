//! The frames that an HTTP/2 client sends, read along beside pingora's own reader as far
//! as two limits need it: where a head begins and ends, and how many frames only cost.
//! What is in a head is [`crate::gateway::connection::h2_heads`]'s.
//!
//! The `h2` crate bounds what one frame or one head may be (its size, its CONTINUATIONs,
//! its small DATA frames, streams that it had to reset itself), but not how often a
//! client may reset what it asked for (rapid reset, CVE-2023-44487: each one was begun),
//! nor how many PINGs and SETTINGS it has to answer (CVE-2019-9512, CVE-2019-9515).
//! Looks into no payload but a head's.

use std::io;
use std::time::Instant;

use crate::gateway::connection::h2_frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FrameHead, FrameReader, HEADERS, Piece, SETTINGS,
    WINDOW_UPDATE,
};
use crate::gateway::connection::h2_heads::{Fault, H2Heads};

/// Frames that only cost, at once. A page with so many pictures may be left at once, all
/// of them reset. A guess.
const BURST: u32 = 500;
/// And each second in the long run; a client that keeps alive with PINGs sends one in
/// many seconds.
const PER_SECOND: u32 = 100;

/// SETTINGS_HEADER_TABLE_SIZE, and what it is before a client says it (RFC 9113 section 6.5.2).
const HEADER_TABLE_SIZE: u16 = 1;
const DEFAULT_TABLE: u32 = 4096;

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Too many frames that only cost.
    Flood,
    /// A head that is not to be read on.
    Head(Fault),
}

impl From<Fault> for Unfit {
    fn from(fault: Fault) -> Self {
        Self::Head(fault)
    }
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        let why = match unfit {
            Unfit::Flood => "more HTTP/2 frames without a use than a client needs",
            Unfit::Head(Fault::Cut) => "an HTTP/2 target with a fragment",
            Unfit::Head(Fault::Undecodable) => "an HTTP/2 head that cannot be decoded",
        };
        Self::new(io::ErrorKind::InvalidData, why)
    }
}

/// How far the reading has come.
#[derive(Debug)]
pub(crate) struct H2FloodGuard {
    frames: FrameReader,
    /// What the payload under way is.
    part: Part,
    /// Whether a head has begun that has not ended.
    in_head: bool,
    heads: H2Heads,
    allowance: TokenBucket,
    /// Of a setting that is under way.
    setting: [u8; 6],
    got: usize,
    has_small_table: bool,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Preface,
    /// Of a head, after which more of it comes.
    OfHead,
    /// The end of a head.
    LastOfHead,
    Settings,
    Other,
}

impl H2FloodGuard {
    pub(crate) fn new() -> Self {
        Self {
            frames: FrameReader::after_preface(),
            part: Part::Preface,
            in_head: true,
            heads: H2Heads::new(),
            allowance: TokenBucket::new(),
            setting: [0; 6],
            got: 0,
            has_small_table: false,
        }
    }

    /// Whether the client ever asked for a smaller table of fields than it has at first: the
    /// next block has to say so, and that is the library's to say (RFC 7541 section 4.2).
    pub(crate) const fn has_small_table(&self) -> bool {
        self.has_small_table
    }

    fn settings(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.setting.get_mut(self.got) {
                *place = *byte;
            }
            self.got = self.got.saturating_add(1);
            if self.got == self.setting.len() {
                self.got = 0;
                let [a, b, value @ ..] = self.setting;
                self.has_small_table |= u16::from_be_bytes([a, b]) == HEADER_TABLE_SIZE
                    && u32::from_be_bytes(value) < DEFAULT_TABLE;
            }
        }
    }

    /// Whether the rest of a head is expected from here on.
    pub(crate) const fn in_head(&self) -> bool {
        self.in_head
    }

    /// Takes what came.
    ///
    /// # Errors
    /// If the client sent what the connection is to end for.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Unfit> {
        while let Some(piece) = self.frames.take(&mut bytes) {
            match piece {
                Piece::Head(head) => self.frame(head)?,
                Piece::Payload(now) => match self.part {
                    Part::OfHead | Part::LastOfHead => self.heads.pass(now)?,
                    Part::Settings => self.settings(now),
                    Part::Preface | Part::Other => {}
                },
            }
            if self.frames.left() == 0 {
                self.end()?;
            }
        }
        Ok(())
    }

    /// The payload is complete.
    fn end(&mut self) -> Result<(), Unfit> {
        if matches!(self.part, Part::Preface | Part::LastOfHead) {
            self.in_head = false;
        }
        if self.part == Part::LastOfHead {
            self.heads.end()?;
        }
        Ok(())
    }

    fn frame(&mut self, head: FrameHead) -> Result<(), Unfit> {
        let FrameHead {
            length,
            kind,
            flags,
            stream,
        } = head;
        let has = |flag: u8| flags & flag != 0;
        let only_costs = match kind {
            HEADERS => {
                self.in_head = true;
                self.heads.begin(flags, stream, length)?;
                false
            }
            DATA => length == 0 && !has(END_STREAM),
            CONTINUATION => {
                self.heads.go_on(length);
                length == 0
            }
            // As many as there is data, and answered by nothing.
            WINDOW_UPDATE => false,
            // PRIORITY, RST_STREAM, SETTINGS, PING, and what nobody knows.
            _ => true,
        };
        if only_costs && !self.allowance.spend() {
            return Err(Unfit::Flood);
        }
        self.part = match kind {
            HEADERS | CONTINUATION if has(END_HEADERS) => Part::LastOfHead,
            HEADERS | CONTINUATION => Part::OfHead,
            SETTINGS => Part::Settings,
            _ => Part::Other,
        };
        Ok(())
    }
}

/// So many at once, and so many a second.
#[derive(Debug)]
struct TokenBucket {
    left: u32,
    /// Up to when what comes with time was added.
    at: Instant,
}

impl TokenBucket {
    fn new() -> Self {
        Self {
            left: BURST,
            at: Instant::now(),
        }
    }

    /// Takes one, if there is one.
    fn spend(&mut self) -> bool {
        let seconds = self.at.elapsed().as_secs();
        if seconds > 0 {
            self.at = Instant::now();
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            let more = PER_SECOND.saturating_mul(seconds);
            self.left = self.left.saturating_add(more).min(BURST);
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}

#[cfg(test)]
mod tests;
