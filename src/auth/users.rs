//! Who a subject is today: of the file without a call, of elsewhere by the port
//! ([`Users`]).
//!
//! The file has the last word: whoever stands in it is as it says, also if it says that they
//! are disabled and another source does not. So nobody can be let in again, or become
//! somebody else, by an entry elsewhere with their id.

use std::collections::HashMap;
use std::sync::Arc;

use super::policy::Policy;
use super::ports::{Resolved, Users};
use super::principal::Principal;
use crate::domain::id::UserId;

/// The enabled users of the file: whoever is not there is gone.
impl Users for HashMap<UserId, Arc<Principal>> {
    fn resolve(&self, subject: &UserId) -> Resolved {
        match self.get(subject) {
            Some(principal) => Resolved::Known(Arc::clone(principal)),
            None => Resolved::Gone,
        }
    }
}

impl Policy {
    /// Who a subject is, by everything that is known of users.
    pub fn resolve(&self, subject: &str) -> Resolved {
        match self.principals.get(subject) {
            Some(principal) => Resolved::Known(Arc::clone(principal)),
            None => self.resolve_elsewhere(subject),
        }
    }

    /// Whether this is who the user is today: nothing has changed since it was rendered.
    pub(super) fn is_of_today(&self, principal: &Arc<Principal>) -> bool {
        let id = &principal.user.identity.id;
        match self.principals.get(id) {
            Some(today) => Arc::ptr_eq(today, principal),
            None => match self.resolve_elsewhere(id.as_str()) {
                Resolved::Known(today) => Arc::ptr_eq(&today, principal),
                Resolved::Gone => false,
            },
        }
    }

    /// For a subject without a principal in the file.
    fn resolve_elsewhere(&self, subject: &str) -> Resolved {
        match self.directory.by_id(subject) {
            Some(_disabled) => Resolved::Gone,
            None => self.users.resolve(&UserId::new(subject)),
        }
    }
}

#[cfg(test)]
mod tests;
