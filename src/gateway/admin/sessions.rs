//! Who is signed in, and ending it: one session, a user's, everybody's.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::answer::empty;
use crate::adapters::clock;
use crate::adapters::pages::when::rfc3339;
use crate::auth::denial::Denial;
use crate::auth::directory::{Directory, User};
use crate::auth::ports::StoreError;
use crate::auth::problem::Refusal;
use crate::auth::revocation::RevocationScope;
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::reply::Reply;
use crate::gateway::snapshot::Snapshot;
use crate::service::sessions::{Ending, Found, RevocationTarget};

/// How many sessions a list shows when nothing else is asked for.
const SHOWN: usize = 1000;
/// And at most.
const MOST: usize = 10_000;

/// A name that is mistyped must not look as if its sessions were ended.
const NOBODY: &str = "No user has this id or name.";
const NO_TOKEN: &str = "No token has this name.";

/// What is to be ended: an object with exactly one of these keys.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    Token(String),
    Session(String),
    User(String),
    #[serde(rename = "token_name")]
    TokenName(String),
    All(bool),
}

impl Admin {
    pub(super) async fn sessions(
        &self,
        snapshot: &Snapshot,
        query: &str,
    ) -> Result<Reply, Refusal> {
        let asked = ListQuery::parse(query)?;
        let users = &snapshot.policy.directory;
        let user = match asked.user {
            Some(name) => Some(named(users, &name)?.identity.id.clone()),
            None => None,
        };
        let most = asked.limit.saturating_add(1);
        let found = self
            .shared
            .sessions
            .store
            .sessions(user.as_ref(), most, clock::now());
        let mut found = found.await.map_err(unavailable)?;
        let more = found.len() > asked.limit;
        found.truncate(asked.limit);
        let shown: Vec<_> = found.iter().map(|one| show(one, users)).collect();
        Ok(Reply::json(
            StatusCode::OK,
            &json!({ "sessions": shown, "more": more }),
        ))
    }

    pub(super) async fn end_session(
        &self,
        snapshot: &Snapshot,
        id: &str,
        client: Option<IpAddr>,
    ) -> Result<Reply, Refusal> {
        let id = session_id(id)?;
        let found = self
            .shared
            .sessions
            .store
            .find(id)
            .await
            .map_err(unavailable)?;
        let session = found.ok_or_else(|| not_found("No such session is kept."))?;
        self.end(snapshot, Found::session(&session), client).await?;
        Ok(empty())
    }

    pub(super) async fn revocation(
        &self,
        snapshot: &Snapshot,
        body: &[u8],
        client: Option<IpAddr>,
    ) -> Result<Reply, Refusal> {
        let wrong =
            "Send an object with exactly one of token, token_name, session, user, or all: true.";
        // What serde would say can hold a piece of the token.
        let named_so = serde_json::from_slice(body).map_err(|_unread| bad(wrong))?;
        let target = match named_so {
            Named::Token(token) => RevocationTarget::Token(token),
            Named::Session(id) => RevocationTarget::Session(session_id(&id)?),
            Named::User(name) => RevocationTarget::User(name),
            Named::TokenName(name) => RevocationTarget::TokenName(name),
            Named::All(true) => RevocationTarget::Everybody,
            Named::All(false) => return Err(bad(wrong)),
        };
        let now = clock::now();
        let service = &self.shared.sessions;
        let Some(found) = service.resolve(&snapshot.policy, &target, now).await? else {
            return match target {
                RevocationTarget::User(_) => Err(not_found(NOBODY)),
                RevocationTarget::TokenName(_) => Err(not_found(NO_TOKEN)),
                _ => Ok(Reply::json(
                    StatusCode::OK,
                    &json!({ "reach": "none", "ended": 0 }),
                )),
            };
        };
        if let Some(token) = &found.token {
            let user = found.user.as_ref().map(UserId::as_str);
            let said =
                json!({ "reach": "token", "token": token.as_ref(), "user": user, "ended": 0 });
            self.end(snapshot, found, client).await?;
            return Ok(Reply::json(StatusCode::OK, &said));
        }
        let store = &service.store;
        let ended = match &found.reach {
            RevocationScope::Session(id) => {
                let kept = store.find(*id).await.map_err(unavailable)?;
                kept.filter(|one| !one.is_over(now)).iter().count()
            }
            RevocationScope::User(user) => {
                let kept = store.sessions(Some(user), MOST, now).await;
                kept.map_err(unavailable)?.len()
            }
            RevocationScope::Everybody => {
                let count = store.count().await.map_err(unavailable)?;
                usize::try_from(count).unwrap_or(usize::MAX)
            }
        };
        let mut said = match &found.reach {
            RevocationScope::Session(id) => {
                json!({ "reach": "session", "session": id.to_string() })
            }
            RevocationScope::User(_) => json!({ "reach": "user" }),
            RevocationScope::Everybody => json!({ "reach": "all" }),
        };
        if let Some(fields) = said.as_object_mut() {
            fields.insert("ended".into(), ended.into());
            if let Some(user) = &found.user {
                fields.insert("user".into(), user.as_str().into());
            }
        }
        self.end(snapshot, found, client).await?;
        Ok(Reply::json(StatusCode::OK, &said))
    }

    async fn end(
        &self,
        snapshot: &Snapshot,
        found: Found,
        client: Option<IpAddr>,
    ) -> Result<(), Denial> {
        let ending = Ending::revoke(found, client, "admin");
        let lifetimes = snapshot.policy.session.lifetimes;
        self.shared
            .sessions
            .end(&ending, lifetimes, clock::now())
            .await
    }
}

/// What a query asks for.
struct ListQuery {
    user: Option<String>,
    limit: usize,
}

impl ListQuery {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let (mut user, mut limit) = (None, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let place: &mut Option<Cow<'_, str>> = match &*key {
                "user" => &mut user,
                "limit" => &mut limit,
                _ => return Err(bad("The query knows user and limit.")),
            };
            if place.replace(value).is_some() {
                return Err(bad("A key stands twice in the query."));
            }
        }
        let limit = match limit {
            Some(text) => text.parse().ok().filter(|limit| (1..=MOST).contains(limit)),
            None => Some(SHOWN),
        };
        Ok(Self {
            user: user.map(Cow::into_owned),
            limit: limit.ok_or_else(|| bad("The limit is a number from 1 to 10000."))?,
        })
    }
}

/// The user with this id, else with this name. Nobody is an error: whoever mistypes a
/// name must not believe that its sessions are ended.
fn named<'a>(users: &'a Directory, name: &str) -> Result<&'a User, Refusal> {
    let user = users.named(name).map(Arc::as_ref);
    user.ok_or_else(|| not_found(NOBODY))
}

fn session_id(text: &str) -> Result<SessionId, Refusal> {
    SessionId::parse(text).ok_or_else(|| bad("This is not the id of a session."))
}

fn bad(why: &str) -> Refusal {
    Refusal::because(Denial::BadRequest, why)
}

fn not_found(what: &str) -> Refusal {
    Refusal::because(Denial::NotFound, what)
}

fn unavailable(e: StoreError) -> Refusal {
    log::error!("an operator asked for sessions: {e}");
    Denial::StoreUnavailable.into()
}

fn show(session: &StoredSession, users: &Directory) -> Value {
    let user = users.by_id(session.user.as_str());
    json!({
        "id": session.id.to_string(),
        "user": session.user.as_str(),
        "username": user.map(|user| user.identity.username.as_str()),
        "created": rfc3339(session.created()),
        "last_seen": rfc3339(session.last_used()),
        "ends": rfc3339(session.ends),
        "idle_ends": rfc3339(session.end()),
        "address": session.client.to_string(),
        "agent": session.agent,
        "generation": session.generation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_understood_or_refused() {
        for (query, expected) in [
            ("", Some((None, SHOWN))),
            ("user=a%20b", Some((Some("a b"), SHOWN))),
            ("limit=10000&user=", Some((Some(""), MOST))),
            ("limit=0", None),
            ("limit=10001", None),
            ("limit=-1", None),
            ("limit=", None),
            ("user=a&user=b", None),
            ("usr=a", None),
        ] {
            let asked = ListQuery::parse(query).ok();
            let seen = asked
                .as_ref()
                .map(|asked| (asked.user.as_deref(), asked.limit));
            assert_eq!(seen, expected, "{query:?}");
        }
    }
}
