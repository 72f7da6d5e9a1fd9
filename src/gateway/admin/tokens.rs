//! Which machine tokens there are, and when each was used last. Never a token or its hash.

use http::StatusCode;
use serde_json::json;

use super::Admin;
use crate::adapters::clock;
use crate::adapters::pages::when::rfc3339;
use crate::auth::denial::Denial;
use crate::auth::machine::KnownToken;
use crate::auth::ports::Revoked as _;
use crate::domain::reply::Reply;
use crate::domain::time::Timestamp;
use crate::gateway::snapshot::Snapshot;

impl Admin {
    pub(super) fn tokens(&self, snapshot: &Snapshot) -> Reply {
        let show = |known: &KnownToken| {
            let (session, expires) = (known.session.as_ref(), known.token.expires);
            let index = &self.shared.sessions.index;
            let is_revoked = session.is_some_and(|of| index.is_revoked(of.id, of.user()));
            let state = match known.session_at(clock::now()) {
                Err(Denial::TokenExpired) => "expired",
                Ok(_) if !is_revoked => "good",
                _ => "revoked",
            };
            json!({
                "name": known.token.name.as_ref(),
                "user": session.map(|session| session.user().as_str()),
                "state": state,
                "expires": (expires != Timestamp::NEVER).then(|| rfc3339(expires)),
                "last_used": known.uses().and_then(|uses| uses.last()).map(rfc3339),
            })
        };
        let tokens: Vec<_> = snapshot.policy.machines.iter().map(show).collect();
        Reply::json(StatusCode::OK, &json!({ "tokens": tokens }))
    }
}
