//! One request, from its head to its line in the log.

pub(crate) mod access_record;
pub(crate) mod admission;
pub(crate) mod body;
pub(crate) mod ctx;
pub(crate) mod failure;
pub(crate) mod handshake;
pub(crate) mod hints;
pub(crate) mod inbound;
pub(crate) mod outbound;
pub(crate) mod own_reply;
pub mod rehearsal;
pub(crate) mod reply_headers;
pub(crate) mod reset;
pub(crate) mod upstream_response;
pub(crate) mod versions;
