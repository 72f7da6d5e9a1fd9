//! Floor 1: values. No async, no clock, no I/O; what cannot be wrong once it exists.

pub mod cookie;
pub(crate) mod fault;
pub(crate) mod forwarded;
pub mod id;
pub(crate) mod identity;
pub(crate) mod lists;
pub(crate) mod machine_token;
pub mod origin;
pub mod path;
pub(crate) mod reply;
pub mod request;
pub(crate) mod request_id;
pub mod secret;
pub mod time;
