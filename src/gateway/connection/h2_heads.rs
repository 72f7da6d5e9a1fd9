//! Whether a target of HTTP/2 holds a `#`, read along beside `h2`: it makes a `Uri` of
//! `:path`, and that type cuts off a fragment without a word. `DELETE /files/report#1.txt`
//! would be `DELETE /files/report` to us and to the app. No client may send it (RFC 9113
//! section 8.3.1), so that it is refused as over HTTP/1.
//!
//! HPACK (RFC 7541) has a state for the whole connection, so that each block is followed
//! in all of its fields, byte by byte as they come: nothing is collected, and nothing has
//! to be bounded. No text is kept either. Of a name it is enough to know its length and
//! whether it is `:path`, of a value its length and whether it has a `#`; a table of 4096
//! bytes is then 128 entries of a few words.
//!
//! What cannot be decoded ends the connection, as `h2` would end it. It must not come that far:
//! a block that ends within a field would swallow the mark that follows it there
//! ([`crate::gateway::connection::h2_interim`]), and be whole. Where that library has its own
//! mind about a block, it is followed here too, or an index would mean something else to us
//! than to it.

use std::collections::VecDeque;

/// SETTINGS_HEADER_TABLE_SIZE, of which we announce no other (RFC 9113 section 6.5.2).
const TABLE: usize = 4096;
/// What HPACK counts for a field beside its name and value (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;

/// Flags of HEADERS (RFC 9113 section 6.2).
pub(crate) const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// The name of interest.
const PATH: &[u8] = b":path";
/// Its places in the static table.
const PATHS: std::ops::RangeInclusive<usize> = 4..=5;
/// The lengths of the names in the static table (RFC 7541 appendix A).
const STATIC: [usize; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14,
    16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10,
    25, 17, 10, 4, 3, 16,
];

/// A code of the Huffman code, and how many bits it has.
type Code = (u32, u64);

/// The Huffman code is canonical: codes of one length follow upon each other, and upon the
/// shorter ones. So this is all of it that it takes to find where a code ends: its length,
/// and the first number that is none of that length any more (RFC 7541 appendix B).
const ENDS: [Code; 20] = [
    (5, 0xa),
    (6, 0x2e),
    (7, 0x7c),
    (8, 0xfe),
    (10, 0x3fd),
    (11, 0x7fd),
    (12, 0xffc),
    (13, 0x1ffe),
    (14, 0x3ffe),
    (15, 0x7fff),
    (19, 0x7_fff3),
    (20, 0xf_ffee),
    (21, 0x1f_ffe9),
    (22, 0x3f_ffec),
    (23, 0x7f_fff5),
    (24, 0xff_fff6),
    (25, 0x1ff_fff0),
    (26, 0x3ff_ffef),
    (27, 0x7ff_fff1),
    (28, 0xfff_ffff),
];
/// The length of those that are left.
const LONGEST: u32 = 30;
/// What no text may hold.
const END_OF_STRING: Code = (LONGEST, 0x3fff_ffff);
/// `#`, and `:path`.
const HASH: Code = (12, 0xffa);
const PATH_CODES: [Code; PATH.len()] = [(7, 0x5c), (6, 0x2b), (5, 0x3), (5, 0x9), (6, 0x27)];

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A `:path` with a `#`.
    Cut,
    /// No HPACK, or not all of a field.
    Undecodable,
}

/// How far the reading of heads has come.
#[derive(Debug)]
pub(crate) struct H2Heads {
    frame: Layout,
    fields: Fields,
}

impl H2Heads {
    pub(crate) fn new() -> Self {
        Self {
            frame: Layout::default(),
            fields: Fields::new(),
        }
    }

    /// A head begins: a HEADERS frame, with so many bytes to come.
    ///
    /// # Errors
    /// If it is too short for what it says to hold.
    pub(crate) fn begin(&mut self, flags: u8, stream: u32, length: usize) -> Result<(), Fault> {
        self.fields.at = At::Field;
        self.frame = Layout::headers(flags, stream, length).ok_or(Fault::Undecodable)?;
        Ok(())
    }

    /// It goes on: a CONTINUATION.
    pub(crate) fn go_on(&mut self, length: usize) {
        self.frame = Layout {
            block: length,
            ..Layout::default()
        };
    }

    /// Takes a part of the frame that is under way.
    ///
    /// # Errors
    /// If a target would be cut, or nothing can be decoded any more.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let block = self.frame.block_of(bytes).ok_or(Fault::Undecodable)?;
        self.fields.read(block)
    }

    /// The head is over.
    ///
    /// # Errors
    /// If it ends within a field.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        let is_whole = matches!(self.fields.at, At::Field);
        is_whole.then_some(()).ok_or(Fault::Undecodable)
    }
}

/// What lies around the block in a frame.
#[derive(Debug, Default)]
struct Layout {
    stream: u32,
    /// Whether the length of the padding is to come.
    is_padded: bool,
    padding: usize,
    /// So many bytes of a priority are missing.
    priority: u8,
    /// The stream that it names, so far.
    dependency: u32,
    /// So many bytes of the block are missing; of a padded one the padding is taken off
    /// when it begins.
    block: usize,
}

impl Layout {
    fn headers(flags: u8, stream: u32, length: usize) -> Option<Self> {
        let is_padded = flags & PADDED != 0;
        let priority = if flags & PRIORITY != 0 { 5 } else { 0 };
        let front = usize::from(priority).saturating_add(usize::from(is_padded));
        Some(Self {
            stream,
            is_padded,
            priority,
            block: length.checked_sub(front)?,
            ..Self::default()
        })
    }

    /// The part of these bytes that belongs to the block; nothing if there cannot be one.
    fn block_of<'b>(&mut self, mut bytes: &'b [u8]) -> Option<&'b [u8]> {
        while self.is_padded || self.priority > 0 {
            let Some((first, rest)) = bytes.split_first() else {
                return Some(bytes);
            };
            bytes = rest;
            if self.is_padded {
                self.is_padded = false;
                self.padding = usize::from(*first);
            } else {
                // Four bytes of a stream, and one of a weight.
                if self.priority > 1 {
                    self.dependency = (self.dependency << 8) | u32::from(*first);
                }
                self.priority = self.priority.saturating_sub(1);
                if self.priority == 0 && self.dependency & STREAM == self.stream & STREAM {
                    // `h2` resets such a stream and passes over the block.
                    self.block = 0;
                    self.padding = 0;
                }
            }
        }
        self.block = self.block.checked_sub(self.padding)?;
        self.padding = 0;
        let taken = self.block.min(bytes.len());
        self.block = self.block.saturating_sub(taken);
        bytes.get(..taken)
    }
}

/// The bits of a number of a stream.
const STREAM: u32 = 0x7fff_ffff;

/// What a field is for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Indexed,
    Inserted,
    Passing,
    /// No field: a new size.
    Resize,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Name,
    Value,
}

/// What comes next in a block.
#[derive(Clone, Copy, Debug)]
enum At {
    Field,
    /// The rest of the number that a field begins with.
    Index(Number),
    Length(Of),
    /// The rest of it.
    MoreLength(Of, Number),
    Text(Of),
}

/// A number that does not fit into its first byte.
#[derive(Clone, Copy, Debug)]
struct Number {
    value: usize,
    shift: u32,
}

impl Number {
    /// With more of them, `h2` gives up.
    const MORE: u32 = 4;

    const fn beyond(value: usize) -> Self {
        Self { value, shift: 0 }
    }

    /// The number with this byte; whether that is all of it.
    fn more(self, byte: u8) -> Result<(Self, bool), Fault> {
        let part = usize::from(byte & 0x7f) << self.shift;
        let number = Self {
            value: self.value.saturating_add(part),
            shift: self.shift.saturating_add(7),
        };
        let is_whole = byte & 0x80 == 0;
        if !is_whole && number.shift >= 7 * Self::MORE {
            return Err(Fault::Undecodable);
        }
        Ok((number, is_whole))
    }
}

/// The fields of one block after another.
#[derive(Debug)]
struct Fields {
    at: At,
    kind: Kind,
    /// Of the field that is under way.
    name: Entry,
    text: Text,
    table: Table,
}

impl Fields {
    fn new() -> Self {
        Self {
            at: At::Field,
            kind: Kind::Passing,
            name: Entry::default(),
            text: Text::default(),
            table: Table::new(),
        }
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while let Some((&first, mut rest)) = bytes.split_first() {
            match self.at {
                At::Field => {
                    let (kind, mask) = match first {
                        0x80.. => (Kind::Indexed, 0x7f),
                        0x40.. => (Kind::Inserted, 0x3f),
                        0x20.. => (Kind::Resize, 0x1f),
                        _ => (Kind::Passing, 0x0f),
                    };
                    self.kind = kind;
                    let value = usize::from(first & mask);
                    if value < usize::from(mask) {
                        self.index(value)?;
                    } else {
                        self.at = At::Index(Number::beyond(value));
                    }
                }
                At::Index(number) => match number.more(first)? {
                    (number, true) => self.index(number.value)?,
                    (number, false) => self.at = At::Index(number),
                },
                At::Length(of) => {
                    let value = usize::from(first & 0x7f);
                    self.text = Text::new(first & 0x80 != 0);
                    if value < 0x7f {
                        self.length(of, value)?;
                    } else {
                        self.at = At::MoreLength(of, Number::beyond(value));
                    }
                }
                At::MoreLength(of, number) => match number.more(first)? {
                    (number, true) => self.length(of, number.value)?,
                    (number, false) => self.at = At::MoreLength(of, number),
                },
                At::Text(of) => {
                    let taken = self.text.left.min(bytes.len());
                    let (now, later) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
                    self.text.left = self.text.left.saturating_sub(taken);
                    if self.counts(of) {
                        self.text.take(now)?;
                    }
                    if self.text.left == 0 {
                        self.text_over(of)?;
                    }
                    rest = later;
                }
            }
            bytes = rest;
        }
        Ok(())
    }

    /// What a text is decoded for: to know a name, its place in the table, or a path.
    fn counts(&self, of: Of) -> bool {
        matches!(of, Of::Name) || self.kind == Kind::Inserted || self.name.is_path
    }

    /// The number that a field begins with is here.
    fn index(&mut self, index: usize) -> Result<(), Fault> {
        self.at = At::Field;
        match self.kind {
            Kind::Resize => return self.table.resize(index),
            Kind::Indexed => {
                let entry = self.table.get(index).ok_or(Fault::Undecodable)?;
                if entry.is_path && entry.is_cut {
                    return Err(Fault::Cut);
                }
            }
            Kind::Inserted | Kind::Passing if index == 0 => self.at = At::Length(Of::Name),
            Kind::Inserted | Kind::Passing => {
                self.name = self.table.get(index).ok_or(Fault::Undecodable)?;
                self.at = At::Length(Of::Value);
            }
        }
        Ok(())
    }

    /// The length of a text is here.
    fn length(&mut self, of: Of, length: usize) -> Result<(), Fault> {
        self.text.left = length;
        self.at = At::Text(of);
        if length == 0 {
            return self.text_over(of);
        }
        Ok(())
    }

    fn text_over(&mut self, of: Of) -> Result<(), Fault> {
        if self.counts(of) {
            self.text.end()?;
        }
        let text = self.text;
        match of {
            Of::Name => {
                self.name = Entry {
                    name: text.length,
                    is_path: text.is_path && text.length == PATH.len(),
                    ..Entry::default()
                };
                self.at = At::Length(Of::Value);
            }
            Of::Value => {
                self.at = At::Field;
                if self.name.is_path && text.has_hash {
                    return Err(Fault::Cut);
                }
                // A field without a name is not one to `h2`, if it goes on at all.
                if self.kind == Kind::Inserted && self.name.name > 0 {
                    let size = self.name.name.saturating_add(text.length);
                    self.table.insert(Entry {
                        size: size.saturating_add(OVERHEAD),
                        is_cut: text.has_hash,
                        ..self.name
                    });
                }
            }
        }
        Ok(())
    }
}

/// A text that is being read.
#[derive(Clone, Copy, Debug, Default)]
struct Text {
    /// So many bytes of it are missing, as they are coded.
    left: usize,
    bits: Option<Bits>,
    /// Its length so far, decoded.
    length: usize,
    /// Whether it begins as `:path` does, as far as that goes.
    is_path: bool,
    has_hash: bool,
}

impl Text {
    fn new(is_coded: bool) -> Self {
        Self {
            bits: is_coded.then(Bits::default),
            is_path: true,
            ..Self::default()
        }
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Fault> {
        let Some(mut bits) = self.bits else {
            let end = self.length.saturating_add(part.len());
            self.is_path = self.is_path && PATH.get(self.length..end) == Some(part);
            self.has_hash = self.has_hash || memchr::memchr(b'#', part).is_some();
            self.length = end;
            return Ok(());
        };
        for bytes in part.chunks(AT_ONCE) {
            bytes.iter().for_each(|byte| bits.push(*byte));
            while let Some(code) = bits.code() {
                if code == END_OF_STRING {
                    return Err(Fault::Undecodable);
                }
                self.is_path = self.is_path && PATH_CODES.get(self.length) == Some(&code);
                self.has_hash |= code == HASH;
                self.length = self.length.saturating_add(1);
            }
        }
        self.bits = Some(bits);
        Ok(())
    }

    /// Behind the last code there is less than a byte, of ones.
    fn end(&self) -> Result<(), Fault> {
        let is_right = self
            .bits
            .is_none_or(|bits| bits.count < 8 && bits.bits == ones(bits.count));
        is_right.then_some(()).ok_or(Fault::Undecodable)
    }
}

/// So many coded bytes: with what is left of a code they fit into a word.
const AT_ONCE: usize = 4;

/// The bits that are no code yet.
#[derive(Clone, Copy, Debug, Default)]
struct Bits {
    bits: u64,
    count: u32,
}

impl Bits {
    fn push(&mut self, byte: u8) {
        self.bits = (self.bits << 8) | u64::from(byte);
        self.count = self.count.saturating_add(8);
    }

    /// The first code, if it is whole.
    fn code(&mut self) -> Option<Code> {
        // Ones stand for what is missing: they make no code shorter than it will be.
        let window = match self.count.checked_sub(LONGEST) {
            Some(later) => self.bits >> later,
            None => {
                let missing = LONGEST.saturating_sub(self.count);
                (self.bits << missing) | ones(missing)
            }
        };
        let head = |length: u32| window >> LONGEST.saturating_sub(length);
        let length = ENDS
            .iter()
            .find(|(length, end)| head(*length) < *end)
            .map_or(LONGEST, |(length, _)| *length);
        self.count = self.count.checked_sub(length)?;
        self.bits &= ones(self.count);
        Some((length, head(length)))
    }
}

/// So many ones, less than there are bits.
fn ones(count: u32) -> u64 {
    (1_u64 << count).saturating_sub(1)
}

/// What is kept of a field.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// The length of its name.
    name: usize,
    /// What it takes of the table.
    size: usize,
    is_path: bool,
    is_cut: bool,
}

/// The dynamic table (RFC 7541 section 2.3.2).
#[derive(Debug)]
struct Table {
    /// The last one first.
    entries: VecDeque<Entry>,
    size: usize,
    most: usize,
}

impl Table {
    const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            most: TABLE,
        }
    }

    fn get(&self, index: usize) -> Option<Entry> {
        let place = index.checked_sub(1)?;
        match STATIC.get(place) {
            Some(name) => Some(Entry {
                name: *name,
                is_path: PATHS.contains(&index),
                ..Entry::default()
            }),
            None => {
                let place = place.checked_sub(STATIC.len())?;
                self.entries.get(place).copied()
            }
        }
    }

    /// A field that is too large for the table empties it.
    fn insert(&mut self, entry: Entry) {
        self.shrink(self.most.saturating_sub(entry.size));
        if entry.size <= self.most {
            self.size = self.size.saturating_add(entry.size);
            self.entries.push_front(entry);
        }
    }

    fn resize(&mut self, most: usize) -> Result<(), Fault> {
        if most > TABLE {
            return Err(Fault::Undecodable);
        }
        self.most = most;
        self.shrink(most);
        Ok(())
    }

    fn shrink(&mut self, most: usize) {
        while self.size > most {
            let Some(last) = self.entries.pop_back() else {
                return;
            };
            self.size = self.size.saturating_sub(last.size);
        }
    }
}

#[cfg(test)]
mod tests;
