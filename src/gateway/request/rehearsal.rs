//! A request taken through the gate and out again, with no client and no app: for whoever
//! looks at many, such as a fuzzer.
//!
//! What reads the head, decides and makes the app's head are the functions that serve; what
//! is left out is pingora between them, which takes hop-by-hop fields out and adds none.
//! Nothing is sent, and nothing that lasts is changed.

use std::sync::Arc;

use pingora::protocols::http::authority::validate_request_authority;
use pingora::protocols::http::v1::client::http_req_header_to_wire;
use pingora_proxy::Session;
use tokio::io::{AsyncWriteExt, duplex};

use crate::auth::denial::Denial;
use crate::auth::endpoint::Endpoint;
use crate::auth::gate::Decision;
use crate::auth::session::Session as SignedIn;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::gateway::connection::framing::Framing;
use crate::gateway::request::admission::Admission;
use crate::gateway::request::ctx::{Ctx, Stage};
use crate::gateway::request::inbound::Facts;
use crate::gateway::request::outbound;
use crate::gateway::request::versions;
use crate::gateway::shared_state::SharedState;
use crate::service::authorize::{Sessions, authorize};

/// What becomes of a request head.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a rehearsal changes nothing"]
pub enum Rehearsed {
    /// Not a request head, or none that pingora takes: no hook would see it.
    Unread,
    /// Refused.
    Denied(Denial),
    /// One of our own endpoints answers.
    Served(Endpoint),
    /// Admitted to the app.
    Forwarded {
        /// Whose session it was; `None`: an anonymous visitor of a public path.
        session: Option<(SessionId, UserId)>,
        /// Request line and fields as the app would read them, with the empty line.
        head: Vec<u8>,
    },
}

/// Takes one head through the gate at `now`, as if it came from this machine.
pub async fn rehearse(
    shared: &Arc<SharedState>,
    head: &[u8],
    now: Timestamp,
    sessions: &impl Sessions,
) -> Rehearsed {
    let Some(mut session) = read(head).await else {
        return Rehearsed::Unread;
    };
    frame(&mut session, head);
    versions::arrived(&mut session);
    let mut ctx = Ctx::new(shared);
    let snapshot = &ctx.snapshot;
    let facts = Facts::of(
        &session,
        &snapshot.settings.trusted_proxies,
        &snapshot.policy.client_headers,
    );
    let facts = ctx.facts.insert(facts);
    let view = facts.view(&session);
    let authorized = authorize(&snapshot.policy, &view, now, sessions).await;
    let pass = match authorized.decision {
        Decision::Deny(denial, _) => return Rehearsed::Denied(denial),
        Decision::Serve(endpoint, _) => return Rehearsed::Served(endpoint.id),
        Decision::Forward(pass) => pass,
    };
    let of = |session: &SignedIn| (session.id, session.user().clone());
    let signed_in = pass.session().map(of);
    let admission = Admission::new(pass, authorized.arrival, &session);
    ctx.stage = Stage::Admitted(admission);
    let mut upstream = session.req_header().clone();
    let sent = outbound::request(&mut session, &mut upstream, &ctx)
        .and_then(|()| validate_request_authority(&upstream));
    match (sent, http_req_header_to_wire(&upstream)) {
        (Ok(()), Some(head)) => Rehearsed::Forwarded {
            session: signed_in,
            head: head.to_vec(),
        },
        _ => Rehearsed::Denied(Denial::BadRequest),
    }
}

/// The head as pingora reads it from a client that then says no more.
/// As the line of a connection does it.
fn frame(session: &mut Session, head: &[u8]) {
    let mut framing = Framing::head();
    let raw = session.downstream_session.to_h1_raw();
    let begun = framing
        .take(head)
        .and_then(|_taken| framing.begin(session.req_header(), &raw));
    if let Err(doubt) = begun {
        session.req_header_mut().extensions_mut().insert(doubt);
    }
}

async fn read(head: &[u8]) -> Option<Session> {
    let (mut client, server) = duplex(head.len().max(1));
    client.write_all(head).await.ok()?;
    client.shutdown().await.ok()?;
    let mut session = Session::new_h1(Box::new(server));
    let whole = session.downstream_session.read_request().await;
    whole.is_ok_and(|whole| whole).then_some(session)
}
