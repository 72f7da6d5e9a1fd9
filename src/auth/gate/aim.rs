//! What a request is for, before anybody asks who sent it.

use super::Endpoint;
use crate::auth::cors::{Caller, Cors};
use crate::auth::denial::Denial;
use crate::auth::policy::Policy;
use crate::auth::rules::Selected;
use crate::domain::path::RequestPath;
use crate::domain::request::RequestView;

/// Whose business a request is.
#[derive(Debug)]
pub enum Aim<'a> {
    /// A CORS preflight: ours to answer.
    Preflight,
    /// One of our own endpoints.
    Endpoint(Endpoint),
    /// The app, under what its rules ask for.
    App(Selected<'a>),
}

impl Policy {
    /// Whose business a request is: the part of [`Policy::decide`] that does not depend on
    /// who sent it.
    ///
    /// # Errors
    /// The denial of what nobody may ask.
    pub fn aim(&self, view: &RequestView<'_>) -> Result<Aim<'_>, Denial> {
        self.aim_of(view, &self.cors.caller(view))
    }

    pub(super) fn aim_of(
        &self,
        view: &RequestView<'_>,
        caller: &Caller,
    ) -> Result<Aim<'_>, Denial> {
        self.well_formed(view)?;
        let path = RequestPath::parse(view.path).map_err(|_doubt| Denial::PathAmbiguous)?;
        caller.admit()?;
        if Cors::is_preflight(view) {
            return Ok(Aim::Preflight);
        }
        Ok(match self.endpoint(view)? {
            Some(endpoint) => Aim::Endpoint(endpoint),
            None => Aim::App(self.rules.select(&path, view.method)?),
        })
    }
}
