//! Files that are kept: whoever opens a pipe in their place waits for somebody to write, and
//! whoever reads a device may read for ever.
//!
//! What is read once, at a start, may come through a pipe (`/dev/stdin`, `<(command)`) and is
//! opened elsewhere (`config`).

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Opens a regular file to read it, or a link to one. Never waits.
///
/// # Errors
/// What the system says, and `InvalidInput` for a folder, a pipe, a device or a socket.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    // Asked of the open file, not of the path, which may be swapped in between.
    expect(&file.metadata()?)?;
    Ok(file)
}

/// Refuses what is no regular file.
///
/// # Errors
/// `InvalidInput`.
pub(crate) fn expect(found: &Metadata) -> io::Result<()> {
    match found.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        )),
    }
}
