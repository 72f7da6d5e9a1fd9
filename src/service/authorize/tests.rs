//! What travels with a decision, without a server: who was asked for a renewal, and with what.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use parking_lot::Mutex;

use super::*;
use crate::auth::issue::{self, Issued};
use crate::auth::redirect::Presentation;
use crate::auth::test_support::{NOW, get, policy_with, user};
use crate::service::test_support::service;

fn policy() -> Policy {
    policy_with(vec![user("1001", "alice", &["admin"])], |_| {})
}

/// The session of Alice who signed in so many seconds ago.
fn signed_in(policy: &Policy, ago: u64) -> Issued {
    let principal = &policy.principals[&UserId::new("1001")];
    let device = Device::new(std::net::Ipv4Addr::LOCALHOST.into(), b"");
    let now = NOW.before(Duration::from_secs(ago));
    issue::rehearse(policy, principal, &device, now, ([200; 10], [1; 16])).unwrap()
}

/// A request with the first so many cookies of a login: the access token, and the refresh token.
fn with_cookies(issued: &Issued, count: usize) -> HeaderMap {
    let pairs = issued.cookies.iter().take(count);
    let pairs = pairs.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    let cookies = pairs.collect::<Vec<_>>().join("; ");
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::try_from(cookies).unwrap());
    headers
}

/// Writes down what it is asked for; a renewal gives a session of now, or nothing.
struct Recorder<'a>(&'a Policy, Result<(), Denial>, Mutex<Vec<&'static str>>);

impl Sessions for Recorder<'_> {
    fn arrived(&self, _session: &Session, _view: &RequestView<'_>, _now: Timestamp) {
        self.2.lock().push("arrived");
    }

    async fn renew(
        &self,
        _policy: &Policy,
        _token: &RefreshToken,
        _device: &Device,
        _now: Timestamp,
    ) -> Result<Issued, Denial> {
        self.2.lock().push("renew");
        self.1.map(|()| signed_in(self.0, 0))
    }
}

fn outcome(authorized: &Authorized) -> String {
    match &authorized.decision {
        Decision::Deny(denial, _) => denial.code().to_owned(),
        Decision::Serve(endpoint, _) => endpoint.name.to_owned(),
        Decision::Forward(pass) => match pass.session() {
            Some(session) => format!("as {}", session.user()),
            None => "anonymous".to_owned(),
        },
    }
}

#[tokio::test]
async fn the_cookies_of_a_renewal_travel_with_the_decision() {
    let policy = policy();
    let revoked = Err(Denial::SessionRevoked);
    for (case, target, ago, cookies, renewal, asked, expected, given) in [
        ("fresh", "/x", 10, 2, Ok(()), &["arrived"][..], "as 1001", 0),
        (
            "due",
            "/x",
            890,
            2,
            Ok(()),
            &["arrived", "renew"],
            "as 1001",
            2,
        ),
        ("expired", "/x", 901, 2, Ok(()), &["renew"], "as 1001", 2),
        (
            "over",
            "/x",
            901,
            2,
            revoked,
            &["renew"],
            "session_revoked",
            0,
        ),
        (
            "no refresh",
            "/x",
            901,
            1,
            Ok(()),
            &[],
            "session_expired",
            0,
        ),
        ("public", "/public/x", 901, 2, Ok(()), &[], "anonymous", 0),
    ] {
        let sessions = Recorder(&policy, renewal, Mutex::default());
        let headers = with_cookies(&signed_in(&policy, ago), cookies);
        let view = get(target, &headers);
        let authorized = authorize(&policy, &view, NOW, &sessions).await;
        assert_eq!(outcome(&authorized), expected, "{case}");
        assert_eq!(*sessions.2.lock(), asked, "{case}");
        assert_eq!(authorized.reply_headers.cookies.len(), given, "{case}");
        let user = authorized.user.map(|user| user.to_string());
        let is_known = expected == "as 1001";
        assert_eq!(user.as_deref(), is_known.then_some("1001"), "{case}");
    }
}

#[tokio::test]
async fn a_rehearsal_asks_its_function_and_keeps_nothing() {
    let policy = policy();
    let renew = |_: &RefreshToken| Err(Denial::StoreUnavailable);
    let headers = with_cookies(&signed_in(&policy, 901), 2);
    let authorized = authorize(&policy, &get("/x", &headers), NOW, &renew).await;
    assert_eq!(outcome(&authorized), "store_unavailable");
    assert!(matches!(
        authorized.decision,
        Decision::Deny(_, Presentation::Problem)
    ));
}

#[tokio::test]
async fn the_service_notes_what_arrived_and_has_no_session_that_nobody_opened() {
    let (policy, (service, _)) = (policy(), service());
    let issued = signed_in(&policy, 890);
    let headers = with_cookies(&issued, 2);
    let sessions: &SessionService = Arc::as_ref(&service);
    let authorized = authorize(&policy, &get("/x", &headers), NOW, sessions).await;
    assert!(
        !service.deliveries.is_flushed(),
        "the arrival was not noted"
    );
    assert_eq!(outcome(&authorized), "session_revoked");
}
