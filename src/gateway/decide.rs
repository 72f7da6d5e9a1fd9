//! From a request to what becomes of it: the gate decides, and whatever is not
//! forwarded is answered here.

use std::sync::Arc;

use http::Method;
use pingora::Result;
use pingora_proxy::Session;

use crate::adapters::{clock, entropy};
use crate::auth::bounce::Arrival;
use crate::auth::gate::Decision;
use crate::auth::refresh::RefreshTrigger;
use crate::domain::request::Framing;
use crate::gateway::endpoints::{self, EndpointRequest};
use crate::gateway::request::admission::{Admission, not_admitted};
use crate::gateway::request::ctx::{Ctx, Stage};
use crate::gateway::request::inbound::{self, Facts};
use crate::gateway::request::own_reply;
use crate::gateway::shared_state::SharedState;
use crate::service::renewal::exchange;

/// Decides; `true` if the request has been answered.
///
/// # Errors
/// If the client is gone.
pub(super) async fn decide(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<bool> {
    let (snapshot, now) = (&ctx.snapshot, clock::now());
    let facts = Facts::of(session, &snapshot.settings.trusted_proxies);
    let facts = ctx.facts.insert(facts);
    let view = facts.view(session);
    shared.hints.of_words(facts.peer, view.headers);
    let verdict = snapshot.policy.decide(&view, now);
    let decision = verdict.decision;
    shared
        .hints
        .of_refusal(facts.peer, &view, &decision, snapshot);
    ctx.reply_headers.cors = verdict.cors;
    ctx.user = verdict.refused;
    let arrival = snapshot.policy.arrival(&view, now);
    if facts.request.framing != Framing::Plain {
        // What comes behind is no request.
        session.set_keepalive(None);
    }
    if let Some(session) = presented(&decision) {
        let (generation, user) = (session.generation, session.user());
        shared
            .sessions
            .deliveries
            .note(session.id, generation, user, now);
    }
    let decision = match decision {
        Decision::Renew(ticket) => {
            let device = inbound::device(session, facts.request.client);
            let (token, way, now) = (ticket.refresh(), RefreshTrigger::Transparent, clock::now());
            let (service, random) = (&shared.sessions, entropy::random());
            let renewed =
                exchange(service, &snapshot.policy, token, way, &device, now, random).await;
            let renewed = renewed.map(|issued| {
                ctx.reply_headers.cookies = issued.cookies;
                (issued.session, issued.refresh)
            });
            let view = facts.view(session);
            let (decision, refused) = snapshot.policy.resume(&view, ticket, renewed);
            ctx.user = refused;
            decision
        }
        decided => decided,
    };
    if arrival != Arrival::Direct {
        let cleared = snapshot.policy.cookies.clear_bounce();
        ctx.reply_headers.cookies.extend(cleared);
    }
    match decision {
        Decision::Forward(pass) => {
            if let Some(admitted) = pass.session() {
                ctx.user = Some(admitted.user().clone());
                if let Some(handle) = &ctx.handle {
                    handle.admit(admitted);
                    if session.req_header().method == Method::HEAD {
                        handle.note_head();
                    }
                }
            }
            ctx.stage = Stage::Admitted(Admission::new(pass, arrival, session));
            Ok(false)
        }
        Decision::Serve(endpoint, visitor) => {
            let asked = EndpointRequest::of(&facts.view(session), &snapshot.policy);
            endpoints::serve(shared, session, ctx, endpoint, visitor, asked).await?;
            Ok(true)
        }
        Decision::Deny(denial, shown) => {
            own_reply::deny(session, ctx, denial, &shown).await?;
            Ok(true)
        }
        // Once is enough.
        Decision::Renew(_) => not_admitted(),
    }
}

/// The session whose access token came with the request, before any renewal: one that is
/// only now given out has not arrived anywhere.
fn presented(decision: &Decision) -> Option<&crate::auth::session::Session> {
    match decision {
        Decision::Forward(pass) => pass.session(),
        Decision::Serve(_, visitor) => visitor.presented.live(),
        Decision::Renew(ticket) => ticket.holder(),
        Decision::Deny(..) => None,
    }
}
