//! Floor 1: values. No async, no clock, no I/O; what cannot be wrong once it exists.

pub mod cookie;
pub(crate) mod fault;
pub mod forwarded;
pub mod id;
pub mod identity;
pub mod lists;
pub mod machine_token;
pub mod origin;
pub mod path;
pub mod reply;
pub mod request;
pub mod request_id;
pub mod secret;
pub mod time;
