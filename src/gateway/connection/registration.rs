//! Exchanges that last are registered as open connections, so that they end with the session
//! for which they were admitted.

use std::sync::Arc;

use crate::auth::denial::Denial;
use crate::auth::ports::Revoked as _;
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::connection::surroundings::Surroundings;
use crate::service::live_connections::Cancel;

/// Registers an exchange, once, if it lasts and must not outlive its session.
pub(crate) fn register(handle: &Arc<CancelHandle>, surroundings: &dyn Surroundings) {
    let Some(admitted) = handle.admitted() else {
        return;
    };
    if handle.progress.may_finish.get() || !handle.takes_registration() {
        return;
    }
    let exchange: Arc<dyn Cancel> = Arc::<CancelHandle>::clone(handle);
    let sessions = surroundings.sessions();
    let whose = (admitted.session, &admitted.user);
    let count = surroundings.metrics().session_connection();
    sessions.live.add(whose, admitted.until, &exchange, count);
    // It ended while it was registered, and may not have been found.
    if !handle.is_registered() {
        sessions.live.remove(admitted.session, &exchange);
    }
    // Revoked since the gate looked, and before the exchange stood in the list.
    if sessions.index.is_revoked(admitted.session, &admitted.user) {
        handle.cancel(Denial::of_revoked(admitted.session));
    }
}

/// Runs a request; `None` if it was ended from outside. What is counted and registered of it
/// goes with it, however it ends.
pub(crate) async fn run<T>(
    handle: &Arc<CancelHandle>,
    surroundings: &dyn Surroundings,
    request: impl Future<Output = T>,
) -> Option<T> {
    let _until_its_end = Held {
        handle,
        surroundings,
    };
    handle.run_until_cancelled(request).await
}

/// A request that goes on.
struct Held<'a> {
    handle: &'a Arc<CancelHandle>,
    surroundings: &'a dyn Surroundings,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.surroundings.unread().forget(self.handle);
        if self.handle.ends()
            && let Some(admitted) = self.handle.admitted()
        {
            let exchange: Arc<dyn Cancel> = Arc::<CancelHandle>::clone(self.handle);
            let live = &self.surroundings.sessions().live;
            live.remove(admitted.session, &exchange);
        }
    }
}
