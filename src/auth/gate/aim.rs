//! What a request is for, before anybody asks who sent it.

use http::Method;
use http::header;

use crate::auth::cors::{Cors, RequestOrigin};
use crate::auth::denial::Denial;
use crate::auth::endpoint::{Endpoint, EndpointSpec, OPEN_PREFLIGHT, PREFLIGHT};
use crate::auth::policy::Policy;
use crate::auth::rules::{Openness, Selected};
use crate::domain::path::RequestPath;
use crate::domain::request::RequestView;

/// Whose business a request is.
#[derive(Debug)]
pub enum Aim<'a> {
    /// A CORS preflight: ours to answer, by this endpoint.
    Preflight(&'static EndpointSpec),
    /// One of our own endpoints.
    Endpoint(&'static EndpointSpec),
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
        self.aim_of(view, &mut self.cors.caller(view))
    }

    /// Whether a head that is too large is let in nevertheless: to the endpoint that deletes
    /// what makes it so, and to nothing else. The attack: a sibling host sets cookies for the
    /// whole domain until every page is a 431, the login too.
    fn is_way_out(&self, view: &RequestView<'_>) -> bool {
        let ours = self.endpoint(view).ok().flatten();
        ours.is_some_and(|ours| ours.id == Endpoint::DeleteCookies)
    }

    /// The same; a caller whom the path lets in, whoever it is, becomes [`RequestOrigin::Anyone`].
    pub(super) fn aim_of(
        &self,
        view: &RequestView<'_>,
        caller: &mut RequestOrigin,
    ) -> Result<Aim<'_>, Denial> {
        if let Err(too_large) = self.fits(view)
            && !self.is_way_out(view)
        {
            return Err(too_large);
        }
        self.well_formed(view)?;
        let path = RequestPath::parse(view.path).map_err(|_doubt| Denial::PathAmbiguous)?;
        let is_preflight = Cors::is_preflight(view);
        let selected = match (self.endpoint(view), is_preflight) {
            (Ok(None), false) => self.rules.select(&path, view.method),
            (Ok(None), true) => self.rules.select(&path, &announced(view)),
            (ours, _) => {
                caller.admit()?;
                if is_preflight {
                    return Ok(Aim::Preflight(&PREFLIGHT));
                }
                return ours?.map_or(Err(Denial::NotFound), |ours| Ok(Aim::Endpoint(ours)));
            }
        };
        let preflight = match selected.openness() {
            Openness::AnyOrigin => {
                *caller = RequestOrigin::Anyone;
                &OPEN_PREFLIGHT
            }
            _ => {
                caller.admit()?;
                &PREFLIGHT
            }
        };
        Ok(match is_preflight {
            true => Aim::Preflight(preflight),
            false => Aim::App(selected),
        })
    }
}

/// The method that a preflight asks for. One that is none matches no rule that names methods.
fn announced(view: &RequestView<'_>) -> Method {
    let asked = view.only(&header::ACCESS_CONTROL_REQUEST_METHOD);
    let asked = asked.and_then(|method| Method::from_bytes(method).ok());
    asked.unwrap_or(Method::OPTIONS)
}
