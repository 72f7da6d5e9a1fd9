//! Which headers tell the app who is calling.
//!
//! Set-or-strip: every header that we may ever set is removed from the client's request
//! ([`super::client_headers`]).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderValue;

use super::directory::User;
use crate::domain::id::SessionId;
use crate::domain::identity::header_text;

/// What an identity header carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum IdentityField {
    /// The stable id.
    Id,
    /// The login name.
    Username,
    /// The display name.
    Name,
    /// The e-mail address.
    Email,
    /// The roles, comma separated.
    Roles,
    /// The session id.
    Session,
}

/// Every header of every preset: removed from clients whatever preset is chosen, so
/// that an app that trusts another family cannot be fooled by a change of it.
const FAMILY: [&str; 11] = [
    "x-user-id",
    "x-user-name",
    "x-user-roles",
    "x-forwarded-user",
    "x-forwarded-preferred-username",
    "x-forwarded-email",
    "x-forwarded-groups",
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
];

/// The mapping in force.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    /// Names as the operator spelled them. A clone of one is a count, not a copy: every
    /// request has its own of each.
    pub(crate) set: BTreeMap<Bytes, IdentityField>,
}

impl IdentityHeaders {
    /// `set` maps header names, as they shall be spelled, to what they carry.
    pub fn new(set: BTreeMap<String, IdentityField>) -> Self {
        let set = set.into_iter();
        Self {
            set: set.map(|(name, field)| (name.into(), field)).collect(),
        }
    }

    /// Every name that we may ever set, as it is spelled.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let ours = self.set.keys();
        let ours = ours.filter_map(|name| std::str::from_utf8(name).ok());
        ours.chain(FAMILY)
    }

    /// The headers of a user, rendered once a snapshot. A field without a value (no e-mail,
    /// no roles) has no header.
    pub fn render(&self, user: &User) -> OfUser {
        let identity = &user.identity;
        let rendered = self
            .set
            .iter()
            .filter_map(|(name, field)| {
                let text = match field {
                    IdentityField::Id => header_text(identity.id.as_str()),
                    IdentityField::Username => header_text(identity.username.as_str()),
                    IdentityField::Name => header_text(&identity.name),
                    IdentityField::Email => header_text(identity.email.as_deref()?),
                    IdentityField::Roles if identity.roles.is_empty() => return None,
                    IdentityField::Roles => identity
                        .roles
                        .iter()
                        .map(|role| header_text(role).replace(',', "%2C"))
                        .collect::<Vec<_>>()
                        .join(",")
                        .into(),
                    IdentityField::Session => return None,
                };
                Some((name.clone(), HeaderValue::try_from(text.as_ref()).ok()?))
            })
            .collect();
        OfUser {
            rendered,
            session: self.session_headers().cloned().collect(),
        }
    }

    /// The names of the headers that carry the session id.
    pub fn session_headers(&self) -> impl Iterator<Item = &Bytes> {
        self.set
            .iter()
            .filter(|(_, field)| **field == IdentityField::Session)
            .map(|(name, _)| name)
    }
}

/// What the app is told of a user, and where it is told the session.
#[derive(Clone, Debug, Default)]
pub struct OfUser {
    rendered: Vec<(Bytes, HeaderValue)>,
    session: Vec<Bytes>,
}

impl OfUser {
    /// All headers of a session, as they are set on each of its requests.
    pub fn with_session(&self, id: SessionId) -> Vec<(Bytes, HeaderValue)> {
        let value = (!self.session.is_empty())
            .then(|| HeaderValue::try_from(id.to_string()).ok())
            .flatten();
        let of_session = value.iter().flat_map(|value| {
            let names = self.session.iter();
            names.map(|name| (name.clone(), value.clone()))
        });
        self.rendered.iter().cloned().chain(of_session).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::directory::PasswordHash;
    use crate::domain::id::{UserId, Username};
    use crate::domain::identity::Identity;

    fn user(name: &str, roles: &[&str]) -> User {
        User {
            identity: Identity {
                id: UserId::new("1001"),
                username: Username::canonical("alice"),
                name: name.into(),
                email: None,
                roles: roles.iter().map(|r| (*r).to_owned()).collect(),
            },
            password_hash: PasswordHash::new(""),
            disabled: false,
            token_version: 0,
        }
    }

    fn default_preset() -> IdentityHeaders {
        IdentityHeaders::new(BTreeMap::from([
            ("X-User-Id".to_owned(), IdentityField::Id),
            ("X-User-Name".to_owned(), IdentityField::Name),
            ("X-User-Roles".to_owned(), IdentityField::Roles),
        ]))
    }

    #[test]
    fn what_the_app_receives() {
        let headers = default_preset();
        let of = |user: &User| -> Vec<String> {
            headers
                .render(user)
                .with_session(SessionId::from_bytes([0; 16]))
                .into_iter()
                .map(|(name, value)| {
                    let name = std::str::from_utf8(&name).unwrap();
                    format!("{name}: {}", value.to_str().unwrap())
                })
                .collect()
        };
        assert_eq!(
            of(&user("Zoë", &["admin", "a,b"])),
            [
                "X-User-Id: 1001",
                "X-User-Name: Zo%C3%AB",
                "X-User-Roles: admin,a%2Cb"
            ]
        );
        assert_eq!(
            of(&user("A\r\nX-User-Id: 1", &[])),
            ["X-User-Id: 1001", "X-User-Name: A%0D%0AX-User-Id: 1"],
            "a name would add a header"
        );
    }
}
