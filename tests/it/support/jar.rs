//! What a browser keeps of our cookies.

use serde_json::Value;

use super::{Gateway, Request, Response, token};

/// The cookies of one browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar {
    /// `__Host-doorward`
    pub access: Option<String>,
    /// `__Host-doorward-refresh`
    pub refresh: Option<String>,
    /// `__Host-doorward-csrf`
    pub csrf: Option<String>,
}

impl Jar {
    /// Signs in.
    #[track_caller]
    pub fn login(gateway: &Gateway, username: &str, password: &str) -> Self {
        let answer = gateway.try_login(username, password);
        assert_eq!(answer.status, 303, "{username} cannot sign in: {answer}");
        Self::of(&answer)
    }

    /// Alice's browser.
    #[track_caller]
    pub fn alice(gateway: &Gateway) -> Self {
        Self::login(gateway, "alice", super::users::ALICE_PASSWORD)
    }

    /// Bob's browser.
    #[track_caller]
    pub fn bob(gateway: &Gateway) -> Self {
        Self::login(gateway, "bob", super::users::BOB_PASSWORD)
    }

    /// What this answer leaves in an empty browser.
    pub fn of(answer: &Response) -> Self {
        let mut jar = Self::default();
        jar.take(answer);
        jar
    }

    /// Keeps what an answer sets, and drops what it clears.
    pub fn take(&mut self, answer: &Response) {
        for cookie in answer.cookies() {
            let place = match cookie.name.as_str() {
                "__Host-doorward" => &mut self.access,
                "__Host-doorward-refresh" => &mut self.refresh,
                "__Host-doorward-csrf" => &mut self.csrf,
                _ => continue,
            };
            *place = (!cookie.clears()).then_some(cookie.value);
        }
    }

    /// The text for a `Cookie` field.
    pub fn cookies(&self) -> String {
        let pairs = [
            ("__Host-doorward", &self.access),
            ("__Host-doorward-refresh", &self.refresh),
            ("__Host-doorward-csrf", &self.csrf),
        ];
        let there = pairs
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
        there.collect::<Vec<_>>().join("; ")
    }

    /// The same browser without its access token, as after its end.
    pub fn without_access(&self) -> Self {
        Self {
            access: None,
            ..self.clone()
        }
    }

    /// The same browser without its refresh token.
    pub fn without_refresh(&self) -> Self {
        Self {
            refresh: None,
            ..self.clone()
        }
    }

    /// `GET`, as a script would; what it sets is not kept.
    #[track_caller]
    pub fn get(&self, gateway: &Gateway, target: &str) -> Response {
        gateway.get(target, &self.cookies())
    }

    /// A request with these cookies from our own origin.
    pub fn request(&self, gateway: &Gateway, method: &str, target: &str) -> Request {
        let request = gateway.request(method, target).own_origin();
        request.cookie(&self.cookies())
    }

    /// `POST /refresh`; what it sets is not kept.
    #[track_caller]
    pub fn post_refresh(&self, gateway: &Gateway) -> Response {
        self.request(gateway, "POST", "/refresh").send()
    }

    /// The same with the CSRF token in its header.
    #[track_caller]
    pub fn post_refresh_with_token(&self, gateway: &Gateway) -> Response {
        let token = self.csrf.as_deref().unwrap_or_default();
        let request = self.request(gateway, "POST", "/refresh");
        request.header("X-CSRF-Token", token).send()
    }

    /// `POST /refresh`; the new pair is kept.
    #[track_caller]
    pub fn refresh(&mut self, gateway: &Gateway) {
        let answer = self.post_refresh(gateway);
        assert_eq!(answer.status, 200, "no refresh: {answer}");
        self.take(&answer);
    }

    /// The claims of the access token.
    #[track_caller]
    pub fn claims(&self) -> Value {
        let access = self.access.as_ref().expect("there is an access token");
        token::parts(access).1
    }

    /// The session's id.
    #[track_caller]
    pub fn session(&self) -> String {
        self.claims()["sid"].as_str().unwrap().to_owned()
    }
}
