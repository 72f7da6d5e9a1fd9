//! How an answer breaks off whose end is the end of its connection.
//!
//! HTTP/1.0 has no chunks, so that a body whose length nobody knew ends where the connection
//! does. When such an answer breaks off, an orderly end of the connection would make what
//! the client has look whole; a reset says that it is not (RFC 9112 section 8). Over TLS the
//! missing `close_notify` says so too.

use std::os::fd::RawFd;
use std::time::Duration;

use http::Version;
use http::header;
use pingora_proxy::Session;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// Sees to it that an answer that broke off looks like it.
pub(crate) fn break_off(session: &Session) {
    let is_measured = session.response_written().is_none_or(|answer| {
        answer.headers.contains_key(header::CONTENT_LENGTH) || answer.status.is_informational()
    });
    if session.req_header().version != Version::HTTP_10 || is_measured {
        return;
    }
    let Some(stream) = session.as_downstream().stream() else {
        return;
    };
    if let Err(e) = reset_at_the_end(stream.id()) {
        // A sandbox may forbid it. Then it ends as behind most proxies.
        log::debug!("an answer that broke off ends like a whole one: {e}");
    }
}

/// Makes the system reset the connection behind a descriptor when that is closed. Pingora
/// lends nobody the socket, but the system gives a second descriptor to it.
fn reset_at_the_end(fd: RawFd) -> rustix::io::Result<()> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let socket = pidfd_getfd(this, fd, PidfdGetfdFlags::empty())?;
    set_socket_linger(socket, Some(Duration::ZERO))
}
