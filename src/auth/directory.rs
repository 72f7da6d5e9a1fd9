//! The users of this moment, as one immutable snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::{UserId, Username};
use crate::domain::identity::Identity;

/// A password hash, in the notation of whichever program made it, that the configuration
/// has checked to be one that can be verified.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// Wraps a checked hash.
    pub fn new(hash: &str) -> Self {
        Self(hash.into())
    }

    /// The notation, for the verifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A user as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who they are.
    pub identity: Identity,
    /// What their password is checked against.
    pub password_hash: PasswordHash,
    /// A disabled user has no session and cannot log in.
    pub disabled: bool,
    /// Raised by the operator to end every session of the user.
    pub token_version: u64,
}

/// All users, found by id and by canonical name. Both are unique; the
/// configuration refuses duplicates before this is built.
#[derive(Debug, Default)]
pub struct Directory {
    by_id: HashMap<UserId, Arc<User>>,
    by_name: HashMap<Username, Arc<User>>,
    in_order: Vec<Arc<User>>,
}

impl Directory {
    /// Builds the snapshot. Of two users with one id or name the first stays.
    pub fn new(users: impl IntoIterator<Item = User>) -> Self {
        let mut directory = Self::default();
        for user in users {
            let user = Arc::new(user);
            directory
                .by_id
                .entry(user.identity.id.clone())
                .or_insert_with(|| Arc::clone(&user));
            directory
                .by_name
                .entry(user.identity.username.clone())
                .or_insert_with(|| Arc::clone(&user));
            directory.in_order.push(user);
        }
        directory
    }

    /// The user with this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<User>> {
        self.by_id.get(&UserId::new(id))
    }

    /// The user with this canonical name.
    pub fn by_name(&self, name: &Username) -> Option<&Arc<User>> {
        self.by_name.get(name)
    }

    /// The user with this id, else with this name as typed.
    pub fn named(&self, text: &str) -> Option<&Arc<User>> {
        let by_name = || self.by_name(&Username::canonical(text));
        self.by_id(text).or_else(by_name)
    }

    /// Every user, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.in_order.iter()
    }
}
