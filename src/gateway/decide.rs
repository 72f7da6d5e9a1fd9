//! From a request to what becomes of it: the gate decides, and whatever is not
//! forwarded is answered here.

use std::sync::Arc;

use http::Method;
use pingora::Result;
use pingora_proxy::Session;

use crate::adapters::clock;
use crate::auth::gate::Decision;
use crate::domain::request::Framing;
use crate::gateway::endpoints::{self, EndpointRequest};
use crate::gateway::request::admission::Admission;
use crate::gateway::request::ctx::{Ctx, Stage};
use crate::gateway::request::inbound::Facts;
use crate::gateway::request::own_reply;
use crate::gateway::shared_state::SharedState;
use crate::service::authorize::authorize;

/// Decides; `true` if the request has been answered.
///
/// # Errors
/// If the client is gone.
pub(super) async fn decide(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<bool> {
    let snapshot = &ctx.snapshot;
    let (settings, policy) = (&snapshot.settings, &snapshot.policy);
    let facts = Facts::of(session, &settings.trusted_proxies, &policy.client_headers);
    let facts = ctx.facts.insert(facts);
    let view = facts.view(session);
    if facts.peer.trusted || facts.drops_headers {
        shared.hints.of_words(facts.peer, view.headers);
    }
    let sessions = shared.sessions.as_ref();
    let authorized = authorize(policy, &view, clock::now(), sessions).await;
    let decision = authorized.decision;
    shared
        .hints
        .of_refusal(facts.peer, &view, &decision, snapshot);
    ctx.reply_headers = authorized.reply_headers;
    ctx.user = authorized.user;
    if facts.request.framing != Framing::Plain {
        // What comes behind is no request.
        session.set_keepalive(None);
    }
    match decision {
        Decision::Forward(pass) => {
            if let (Some(admitted), Some(handle)) = (pass.session(), &ctx.handle) {
                handle.admit(admitted);
                if session.req_header().method == Method::HEAD {
                    handle.progress.asks_for_head.set(true);
                }
            }
            let admission = Admission::new(pass, authorized.arrival, session);
            ctx.stage = Stage::Admitted(admission);
            Ok(false)
        }
        Decision::Serve(endpoint, caller) => {
            let asked = EndpointRequest::of(&facts.view(session), policy);
            Box::pin(endpoints::serve(
                shared, session, ctx, endpoint, caller, asked,
            ))
            .await?;
            Ok(true)
        }
        Decision::Deny(denial, shown) => {
            Box::pin(own_reply::deny(session, ctx, denial, &shown)).await?;
            Ok(true)
        }
    }
}
