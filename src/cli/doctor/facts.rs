//! What was seen. The checks know nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use super::look::http::Answer;
use crate::adapters::store::redis::exam::RedisReport;
use crate::config::settings::Settings;

/// Everything that was seen.
pub(super) struct Facts {
    pub(super) settings: Arc<Settings>,
    /// Each public listener and what it said.
    pub(super) listeners: Vec<(SocketAddr, Visited)>,
    /// What `public_url` said, if there is one.
    pub(super) public: Option<Visited>,
    pub(super) upstream: UpstreamSeen,
    /// What the shared store says.
    pub(super) redis: Option<Result<RedisReport, String>>,
    /// How many files the running gateway may open.
    pub(super) open_files: Option<usize>,
}

/// The answers of one place, or why there are none.
pub(super) type Visited = Result<Visit, String>;

/// What a place says to somebody without a session.
pub(super) struct Visit {
    /// To who is signed in.
    pub(super) session: Answer,
    /// To a browser that wants the login page.
    pub(super) login: Option<Answer>,
}

/// The app, from here.
#[derive(Default)]
pub(super) struct UpstreamSeen {
    /// Where its name leads; empty for a Unix socket, or if nobody knows the name.
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether a connection was accepted.
    pub(super) answers: bool,
    /// This machine's addresses, other than the loopback, under which its port answers.
    pub(super) around: Vec<SocketAddr>,
    /// Whether its addresses are this machine's.
    pub(super) is_here: bool,
    /// Whether it shows a form with a password at the path of our login.
    pub(super) has_own_login: bool,
    /// The mode of its socket.
    pub(super) socket_mode: Option<u32>,
}
