//! Who is signed in, and ending it: one session, a user's, everybody's.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::answer::{self, Refusal};
use crate::adapters::clock;
use crate::adapters::pages::when::rfc3339;
use crate::auth::denial::Denial;
use crate::auth::directory::{Directory, User};
use crate::auth::event::{Event, EventKind};
use crate::auth::ports::StoreError;
use crate::auth::revocation::Reach;
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::gateway::endpoints::revoke::owner;
use crate::gateway::snapshot::Snapshot;

/// How many sessions a list shows when nothing else is asked for.
const SHOWN: usize = 1000;
/// And at most.
const MOST: usize = 10_000;

/// What is to be ended: an object with exactly one of these keys.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    Token(String),
    Session(String),
    User(String),
    All(bool),
}

impl Admin {
    pub(super) async fn sessions(
        &self,
        snapshot: &Snapshot,
        query: &str,
    ) -> Result<Response<Vec<u8>>, Refusal> {
        let asked = Asked::parse(query)?;
        let users = &snapshot.policy.directory;
        let user = match asked.user {
            Some(name) => Some(named(users, &name)?.identity.id.clone()),
            None => None,
        };
        let most = asked.limit.saturating_add(1);
        let found = self.house.store.sessions(user.as_ref(), most, clock::now());
        let mut found = found.await.map_err(unavailable)?;
        let more = found.len() > asked.limit;
        found.truncate(asked.limit);
        let shown: Vec<_> = found.iter().map(|one| show(one, users)).collect();
        Ok(answer::json(&json!({ "sessions": shown, "more": more })))
    }

    pub(super) async fn end_session(
        &self,
        snapshot: &Snapshot,
        id: &str,
        client: Option<IpAddr>,
    ) -> Result<Response<Vec<u8>>, Refusal> {
        let id = session_id(id)?;
        let found = self.house.store.find(id).await.map_err(unavailable)?;
        let session = found.ok_or(Refusal::not_found("No such session is kept."))?;
        self.end(snapshot, Reach::Session(id), Some(&session.user), client)
            .await?;
        Ok(answer::empty())
    }

    pub(super) async fn revocation(
        &self,
        snapshot: &Snapshot,
        body: &[u8],
        client: Option<IpAddr>,
    ) -> Result<Response<Vec<u8>>, Refusal> {
        let wrong = "Send an object with exactly one of token, session, user, or all: true.";
        // What serde would say can hold a piece of the token.
        let named_so = serde_json::from_slice(body).map_err(|_unread| Refusal::bad(wrong))?;
        let house = &self.house;
        let now = clock::now();
        let kept = |found: Option<StoredSession>| found.filter(|one| !one.is_over(now));
        let (reach, user, ended) = match named_so {
            Named::Token(token) => {
                let found = owner(house, &snapshot.policy, token.as_bytes()).await?;
                let Some((id, user)) = found else {
                    return Ok(answer::json(&json!({ "reach": "none", "ended": 0 })));
                };
                let found = kept(house.store.find(id).await.map_err(unavailable)?);
                (Reach::Session(id), Some(user), found.iter().count())
            }
            Named::Session(id) => {
                let id = session_id(&id)?;
                let found = kept(house.store.find(id).await.map_err(unavailable)?);
                let user = found.as_ref().map(|session| session.user.clone());
                (Reach::Session(id), user, found.iter().count())
            }
            Named::User(name) => {
                let id = named(&snapshot.policy.directory, &name)?
                    .identity
                    .id
                    .clone();
                let found = house.store.sessions(Some(&id), MOST, now).await;
                let ended = found.map_err(unavailable)?.len();
                (Reach::User(id.clone()), Some(id), ended)
            }
            Named::All(true) => {
                let count = house.store.count().await.map_err(unavailable)?;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                (Reach::Everybody, None, count)
            }
            Named::All(false) => return Err(Refusal::bad(wrong)),
        };
        let mut said = match &reach {
            Reach::Session(id) => json!({ "reach": "session", "session": id.to_string() }),
            Reach::User(_) => json!({ "reach": "user" }),
            Reach::Everybody => json!({ "reach": "all" }),
        };
        if let Some(fields) = said.as_object_mut() {
            fields.insert("ended".into(), ended.into());
            if let Some(user) = &user {
                fields.insert("user".into(), user.as_str().into());
            }
        }
        self.end(snapshot, reach, user.as_ref(), client).await?;
        Ok(answer::json(&said))
    }

    async fn end(
        &self,
        snapshot: &Snapshot,
        reach: Reach,
        user: Option<&UserId>,
        client: Option<IpAddr>,
    ) -> Result<(), Denial> {
        let mut event = Event::new(EventKind::Revoke).reason("admin");
        event.client = client;
        event.user = user.cloned();
        if let Reach::Session(id) = &reach {
            event.session = Some(*id);
        }
        self.house.end(reach, snapshot.policy.lifetimes).await?;
        self.house.audit(&event);
        Ok(())
    }
}

/// What a query asks for.
struct Asked {
    user: Option<String>,
    limit: usize,
}

impl Asked {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let (mut user, mut limit) = (None, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let place: &mut Option<Cow<'_, str>> = match &*key {
                "user" => &mut user,
                "limit" => &mut limit,
                _ => return Err(Refusal::bad("The query knows user and limit.")),
            };
            if place.replace(value).is_some() {
                return Err(Refusal::bad("A key stands twice in the query."));
            }
        }
        let limit = match limit {
            Some(text) => text.parse().ok().filter(|limit| (1..=MOST).contains(limit)),
            None => Some(SHOWN),
        };
        Ok(Self {
            user: user.map(Cow::into_owned),
            limit: limit.ok_or(Refusal::bad("The limit is a number from 1 to 10000."))?,
        })
    }
}

/// The user with this id, else with this name. Nobody is an error: whoever mistypes a
/// name must not believe that its sessions are ended.
fn named<'a>(users: &'a Directory, name: &str) -> Result<&'a User, Refusal> {
    let user = users.named(name).map(Arc::as_ref);
    user.ok_or(Refusal::not_found("No user has this id or name."))
}

fn session_id(text: &str) -> Result<SessionId, Refusal> {
    SessionId::parse(text).ok_or(Refusal::bad("This is not the id of a session."))
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
            let asked = Asked::parse(query).ok();
            let seen = asked
                .as_ref()
                .map(|asked| (asked.user.as_deref(), asked.limit));
            assert_eq!(seen, expected, "{query:?}");
        }
    }
}
