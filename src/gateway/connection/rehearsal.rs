//! The readers that stand beside pingora's, over bytes alone: for whoever looks at many, such
//! as a fuzzer.

use crate::gateway::connection::chunks::Chunks;
use crate::gateway::connection::h2_heads::H2Heads;

/// Reads a body in chunks, in pieces of so many bytes: how much of these bytes belongs to it,
/// and whether that is all of it; `None` if they do not follow the grammar.
pub fn chunked_body(bytes: &[u8], piece: usize) -> Option<(usize, bool)> {
    let mut chunks = Chunks::new();
    let mut taken = 0_usize;
    for piece in bytes.chunks(piece.max(1)) {
        taken = taken.saturating_add(chunks.take(piece).ok()?);
    }
    Some((taken, chunks.are_done()))
}

/// Reads the blocks of fields of one HTTP/2 connection, in pieces of so many bytes: the first
/// for which the connection ends.
pub fn refused_head(blocks: &[Vec<u8>], piece: usize) -> Option<usize> {
    let mut heads = H2Heads::new();
    blocks.iter().position(|block| {
        let mut pieces = block.chunks(piece.max(1));
        let read = heads.begin(0, 1, block.len());
        let read = read.and_then(|()| pieces.try_for_each(|piece| heads.pass(piece)));
        read.and_then(|()| heads.end()).is_err()
    })
}
