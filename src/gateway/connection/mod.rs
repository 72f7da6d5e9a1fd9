//! Before there is a request: accepting, TLS, limits, deadlines, frames. Knows no policy of
//! requests and no store; each file says what of it goes when pingora has it.

pub(in crate::gateway) mod body_rate;
pub(in crate::gateway) mod cancel;
pub(in crate::gateway) mod cancel_handles;
pub(in crate::gateway) mod chunks;
pub(in crate::gateway) mod deadlines;
pub(in crate::gateway) mod exchanges;
pub(in crate::gateway) mod flag;
pub(in crate::gateway) mod framing;
pub(in crate::gateway) mod h2_flood;
pub(in crate::gateway) mod h2_heads;
pub(in crate::gateway) mod h2_interim;
pub(in crate::gateway) mod h2_share;
pub(in crate::gateway) mod handle;
pub(in crate::gateway) mod head_deadline;
pub(in crate::gateway) mod limits;
pub mod listen;
pub(in crate::gateway) mod observed_stream;
pub(in crate::gateway) mod operators;
pub(in crate::gateway) mod peer;
pub(in crate::gateway) mod protocol_errors;
pub(in crate::gateway) mod read_ahead;
pub(in crate::gateway) mod registration;
pub mod rehearsal;
pub(in crate::gateway) mod response_timeout;
pub(in crate::gateway) mod server_app;
pub(in crate::gateway) mod surroundings;
pub(in crate::gateway) mod unread_answers;
pub(in crate::gateway) mod websocket_frames;
