//! Whose requests are heard: our own origin, the allowed ones, and those without any.

use std::time::Duration;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::denial::Denial;
use crate::domain::origin::Origin;
use crate::domain::reply::Reply;
use crate::domain::request::{FetchSite, Host, RequestView};

const ANYONE: HeaderValue = HeaderValue::from_static("*");

/// Where a request says it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOrigin {
    /// No `Origin` header.
    Unsaid,
    /// Our own pages.
    Ours,
    /// An allowed origin, to be named in the answer.
    Allowed(HeaderValue),
    /// Anybody else; refused.
    Foreign,
    /// Whoever it is, where pages of every origin may read.
    Anyone,
}

/// `cors`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsSettings {
    /// Whose pages may call with the user's session.
    pub allowed_origins: Vec<Origin>,
    /// Of these, those of apps and extensions, as they serialise them.
    pub app_origins: Vec<String>,
    /// Method names.
    pub allowed_methods: Vec<String>,
    /// Lower-case header names.
    pub allowed_headers: Vec<String>,
    /// Header names.
    pub exposed_headers: Vec<String>,
    /// How long a browser may remember a preflight.
    pub max_age: Duration,
}

impl CorsSettings {
    /// Every origin that is allowed, as it is sent.
    fn all_origins(&self) -> Vec<String> {
        let web = self.allowed_origins.iter().map(ToString::to_string);
        web.chain(self.app_origins.iter().cloned()).collect()
    }
}

/// The operator's choice, with the header values rendered once.
#[derive(Clone, Debug)]
pub struct Cors {
    ours: Option<Origin>,
    allowed: Vec<HeaderValue>,
    methods: HeaderValue,
    headers: HeaderValue,
    exposed: Option<HeaderValue>,
    max_age: HeaderValue,
}

impl Cors {
    /// `ours` is `public_url`; the lists were checked by the configuration, what could not
    /// stand in a header is left out.
    pub fn new(ours: Option<&Origin>, settings: &CorsSettings) -> Self {
        let list = |items: &[String]| {
            HeaderValue::try_from(items.join(", ")).unwrap_or(HeaderValue::from_static(""))
        };
        let exposed = &settings.exposed_headers;
        let allowed = settings.all_origins().into_iter();
        Self {
            ours: ours.cloned(),
            allowed: allowed
                .filter_map(|origin| HeaderValue::try_from(origin).ok())
                .collect(),
            methods: list(&settings.allowed_methods),
            headers: list(&settings.allowed_headers),
            exposed: (!exposed.is_empty()).then(|| list(exposed)),
            max_age: HeaderValue::from(settings.max_age.as_secs()),
        }
    }

    /// Who is calling. Works on bytes: an `Origin` that is not ASCII is foreign, not
    /// absent, and so are two of them.
    pub fn caller(&self, view: &RequestView<'_>) -> RequestOrigin {
        if !view.headers.contains_key(header::ORIGIN) {
            return RequestOrigin::Unsaid;
        }
        let Some(value) = view.only(&header::ORIGIN) else {
            return RequestOrigin::Foreign;
        };
        // First, so that an allowed origin reads its name whatever else is said of it.
        let mut allowed = self.allowed.iter();
        if let Some(allowed) = allowed.find(|allowed| allowed.as_bytes() == value) {
            return RequestOrigin::Allowed(allowed.clone());
        }
        if self.is_ours(value, view) {
            RequestOrigin::Ours
        } else {
            RequestOrigin::Foreign
        }
    }

    fn is_ours(&self, value: &[u8], view: &RequestView<'_>) -> bool {
        let same_origin = view.fetch_site() == FetchSite::SameOrigin;
        if value == b"null" {
            return same_origin;
        }
        let Some(origin) = Origin::parse(value) else {
            return false;
        };
        match (&self.ours, &view.facts.host) {
            (Some(ours), _) => *ours == origin,
            (None, _) if same_origin => true,
            (None, Host::At(authority)) => {
                origin.scheme() == view.facts.scheme
                    && origin.authority().same_place(authority, view.facts.scheme)
            }
            (None, _) => false,
        }
    }

    /// Whether this is a preflight (Fetch §4.8): OPTIONS with an `Origin` and the
    /// method that it asks for.
    pub fn is_preflight(view: &RequestView<'_>) -> bool {
        *view.method == Method::OPTIONS
            && view.headers.contains_key(header::ORIGIN)
            && view
                .headers
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The answer to a preflight of an origin that is not foreign: 204, no session
    /// asked. The lists are explicit: with credentials a `*` would be a literal.
    pub fn preflight(&self) -> Reply {
        Reply::empty(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone())
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone())
            .header(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone())
    }

    /// The answer to a preflight for what pages of every origin may read: without
    /// credentials `*` stands for all methods and all headers but `Authorization`.
    pub fn open_preflight(&self) -> Reply {
        Reply::empty(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, ANYONE)
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, ANYONE)
            .header(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone())
    }

    /// The headers that let a page of an allowed origin read the answer.
    pub fn answer(&self, caller: &RequestOrigin) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if *caller == RequestOrigin::Anyone {
            // Without credentials, so that a browser hands nobody's cookies over for it.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
            if let Some(exposed) = &self.exposed {
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
            }
        }
        if let RequestOrigin::Allowed(origin) = caller {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
            if let Some(exposed) = &self.exposed {
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
            }
        }
        headers
    }
}

/// Whether a header speaks of CORS. Ours replace all that the app says of it, since two
/// `Access-Control-Allow-Origin` make a browser refuse.
pub(crate) fn is_of_cors(name: &HeaderName) -> bool {
    name.as_str().starts_with("access-control-")
}

impl RequestOrigin {
    /// # Errors
    /// [`Denial::OriginNotAllowed`] for a foreign origin.
    pub fn admit(&self) -> Result<(), Denial> {
        match self {
            Self::Foreign => Err(Denial::OriginNotAllowed),
            Self::Unsaid | Self::Ours | Self::Allowed(_) | Self::Anyone => Ok(()),
        }
    }
}
