//! One request, from its head to its line in the log.

pub(in crate::gateway) mod access_record;
pub(in crate::gateway) mod admission;
pub(in crate::gateway) mod body;
pub(in crate::gateway) mod ctx;
pub(in crate::gateway) mod failure;
pub(in crate::gateway) mod handshake;
pub(in crate::gateway) mod hints;
pub(in crate::gateway) mod inbound;
pub(in crate::gateway) mod outbound;
pub(in crate::gateway) mod own_reply;
pub mod rehearsal;
pub(in crate::gateway) mod reply_headers;
pub(in crate::gateway) mod reset;
pub(in crate::gateway) mod upstream_response;
pub(in crate::gateway) mod versions;
