//! A file as the library sees it when it opens it, with nothing written to it: what is
//! written stays in memory, and is gone with the value.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use parking_lot::Mutex;
use redb::StorageBackend;

/// Bytes that are kept together; the size of the library's pages.
const BLOCK: u64 = 4096;

/// A file, and what was written over it.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    length: u64,
    /// How many bytes of the file itself count: fewer after it was cut.
    of_file: u64,
    /// What was written, by the offset of its block.
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    /// Over a file that is open for reading.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let state = State {
            length,
            of_file: length,
            blocks: BTreeMap::new(),
        };
        Ok(Self {
            file,
            state: Mutex::new(state),
        })
    }

    fn read_from(&self, state: &State, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset.saturating_add(length_of(out));
        out.fill(0);
        let of_file = size(state.of_file.saturating_sub(offset)).min(out.len());
        if let Some(part) = out.get_mut(..of_file) {
            self.file.read_exact_at(part, offset)?;
        }
        for (start, block) in state.blocks.range(block_of(offset)..end) {
            let from = offset.saturating_sub(*start);
            let written = block.get(size(from)..).unwrap_or_default();
            let into = out.get_mut(size(start.saturating_sub(offset))..);
            for (byte, written) in into.unwrap_or_default().iter_mut().zip(written) {
                *byte = *written;
            }
        }
        Ok(())
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock();
        match offset.checked_add(length_of(out)) {
            Some(end) if end <= state.length => self.read_from(&state, offset, out),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.length = length;
        state.of_file = state.of_file.min(length);
        state.blocks.retain(|start, _| *start < length);
        if let Some(last) = state.blocks.get_mut(&block_of(length)) {
            // What grows again is zero.
            last.iter_mut()
                .skip(size(length % BLOCK))
                .for_each(|byte| *byte = 0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        let end = offset.saturating_add(length_of(data));
        state.length = state.length.max(end);
        let mut start = block_of(offset);
        while start < end {
            let mut block = match state.blocks.remove(&start) {
                Some(block) => block,
                None => {
                    let mut block = vec![0; size(BLOCK)];
                    self.read_from(&state, start, &mut block)?;
                    block
                }
            };
            let data = data.get(size(start.saturating_sub(offset))..);
            let into = block.get_mut(size(offset.saturating_sub(start))..);
            let into = into.unwrap_or_default().iter_mut();
            for (byte, new) in into.zip(data.unwrap_or_default()) {
                *byte = *new;
            }
            state.blocks.insert(start, block);
            start = start.saturating_add(BLOCK);
        }
        Ok(())
    }
}

/// Where the block of a byte begins.
const fn block_of(offset: u64) -> u64 {
    offset - offset % BLOCK
}

/// A number of bytes in memory. One that is too large for it reaches beyond every buffer.
fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn length_of(buffer: &[u8]) -> u64 {
    u64::try_from(buffer.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adapters::store::scratch::Scratch;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn it_reads_as_a_file_that_was_written_and_the_file_stays(
            steps in prop::collection::vec(
                (any::<bool>(), 0_usize..20_000, prop::collection::vec(any::<u8>(), 0..9_000)),
                0..12,
            ),
        ) {
            let scratch = Scratch::new();
            let path = scratch.path().join("file");
            let whole: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0] | 1).collect();
            std::fs::write(&path, &whole).unwrap();
            let overlay = Overlay::new(File::open(&path).unwrap()).unwrap();
            let mut model = whole.clone();
            for (cuts, at, data) in steps {
                if cuts {
                    overlay.set_len(at as u64).unwrap();
                    model.resize(at, 0);
                } else {
                    overlay.write(at as u64, &data).unwrap();
                    model.resize(model.len().max(at + data.len()), 0);
                    model[at..at + data.len()].copy_from_slice(&data);
                }
                prop_assert_eq!(overlay.len().unwrap(), model.len() as u64);
                let from = at.min(model.len());
                for from in [0, from, from / 2] {
                    let mut read = vec![7; model.len() - from];
                    overlay.read(from as u64, &mut read).unwrap();
                    prop_assert_eq!(&read[..], &model[from..]);
                }
            }
            prop_assert!(overlay.read(model.len() as u64, &mut [0]).is_err());
            prop_assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    }
}
