//! The admin API: who is signed in, ending it, who the users are, and a reload.

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode, header};
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::socket::SocketAddr;
use serde_json::json;
use tokio::time::timeout;

use super::answer::empty;
use super::{Admin, door};
use crate::auth::denial::Denial;
use crate::auth::directory::Directory;
use crate::auth::event::{Event, EventKind};
use crate::auth::problem::Refusal;
use crate::config::settings::Limits;
use crate::domain::reply::Reply;
use crate::gateway::snapshot::Snapshot;

/// What a request asks for, its path alone.
enum Place<'a> {
    Sessions,
    Session(&'a str),
    Revocations,
    Users,
    Tokens,
    Reload,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        match path.strip_prefix("/api/")? {
            "sessions" => Some(Self::Sessions),
            "revocations" => Some(Self::Revocations),
            "users" => Some(Self::Users),
            "tokens" => Some(Self::Tokens),
            "reload" => Some(Self::Reload),
            other => {
                let id = other.strip_prefix("sessions/")?;
                (!id.is_empty() && !id.contains('/')).then_some(Self::Session(id))
            }
        }
    }

    const fn allow(&self) -> &'static str {
        match self {
            Self::Sessions | Self::Users | Self::Tokens => "GET, HEAD",
            Self::Session(_) => "DELETE",
            Self::Revocations | Self::Reload => "POST",
        }
    }
}

impl Admin {
    /// Answers what stands under `/api`.
    pub(super) async fn api(&self, session: &mut ServerSession, path: &str) -> Reply {
        let snapshot = self.shared.snapshot();
        let answered = match self.admit(session, &snapshot) {
            Ok(()) => self.route(session, path, &snapshot).await,
            Err(denial) => Err(denial.into()),
        };
        answered.unwrap_or_else(|refusal| refusal.into_reply(None))
    }

    /// The token is that of the settings of this moment.
    fn admit(&self, session: &ServerSession, snapshot: &Snapshot) -> Result<(), Denial> {
        if self.over_socket {
            return Ok(());
        }
        let Some(token) = &snapshot.settings.admin.token else {
            return Err(Denial::NotFound);
        };
        door::admit(&session.req_header().headers, token).inspect_err(|_refused| {
            let mut event = Event::new(EventKind::Denied).reason("admin_token");
            event.client = client(session);
            self.shared.sessions.audit(&event);
        })
    }

    async fn route(
        &self,
        session: &mut ServerSession,
        path: &str,
        now: &Snapshot,
    ) -> Result<Reply, Refusal> {
        let place = Place::of(path).ok_or(Denial::NotFound)?;
        let request = session.req_header();
        match (&request.method, &place) {
            (&Method::GET | &Method::HEAD, Place::Sessions) => {
                let query = request.uri.query().unwrap_or_default().to_owned();
                self.sessions(now, &query).await
            }
            (&Method::DELETE, Place::Session(id)) => {
                let client = client(session);
                self.end_session(now, id, client).await
            }
            (&Method::POST, Place::Revocations) => {
                let body = read_json(session, &now.settings.limits).await?;
                let client = client(session);
                self.revocation(now, &body, client).await
            }
            (&Method::GET | &Method::HEAD, Place::Users) => Ok(users(&now.policy.directory)),
            (&Method::GET | &Method::HEAD, Place::Tokens) => Ok(self.tokens(now)),
            (&Method::POST, Place::Reload) => match self.reloader.reload("asked").await {
                Ok(()) => Ok(empty()),
                Err(why) => Err(Refusal::because(Denial::ReloadRefused, &why)),
            },
            _ => {
                let allow = place.allow();
                Err(Denial::MethodNotAllowed { allow }.into())
            }
        }
    }
}

/// Who they are; never what their password is checked against.
fn users(directory: &Directory) -> Reply {
    let users: Vec<_> = directory
        .iter()
        .map(|user| {
            let identity = &user.identity;
            let mut shown = json!({
                "id": identity.id.as_str(),
                "username": identity.username.as_str(),
                "name": identity.name,
                "roles": identity.roles,
                "disabled": user.disabled,
            });
            if let (Some(email), Some(fields)) = (&identity.email, shown.as_object_mut()) {
                fields.insert("email".into(), email.as_str().into());
            }
            shown
        })
        .collect();
    Reply::json(StatusCode::OK, &json!({ "users": users }))
}

/// From where it was asked; nothing over the socket.
fn client(session: &ServerSession) -> Option<IpAddr> {
    match session.client_addr()? {
        SocketAddr::Inet(address) => Some(address.ip().to_canonical()),
        SocketAddr::Unix(_) => None,
    }
}

/// The body of a request, as JSON and no larger than a login's.
async fn read_json(session: &mut ServerSession, limits: &Limits) -> Result<Vec<u8>, Denial> {
    let headers = &session.req_header().headers;
    if !is_json(headers) {
        return Err(Denial::UnsupportedMediaType);
    }
    if headers.contains_key(header::EXPECT) && session.write_continue_response().await.is_err() {
        return Err(Denial::BadRequest);
    }
    let limit = usize::try_from(limits.login_body).unwrap_or(usize::MAX);
    let reading = async {
        let mut body = Vec::new();
        while let Some(chunk) = session.read_request_body().await.map_err(broken)? {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(Denial::PayloadTooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    // For the whole of it: nobody sends one of these slowly in good faith.
    let late = |_elapsed| Denial::RequestTimeout;
    timeout(limits.client_read, reading).await.map_err(late)?
}

fn broken(e: Box<pingora::Error>) -> Denial {
    log::debug!("an operator's request broke off: {e}");
    Denial::BadRequest
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map(http::HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split(|&byte| byte == b';').next());
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json"))
}
