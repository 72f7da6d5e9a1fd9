//! From a request to what becomes of it: the gate decides, and whatever is not
//! forwarded is answered here.

use std::sync::Arc;

use http::Method;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::ctx::{Ctx, Stage};
use super::endpoints::{self, Asked};
use super::house::House;
use super::inbound::{self, Peer};
use super::respond;
use super::untold::Untold;
use crate::adapters::{clock, entropy};
use crate::auth::bounce::Arrival;
use crate::auth::gate::Decision;
use crate::auth::refresh::Way;
use crate::domain::origin::Scheme;
use crate::domain::request::Framing;
use crate::service::renewal::exchange;

/// Decides; `true` if the request has been answered.
///
/// # Errors
/// If the client is gone.
pub(super) async fn decide(
    house: &Arc<House>,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<bool> {
    let snapshot = Arc::clone(&ctx.snapshot);
    let proxies = &snapshot.settings.trusted_proxies;
    let peer = Peer::of(session, proxies);
    ctx.peer = Some(peer);
    let (client, decision, in_doubt) = {
        let view = inbound::view(session, peer, proxies);
        ctx.over_tls = view.scheme == Scheme::Https;
        house.hints.of_words(peer, view.headers);
        let verdict = snapshot.policy.decide(&view, clock::now());
        house
            .hints
            .of_refusal(peer, &view, &verdict.decision, &snapshot);
        ctx.cors = verdict.cors;
        ctx.user = verdict.refused;
        ctx.arrival = snapshot.policy.arrival(&view, clock::now());
        let in_doubt = view.framing != Framing::Plain;
        (view.client, verdict.decision, in_doubt)
    };
    if in_doubt {
        // What comes behind is no request.
        session.set_keepalive(None);
    }
    ctx.client = Some(client);
    if let Some(session) = presented(&decision) {
        let (generation, user) = (session.generation, session.user());
        let now = clock::now();
        house
            .sessions
            .deliveries
            .note(session.id, generation, user, now);
    }
    let decision = match decision {
        Decision::Renew(ticket) => {
            let device = inbound::device(session, client);
            let (token, way, now) = (ticket.refresh(), Way::Through, clock::now());
            let (service, random) = (&house.sessions, entropy::random());
            let renewed =
                exchange(service, &snapshot.policy, token, way, &device, now, random).await;
            let renewed = renewed.map(|issued| {
                ctx.cookies = issued.cookies;
                (issued.session, issued.refresh)
            });
            let view = inbound::view(session, peer, proxies);
            let (decision, refused) = snapshot.policy.resume(&view, ticket, renewed);
            ctx.user = refused;
            decision
        }
        decided => decided,
    };
    if ctx.arrival != Arrival::Direct {
        ctx.cookies.extend(snapshot.policy.cookies.clear_bounce());
    }
    match decision {
        Decision::Forward(pass) => {
            ctx.untold = Some(Untold::of(session));
            if let Some(admitted) = pass.session() {
                ctx.user = Some(admitted.user().clone());
                if let Some(leash) = &ctx.leash {
                    leash.admit(admitted);
                    if session.req_header().method == Method::HEAD {
                        leash.note_head();
                    }
                }
            }
            ctx.stage = Stage::Admitted(pass);
            Ok(false)
        }
        Decision::Serve(endpoint, visitor) => {
            let asked = {
                let view = inbound::view(session, peer, proxies);
                Asked::of(&view, &snapshot.policy)
            };
            endpoints::serve(house, session, ctx, endpoint, visitor, asked).await?;
            Ok(true)
        }
        Decision::Deny(denial, shown) => {
            respond::deny(session, ctx, denial, &shown).await?;
            Ok(true)
        }
        // Once is enough.
        Decision::Renew(_) => not_admitted(),
    }
}

/// No `Pass`, no upstream. Cannot happen; if it does, it fails closed.
pub(super) fn not_admitted<T>() -> Result<T> {
    Error::e_explain(ErrorType::InternalError, "the request was not admitted")
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
