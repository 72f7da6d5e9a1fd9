//! A user as the gate knows them.

use std::sync::Arc;

use super::directory::User;
use super::headers::OfUser;

/// A user with everything that is computed once a snapshot.
#[derive(Debug)]
pub struct Principal {
    /// The user as configured.
    pub user: Arc<User>,
    /// The version under each key of the ring: what `ver` must be.
    pub versions: Vec<String>,
    /// The identity headers, spelled and rendered.
    pub headers: OfUser,
}
