//! Renewing a session, on the way through or because a client asked.

use http::header;
use pingora_proxy::Session;

use super::house::House;
use super::snapshot::Snapshot;
use crate::adapters::observe::metrics::RefreshResult;
use crate::adapters::{clock, entropy};
use crate::auth::denial::Denial;
use crate::auth::event::{Event, EventKind};
use crate::auth::issue::Issued;
use crate::auth::refresh::{RefreshToken, Way};
use crate::auth::renewal::{Renewed, renew};
use crate::auth::revocation::Reach;
use crate::auth::stored::{Device, StoredSession};

/// The device that a request comes from.
pub(super) fn device(session: &Session, client: std::net::IpAddr) -> Device {
    let agent = session.req_header().headers.get(header::USER_AGENT);
    Device::new(client, agent.map_or(b"", |value| value.as_bytes()))
}

/// Exchanges a refresh token; a second request of the same session waits for the first.
/// Reuse ends the session.
///
/// # Errors
/// The denial that says why there is no new pair.
pub(super) async fn exchange(
    house: &House,
    snapshot: &Snapshot,
    token: &RefreshToken,
    way: Way,
    device: &Device,
) -> Result<Issued, Denial> {
    let arrived = clock::now();
    let _turn = house.turns.of(token.session).await;
    let policy = &snapshot.policy;
    let store = house.store.as_ref();
    let outcome = renew(
        policy,
        store,
        token,
        way,
        device,
        arrived,
        entropy::random(),
    )
    .await;
    let tell = |event: Event| {
        house.audit(&event.session(token.session).client(device.client));
    };
    let (result, answer) = match outcome {
        Ok(Renewed::Rotated(issued)) => {
            let user = issued.session.user();
            tell(Event::new(EventKind::Refresh).user(user));
            (RefreshResult::Rotated, Ok(issued))
        }
        Ok(Renewed::Repeated(issued)) => (RefreshResult::Repeated, Ok(issued)),
        Ok(Renewed::Refused(denial)) => (RefreshResult::Refused, Err(denial)),
        Ok(Renewed::Reused(stored)) => {
            let ended = end_reused(house, snapshot, &stored, device).await;
            (RefreshResult::Reused, Err(ended))
        }
        Err(e) => {
            log::warn!("a session could not be renewed: {e}");
            (RefreshResult::Unavailable, Err(Denial::StoreUnavailable))
        }
    };
    house.metrics.refresh(result);
    answer
}

/// Somebody has a token that was exchanged before: who of the two is the owner nobody can
/// tell, so neither goes on.
async fn end_reused(
    house: &House,
    snapshot: &Snapshot,
    stored: &StoredSession,
    device: &Device,
) -> Denial {
    let event = Event::new(EventKind::ReuseDetected)
        .user(&stored.user)
        .session(stored.id)
        .client(device.client)
        .other_client(stored.client);
    house.audit(&event);
    let lifetimes = snapshot.policy.lifetimes;
    match house.end(Reach::Session(stored.id), lifetimes).await {
        Ok(()) => Denial::SessionRevoked,
        Err(denial) => denial,
    }
}
