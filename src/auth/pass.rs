//! The proof of admission. Choosing the upstream and setting headers need one, and
//! only this floor can make one: a path around the gate does not compile.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::machine::Entrance;
use super::session::Session;

/// A request that was admitted, with whom it was admitted for.
#[derive(Debug)]
#[must_use = "an admission that nobody uses is a request that nobody serves"]
pub struct Pass {
    session: Option<Arc<Session>>,
    on_public_path: bool,
    rule: Option<usize>,
    token_in: Option<Entrance>,
}

impl Pass {
    /// For a path that everybody may see; a session is used if there is one.
    pub(super) fn public(session: Option<Arc<Session>>, rule: Option<usize>) -> Self {
        Self {
            session,
            on_public_path: true,
            rule,
            token_in: None,
        }
    }

    /// For a session that satisfies its rule.
    pub(super) fn of(session: Arc<Session>, rule: Option<usize>) -> Self {
        Self {
            session: Some(session),
            on_public_path: false,
            rule,
            token_in: None,
        }
    }

    /// The same for a request that shows a machine token there.
    pub(super) fn without(self, entrance: Entrance) -> Self {
        Self {
            token_in: Some(entrance),
            ..self
        }
    }

    /// Where a machine token stands, which the app must not see.
    pub fn token_in(&self) -> Option<Entrance> {
        self.token_in
    }

    /// Who was admitted; `None`: an anonymous visitor of a public path.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Whether shared caches may keep the answer: the path is public, and the app was told
    /// nobody's identity.
    pub fn may_be_shared(&self) -> bool {
        self.on_public_path && self.session.is_none()
    }

    /// The number of the rule that admitted, counted from 0; `None`: the default.
    pub fn rule(&self) -> Option<usize> {
        self.rule
    }

    /// The identity headers of whoever was admitted, spelled as the operator has them; none
    /// for an anonymous visitor.
    pub fn identity_headers(&self) -> &[(Bytes, HeaderValue)] {
        self.session().map_or(&[], |session| &session.headers)
    }
}
