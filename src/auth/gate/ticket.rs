//! A request between its two visits to the gate: its access token ran out, and its session
//! is being renewed.

use std::sync::Arc;

use super::judge::Requirement;
use super::{Decision, Rejected, user_of};
use crate::auth::denial::Denial;
use crate::auth::endpoint::{EndpointSpec, SessionRule};
use crate::auth::refresh::RefreshToken;
use crate::auth::session::Session;
use crate::auth::visitor::{AccessTokenState, Caller, Refresh};

/// A request that waits for its session to be renewed.
#[derive(Debug)]
#[must_use = "a ticket that nobody redeems leaves a client waiting"]
pub struct PendingRenewal {
    pub(super) refresh: RefreshToken,
    pub(super) caller: Caller,
    pub(super) purpose: ResumeAt,
}

/// What the request wants, once it has a session.
#[derive(Debug)]
pub(super) enum ResumeAt {
    Endpoint(&'static EndpointSpec),
    App(Requirement),
}

impl PendingRenewal {
    /// What is to be exchanged.
    pub fn refresh(&self) -> &RefreshToken {
        &self.refresh
    }

    /// The session that still lives, where the renewal is early.
    pub fn holder(&self) -> Option<&Session> {
        self.caller.presented.live()
    }

    pub(super) fn resume(
        self,
        renewed: Result<(Arc<Session>, RefreshToken), Denial>,
    ) -> Result<Decision, Rejected> {
        let mut caller = self.caller;
        let holder = caller.presented.live().map(user_of);
        match renewed {
            Ok((session, refresh)) => {
                caller.presented = AccessTokenState::Live(session);
                caller.refresh = Refresh::Ours(refresh);
            }
            // It was early, and there is time to try again. Not where the session has ended:
            // a token that was exchanged before may be presented with a live one beside it.
            Err(denial) if holder.is_some() && denial != Denial::SessionRevoked => {}
            Err(denial) => {
                let denial = match &self.purpose {
                    ResumeAt::Endpoint(endpoint)
                        if endpoint.session == SessionRule::RenewedIfPossible =>
                    {
                        None
                    }
                    ResumeAt::App(demand) if denial.lacks_session() => Some(demand.refusal(denial)),
                    ResumeAt::Endpoint(_) | ResumeAt::App(_) => Some(denial),
                };
                caller.presented = AccessTokenState::Absent;
                if let Some(denial) = denial {
                    return Err(Rejected {
                        denial,
                        user: holder,
                    });
                }
            }
        }
        match self.purpose {
            ResumeAt::Endpoint(endpoint) => Ok(Decision::Serve(endpoint, caller)),
            ResumeAt::App(demand) => {
                let session = caller.presented.required()?;
                Ok(Decision::Forward(demand.admit(session)?))
            }
        }
    }
}
