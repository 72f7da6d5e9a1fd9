//! A request that shows a machine token: the token decides, also where a cookie is there too.

use std::sync::Arc;

use http::Method;
use http::header;

use super::{Rejected, user_of};
use crate::auth::csrf::{self, CsrfMode};
use crate::auth::denial::Denial;
use crate::auth::machine::{Entrance, KnownToken};
use crate::auth::policy::Policy;
use crate::auth::rules::Challenge;
use crate::auth::session::Session;
use crate::domain::path::RequestPath;
use crate::domain::request::{FetchSite, RequestView};
use crate::domain::time::Timestamp;

/// A good token.
pub(super) struct Bearer<'a> {
    pub(super) session: Arc<Session>,
    /// Where it stands.
    pub(super) entrance: Entrance,
    known: &'a KnownToken,
}

impl Bearer<'_> {
    /// Whether the token may be used for this path.
    pub(super) fn reaches(&self, path: &RequestPath<'_>, method: &Method) -> Result<(), Rejected> {
        match self.known.reaches(path, method) {
            true => Ok(()),
            false => Err(Rejected::of(&self.session, Denial::Forbidden)),
        }
    }
}

impl Policy {
    /// The token that a request shows; `None` if it shows none of ours.
    pub(super) fn bearer(
        &self,
        view: &RequestView<'_>,
        now: Timestamp,
    ) -> Result<Option<Bearer<'_>>, Rejected> {
        let Some(presented) = self.machines.presented(view.headers) else {
            return Ok(None);
        };
        let known = self.machines.of(&presented);
        let known = known.filter(|known| known.comes_from(view.facts.client));
        let known = known.ok_or(Denial::TokenInvalid)?;
        let refused = |denial| Rejected {
            denial,
            user: known.session.as_deref().map(user_of),
        };
        if let Some(session) = &known.session
            && self.revoked.is_revoked(session.id, session.user())
        {
            return Err(refused(Denial::TokenRevoked));
        }
        let session = known.session_at(now).map_err(refused)?;
        if self.is_stale(now) {
            return Err(refused(Denial::StoreUnavailable));
        }
        Ok(Some(Bearer {
            session: Arc::clone(session),
            entrance: presented.entrance,
            known,
        }))
    }

    /// Whether an unsafe request with a token was meant. A browser sends no token by itself,
    /// but again the name and password that somebody once typed for Basic, also to what
    /// another site submits. It says where from, by `Origin` or `Sec-Fetch-Site`; what says
    /// neither is a program. Where the app is open to every origin that counts as well.
    pub(super) fn token_was_meant(
        &self,
        view: &RequestView<'_>,
        bearer: &Bearer<'_>,
    ) -> Result<(), Rejected> {
        if bearer.entrance != Entrance::Basic || self.csrf.mode == CsrfMode::Off {
            return Ok(());
        }
        csrf::check_origin(view, &self.cors.caller(view), true)
            .map_err(|denial| Rejected::of(&bearer.session, denial))
    }

    /// Whether the operator has programs asked for Basic here. Browsers are not: they would
    /// show a dialog of their own.
    pub(super) fn asks_for_basic(&self, denial: Denial, view: &RequestView<'_>) -> bool {
        let is_browser = view.fetch_site() != FetchSite::Absent
            || view.headers.contains_key("sec-fetch-mode")
            || view.headers.contains_key(header::ORIGIN);
        if denial.challenge().is_none() || is_browser {
            return false;
        }
        let Ok(path) = RequestPath::parse(view.path) else {
            return false;
        };
        let selected = self.rules.select(&path, view.method);
        self.rules.challenge(&selected) == Challenge::Basic
    }
}
