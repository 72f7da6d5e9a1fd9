//! Renewing a session, on the way through or because a client asked.

use crate::adapters::observe::metrics::RefreshResult;
use crate::auth::denial::Denial;
use crate::auth::event::{Event, EventKind};
use crate::auth::issue::Issued;
use crate::auth::policy::Policy;
use crate::auth::refresh::{RefreshToken, RefreshTrigger};
use crate::auth::renewal::{Renewed, renew};
use crate::auth::stored::Device;
use crate::domain::time::Timestamp;

use super::sessions::SessionService;

/// Exchanges a refresh token that arrived at `now`; a second request of the same session waits
/// for the first. Reuse ends the session.
///
/// # Errors
/// The denial that says why there is no new pair.
pub(crate) async fn exchange(
    service: &SessionService,
    policy: &Policy,
    token: &RefreshToken,
    way: RefreshTrigger,
    device: &Device,
    now: Timestamp,
    random: [u8; 16],
) -> Result<Issued, Denial> {
    let _lock = service.locks.of(token.session).await;
    let store = service.store.as_ref();
    let outcome = renew(policy, store, token, way, device, now, random).await;
    let (result, answer) = match outcome {
        Ok(Renewed::Rotated(issued)) => {
            let event = Event::new(EventKind::Refresh).user(issued.session.user());
            service.audit(&event.session(token.session).client(device.client));
            (RefreshResult::Rotated, Ok(issued))
        }
        Ok(Renewed::Repeated(issued)) => (RefreshResult::Repeated, Ok(issued)),
        Ok(Renewed::Refused(denial)) => (RefreshResult::Refused, Err(denial)),
        Ok(Renewed::Reused(stored)) => {
            let lifetimes = policy.session.lifetimes;
            let ended = service
                .end_reused(&stored, device.client, lifetimes, now)
                .await;
            (RefreshResult::Reused, Err(ended))
        }
        Err(e) => {
            log::warn!("a session could not be renewed: {e}");
            (RefreshResult::Unavailable, Err(Denial::StoreUnavailable))
        }
    };
    service.metrics().refresh(result);
    answer
}
