//! The proof of admission. Choosing the upstream and setting headers need one, and
//! only this floor can make one: a path around the gate does not compile.

use http::HeaderValue;

use super::headers::IdentityHeaders;
use super::session::Session;

/// A request that was admitted, with whom it was admitted for.
#[derive(Debug)]
#[must_use = "an admission that nobody uses is a request that nobody serves"]
pub struct Pass {
    session: Option<Session>,
    on_public_path: bool,
    rule: Option<usize>,
}

impl Pass {
    /// For a path that everybody may see; a session is used if there is one.
    pub(super) fn public(session: Option<Session>, rule: Option<usize>) -> Self {
        Self {
            session,
            on_public_path: true,
            rule,
        }
    }

    /// For a session that satisfies its rule.
    pub(super) fn of(session: Session, rule: Option<usize>) -> Self {
        Self {
            session: Some(session),
            on_public_path: false,
            rule,
        }
    }

    /// Who was admitted; `None`: an anonymous visitor of a public path.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Whether the path is public, so that shared caches may keep the answer.
    pub fn is_on_public_path(&self) -> bool {
        self.on_public_path
    }

    /// The number of the rule that admitted, counted from 0; `None`: the default.
    pub fn rule(&self) -> Option<usize> {
        self.rule
    }

    /// The identity headers of whoever was admitted; none for an anonymous visitor.
    pub fn identity_headers(
        &self,
        mapping: &IdentityHeaders,
    ) -> impl Iterator<Item = (String, HeaderValue)> {
        let session = self.session.as_ref();
        let of_user = session
            .into_iter()
            .flat_map(|session| session.principal.headers.iter().cloned());
        let of_session = session.into_iter().flat_map(|session| {
            mapping.session_headers().filter_map(|name| {
                let value = HeaderValue::try_from(session.id.to_string()).ok()?;
                Some((name.to_owned(), value))
            })
        });
        of_user.chain(of_session).collect::<Vec<_>>().into_iter()
    }
}
