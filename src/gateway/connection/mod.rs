//! Before there is a request: accepting, TLS, limits, deadlines, frames. Knows no policy of
//! requests and no store; each file says what of it goes when pingora has it.

pub(crate) mod body_rate;
pub(crate) mod cancel;
pub(crate) mod cancel_handles;
pub(crate) mod chunks;
pub(crate) mod deadlines;
pub(crate) mod exchanges;
pub(crate) mod flag;
pub(crate) mod framing;
pub(crate) mod h2_flood;
pub(crate) mod h2_frames;
pub(crate) mod h2_heads;
pub(crate) mod h2_interim;
pub(crate) mod h2_share;
pub(crate) mod handle;
pub(crate) mod head_deadline;
pub(crate) mod limits;
pub(crate) mod listen;
pub(crate) mod observed_stream;
pub(crate) mod operators;
pub(crate) mod peer;
pub(crate) mod protocol_errors;
pub(crate) mod read_ahead;
pub(crate) mod registration;
pub mod rehearsal;
pub(crate) mod response_timeout;
pub(crate) mod server_app;
pub(crate) mod surroundings;
pub(crate) mod unread_answers;
pub(crate) mod websocket_frames;
