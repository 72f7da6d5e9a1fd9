//! The socket in `data_dir` over which a process gives its listeners, its claim to the
//! folder and its store to the next one.
//!
//! Each message is a line of JSON; descriptors travel beside the first byte of the line
//! that announces them. The next process speaks first, and every message is answered:
//!
//! ```text
//! next                            running
//!  Sockets ─────────────────────▶
//!         ◀───────────────────── Sockets   with the claim, this socket and the listeners
//!  Store ───────────────────────▶
//!         ◀───────────────────── Store     its file is closed
//!  Serving ─────────────────────▶          accepts no more, and drains
//!         ◀───────────────────── Heard
//!  Revoked ─────────────────────▶          in force there too
//!         ◀───────────────────── Heard     and so on, until it has ended
//! ```
//!
//! Who goes away before `Serving`, or takes too long, has changed nothing.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::adapters::store::wire;
use crate::auth::revocation::Revocation;

/// The name of the socket inside `data_dir`.
pub const SOCKET: &str = "next.sock";
/// The version of what is said here. Another one is refused.
pub const VERSION: u32 = 1;
/// Listeners that can be given away: the kernel passes 253 descriptors at once.
pub const MOST_LISTENERS: usize = 200;
/// No message is longer.
const LONGEST: usize = 1024 * 1024;

/// What the next process says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Give me the listeners of these names.
    Sockets {
        /// [`VERSION`] of the one that asks.
        version: u32,
        /// Its process id, for the log.
        pid: u32,
        /// Addresses and paths, as the settings have them.
        names: Vec<String>,
    },
    /// Close the embedded store, so that I can open it.
    Store,
    /// I accept connections.
    Serving,
    /// This was revoked since.
    Revoked(Vec<Record>),
}

/// What the running process answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The claim, this socket, and then the listeners of these names are beside this.
    Sockets {
        /// The process id of the one that gives.
        pid: u32,
        /// Which of the names it had.
        names: Vec<String>,
    },
    /// The store is closed, or there was none to close.
    Store,
    /// Understood, or in force here too.
    Heard,
    /// No, and why.
    Refused(String),
}

/// A revocation, as text.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record(String, String, String);

impl Record {
    /// Of this revocation.
    pub fn of(revocation: &Revocation) -> Self {
        Self(
            wire::reach(&revocation.reach),
            wire::time(revocation.at),
            wire::time(revocation.until),
        )
    }

    /// The revocation; `None` if it is not one of ours.
    pub fn read(&self) -> Option<Revocation> {
        wire::revocation(&self.0, &self.1, &self.2)
    }
}

/// One side of the conversation.
#[derive(Debug)]
pub struct Conversation {
    stream: UnixStream,
    read: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Conversation {
    /// Takes a connection that was accepted.
    pub fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            read: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    /// Connects to the process that runs on this `data_dir`.
    ///
    /// # Errors
    /// What the system says; `NotFound` or `ConnectionRefused` if none runs.
    pub async fn with(data_dir: &Path) -> io::Result<Self> {
        UnixStream::connect(data_dir.join(SOCKET))
            .await
            .map(Self::new)
    }

    /// Says something, with descriptors beside it.
    ///
    /// # Errors
    /// What the system says, for instance that the other side is gone.
    pub async fn say(
        &self,
        message: &impl Serialize,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut rest = line.as_slice();
        let mut beside = descriptors;
        while !rest.is_empty() {
            let sent = self
                .stream
                .async_io(Interest::WRITABLE, || send(&self.stream, rest, beside))
                .await?;
            rest = rest.get(sent..).unwrap_or_default();
            beside = &[];
        }
        Ok(())
    }

    /// What the other side says next; `None` when it has gone.
    ///
    /// # Errors
    /// `InvalidData` for what is no such message, and what the system says.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            if self.read.len() > LONGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut buffer = [0; 8192];
            let (count, beside) = self
                .stream
                .async_io(Interest::READABLE, || receive(&self.stream, &mut buffer))
                .await?;
            self.descriptors.extend(beside);
            match buffer.get(..count) {
                Some(read @ [_, ..]) => self.read.extend_from_slice(read),
                _ => return Ok(None),
            }
        }
    }

    /// The descriptors that came beside what was heard.
    pub fn descriptors(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.descriptors)
    }
}

fn send(stream: &UnixStream, bytes: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_LISTENERS + 2))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !beside.is_empty() && !control.push(SendAncillaryMessage::ScmRights(beside)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent = sendmsg(
        stream.as_fd(),
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(sent)
}

fn receive(stream: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_LISTENERS + 2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(
        stream.as_fd(),
        &mut [IoSliceMut::new(buffer)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(beside) = message {
            descriptors.extend(beside);
        }
    }
    Ok((got.bytes, descriptors))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::auth::revocation::RevocationScope;
    use crate::domain::time::Timestamp;

    fn pair() -> (Conversation, Conversation) {
        let (one, other) = UnixStream::pair().unwrap();
        (Conversation::new(one), Conversation::new(other))
    }

    #[tokio::test]
    async fn a_descriptor_arrives_with_its_line() {
        let (here, mut there) = pair();
        let (mut reader, writer) = std::io::pipe().unwrap();
        here.say(&Ask::Store, &[]).await.unwrap();
        let reply = Reply::Sockets {
            pid: 1,
            names: vec!["x".repeat(20_000)],
        };
        here.say(&reply, &[writer.as_fd()]).await.unwrap();
        drop(writer);
        assert!(matches!(there.hear().await.unwrap(), Some(Ask::Store)));
        let heard = there.hear().await.unwrap();
        assert!(
            matches!(heard, Some(Reply::Sockets { pid: 1, names }) if names[0].len() == 20_000)
        );
        let mut given = there.descriptors();
        assert_eq!(given.len(), 1);
        let mut pipe = std::fs::File::from(given.remove(0));
        pipe.write_all(b"through").unwrap();
        drop(pipe);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[tokio::test]
    async fn the_end_and_nonsense_are_told_apart() {
        let (here, mut there) = pair();
        here.say(&"hello", &[]).await.unwrap();
        assert!(there.hear::<Ask>().await.is_err());
        drop(here);
        assert!(there.hear::<Ask>().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_line_without_end_is_given_up() {
        let (here, mut there) = pair();
        let talk = tokio::spawn(async move {
            let _refused = here.say(&"x".repeat(2 * LONGEST), &[]).await;
        });
        assert!(there.hear::<Ask>().await.is_err());
        drop(there);
        talk.await.unwrap();
    }

    #[test]
    fn a_revocation_comes_back_as_it_was() {
        let revocation = Revocation {
            reach: RevocationScope::Everybody,
            at: Timestamp::from_millis(7),
            until: Timestamp::from_millis(9),
        };
        let text = serde_json::to_string(&Record::of(&revocation)).unwrap();
        let record: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(record.read(), Some(revocation));
    }
}
