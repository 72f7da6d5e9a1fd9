//! Heads of HTTP/2 (RFC 7541): a `:path` with a `#` is found, and so is a head that ends within
//! a field; nothing else is refused, however the fields are coded, indexed and cut.
//!
//! The second opinion is the writer: it makes blocks out of the input and knows what is in
//! them, with a table of its own that keeps the text.

use doorward::gateway::connection::rehearsal::refused_head;

/// The letters of names and values, with their codes (RFC 7541 appendix B).
const LETTERS: [(char, u8, u32); 9] = [
    (':', 7, 0x5c),
    ('p', 6, 0x2b),
    ('a', 5, 0x3),
    ('t', 5, 0x9),
    ('h', 6, 0x27),
    ('/', 6, 0x18),
    ('#', 12, 0xffa),
    ('>', 12, 0xffb),
    ('{', 15, 0x7ffe),
];
/// Names: of the target, and nearly.
const NAMES: [&str; 5] = [":path", ":pat", ":pathp", "path", "tap"];
/// The fields of the static table that are the target.
const TARGETS: [usize; 2] = [4, 5];

/// A connection's writer: the fields as they are.
struct Writer {
    /// The last one first.
    table: Vec<(String, String)>,
    most: usize,
    block: Vec<u8>,
    is_cut: bool,
}

/// The first byte says in what pieces the blocks come. See [`super`].
pub fn check(data: &[u8]) {
    let Some((&piece, rest)) = data.split_first() else {
        return;
    };
    let piece = usize::from(piece);
    // Whatever the bytes are, pieces change nothing.
    let raw: Vec<_> = rest.chunks(64).map(<[u8]>::to_vec).collect();
    assert_eq!(refused_head(&raw, piece), refused_head(&raw, usize::MAX));

    let mut writer = Writer {
        table: Vec::new(),
        most: 4096,
        block: Vec::new(),
        is_cut: false,
    };
    let mut written = Vec::new();
    let mut input = rest.iter().copied();
    let mut whole = 0;
    while writer.write(&mut input).is_some() && !writer.is_cut {
        if input.len().is_multiple_of(5) {
            written.push(std::mem::take(&mut writer.block));
        }
        whole = writer.block.len();
    }
    // The input may have ended within a field.
    let is_refused = writer.is_cut || writer.block.len() > whole;
    written.push(writer.block);
    let expected = is_refused.then(|| written.len() - 1);
    assert_eq!(refused_head(&written, piece), expected, "{written:02x?}");
}

impl Writer {
    /// Writes a field, as these bytes say.
    fn write(&mut self, input: &mut impl Iterator<Item = u8>) -> Option<()> {
        let kind = input.next()?;
        match kind % 8 {
            0 => self.number(0x80, 7, TARGETS[usize::from(kind / 8) % TARGETS.len()]),
            1 | 2 => {
                if let Some((index, name, value)) = self.entry(kind / 8) {
                    self.is_cut |= name == ":path" && value.contains('#');
                    self.number(0x80, 7, index);
                }
            }
            // A new size stands at the beginning of a block (RFC 7541 section 4.2).
            3 if self.block.is_empty() => {
                self.most = usize::from(input.next()?) * 16;
                self.number(0x20, 5, self.most);
                self.shrink();
            }
            _ => {
                let is_inserted = kind & 0x80 == 0;
                let is_coded = kind & 0x40 == 0;
                let (first, prefix) = if is_inserted { (0x40, 6) } else { (0, 4) };
                let name = self.name(input.next()?, first, prefix);
                let letters = input.by_ref().take(usize::from(kind % 8));
                let letters = letters.map(|b| LETTERS[usize::from(b) % LETTERS.len()].0);
                let value: String = letters.collect();
                // Now and then so long that the table has no place for it.
                let value = value.repeat(usize::from(input.next()?.saturating_sub(200)) * 20 + 1);
                self.text(&value, is_coded);
                self.is_cut |= name == ":path" && value.contains('#');
                if is_inserted {
                    self.table.insert(0, (name, value));
                    self.shrink();
                }
            }
        }
        Some(())
    }

    /// Writes the name of a literal.
    fn name(&mut self, choice: u8, first: u8, prefix: u8) -> String {
        let known = match choice % 4 {
            0 => Some((TARGETS[0], ":path".to_owned())),
            1 => self.entry(choice / 4).map(|(index, name, _)| (index, name)),
            _ => None,
        };
        if let Some((index, name)) = known {
            self.number(first, prefix, index);
            return name;
        }
        let name = NAMES[usize::from(choice / 8) % NAMES.len()];
        self.number(first, prefix, 0);
        self.text(name, choice & 4 == 0);
        name.to_owned()
    }

    fn entry(&self, place: u8) -> Option<(usize, String, String)> {
        let place = usize::from(place).checked_rem(self.table.len())?;
        let (name, value) = &self.table[place];
        Some((62 + place, name.clone(), value.clone()))
    }

    fn shrink(&mut self) {
        let size = |(name, value): &(String, String)| name.len() + value.len() + 32;
        while self.table.iter().map(size).sum::<usize>() > self.most {
            self.table.pop();
        }
    }

    /// An integer with a prefix of so many bits (RFC 7541 section 5.1).
    fn number(&mut self, first: u8, prefix: u8, number: usize) {
        let most = (1_usize << prefix) - 1;
        let byte = |number: usize| u8::try_from(number).expect("less than a byte");
        if number < most {
            self.block.push(first | byte(number));
            return;
        }
        self.block.push(first | byte(most));
        let mut left = number - most;
        while left >= 128 {
            self.block.push(128 | byte(left % 128));
            left /= 128;
        }
        self.block.push(byte(left));
    }

    fn text(&mut self, text: &str, coded: bool) {
        if !coded {
            self.number(0, 7, text.len());
            self.block.extend_from_slice(text.as_bytes());
            return;
        }
        let mut bits: Vec<bool> = Vec::new();
        for letter in text.chars() {
            let (_, length, code) = LETTERS.iter().find(|(l, ..)| *l == letter).expect("known");
            bits.extend((0..*length).rev().map(|bit| code >> bit & 1 == 1));
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        let bytes = bits.chunks(8);
        let bytes = bytes.map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit)));
        let bytes: Vec<u8> = bytes.collect();
        self.number(0x80, 7, bytes.len());
        self.block.extend_from_slice(&bytes);
    }
}
