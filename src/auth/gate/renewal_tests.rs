//! The gate and sessions that may be renewed: when, for what, and what comes after.

use std::sync::Arc;
use std::time::Duration;

use super::tests::{Ask, ask, claims, cookie_of, navigate, policy};
use super::*;
use crate::auth::claims::Dates;
use crate::auth::policy::Renewal;
use crate::auth::ports::{Revoked, Tokens};
use crate::auth::test_support::{Ended, NOW, PlainTokens, policy_with, user};

fn session(number: u8) -> SessionId {
    SessionId::new(NOW, [number; 10])
}

fn refresh_of(session: SessionId) -> String {
    let token = RefreshToken {
        session,
        generation: 3,
        ends: NOW.after(Duration::from_secs(60)),
    };
    let sealed = PlainTokens.seal_refresh(&token).unwrap();
    format!("__Host-doorward-refresh={sealed}")
}

fn both(access: &str) -> String {
    format!("{access}; {}", refresh_of(session(1)))
}

fn expired() -> String {
    let mut claims = claims("1002");
    (claims.iat, claims.exp) = (NOW.secs() - 900, NOW.secs());
    cookie_of(&claims)
}

/// A live token of a fifteen-minute life with so many seconds left.
fn live(left: u64) -> String {
    let mut claims = claims("1002");
    (claims.iat, claims.exp) = (NOW.secs() + left - 900, NOW.secs() + left);
    // With this session it draws 158 of 256: due in the last 55 seconds.
    claims.generation = 1;
    cookie_of(&claims)
}

#[test]
fn a_session_is_renewed_where_nothing_but_time_is_wrong() {
    let policy = policy();
    let altered = "__Host-doorward=00ff".to_owned();
    let foreign_key = {
        let mut claims = claims("1002");
        claims.ver = "9.other".into();
        claims.exp = NOW.secs();
        cookie_of(&claims)
    };
    let of_another = {
        let mut claims = claims("1002");
        (claims.iat, claims.exp) = (NOW.secs() - 900, NOW.secs());
        claims.sid = session(2).to_string();
        cookie_of(&claims)
    };
    let not_ours = format!("{}; __Host-doorward-refresh=x", expired());
    let twice = format!("{}; {}", refresh_of(session(1)), refresh_of(session(1)));
    for (name, cookies, expected) in [
        ("absent", refresh_of(session(1)), "renew 3"),
        ("expired", both(&expired()), "renew 3"),
        ("live", both(&live(890)), "as 1002"),
        ("live, the last second", both(&live(1)), "renew 3"),
        ("altered", both(&altered), "session_invalid problem"),
        (
            "changed user",
            both(&foreign_key),
            "session_revoked problem",
        ),
        (
            "of another session",
            both(&of_another),
            "session_expired problem",
        ),
        (
            "a refresh token of others",
            not_ours,
            "session_expired problem",
        ),
        ("two refresh tokens", twice, "session_required problem"),
        ("expired alone", expired(), "session_expired problem"),
    ] {
        let request = ask("GET", "/x", &[("cookie", &cookies)]);
        assert_eq!(request.outcome(&policy), expected, "{name}");
    }
}

#[test]
fn a_revoked_session_is_never_renewed() {
    let ended = Ended::default();
    ended.0.lock().unwrap().push(session(1));
    let policy = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.revoked = Arc::new(ended);
    });
    for cookies in [both(&expired()), both(&live(890))] {
        let request = ask("GET", "/x", &[("cookie", &cookies)]);
        assert_eq!(request.outcome(&policy), "session_revoked problem");
    }
}

#[test]
fn neither_token_passes_for_the_other() {
    let policy = policy();
    let sealed = refresh_of(session(1));
    let as_access = sealed.replace("-refresh=", "=");
    let as_refresh = live(890).replace("doorward=", "doorward-refresh=");
    let request = ask("GET", "/x", &[("cookie", &as_access)]);
    assert_eq!(request.outcome(&policy), "session_invalid problem");
    let request = ask("GET", "/x", &[("cookie", &as_refresh)]);
    assert_eq!(request.outcome(&policy), "session_required problem");
}

#[test]
fn what_is_renewed_and_what_is_not() {
    let policy = policy();
    let cookies = both(&expired());
    let with = |request: Ask| request.with("cookie", &cookies).outcome(&policy);
    for (request, expected) in [
        (ask("GET", "/public/x", &[]), "anonymous"),
        (ask("GET", "/never", &[]), "forbidden problem"),
        (ask("POST", "/login", &[]), "Login"),
        (ask("POST", "/logout", &[]), "Logout"),
        (ask("POST", "/refresh", &[]), "Refresh"),
        (ask("GET", "/logout", &[]), "LogoutPage"),
        (navigate("GET", "/login?rd=/a", "none"), "renew 3"),
        (ask("GET", "/_doorward/session", &[]), "renew 3"),
        (ask("GET", "/_doorward/sessions", &[]), "renew 3"),
        (ask("POST", "/_doorward/sessions", &[]), "renew 3"),
        (ask("POST", "/revoke", &[]), "renew 3"),
        (ask("POST", "/x", &[]), "renew 3"),
        (navigate("GET", "/x", "none"), "renew 3"),
        (
            ask("POST", "/x", &[("sec-fetch-site", "cross-site")]),
            "csrf_failed problem",
        ),
        (
            ask("GET", "/x", &[("origin", "https://evil.example")]),
            "origin_not_allowed problem",
        ),
    ] {
        let name = format!("{} {:?}", request.method, request.view().path);
        assert_eq!(with(request), expected, "{name}");
    }
    let mut large = ask("POST", "/x", &[("cookie", &cookies)]);
    large.set_length(11);
    let small = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.sizes.request_body = Some(10);
    });
    assert_eq!(large.outcome(&small), "payload_too_large problem");
}

#[test]
fn with_renewal_by_endpoint_nothing_is_renewed_on_the_way() {
    let policy = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.session.renewal = Renewal::Endpoint;
    });
    let cookies = both(&expired());
    for (request, expected) in [
        (ask("GET", "/x", &[]), "session_expired problem"),
        (ask("GET", "/login", &[]), "LoginPage"),
        (ask("POST", "/refresh", &[]), "Refresh"),
        (ask("GET", "/_doorward/session", &[]), "WhoAmI"),
    ] {
        assert_eq!(request.with("cookie", &cookies).outcome(&policy), expected);
    }
}

#[test]
fn renewals_of_a_fleet_are_spread_over_the_last_tenth() {
    let policy = policy();
    let renews = |number: u8, left: u64| {
        let mut claims = claims("1002");
        (claims.iat, claims.exp) = (NOW.secs() + left - 900, NOW.secs() + left);
        claims.sid = session(number).to_string();
        let cookies = format!("{}; {}", cookie_of(&claims), refresh_of(session(number)));
        let request = ask("GET", "/x", &[("cookie", &cookies)]);
        request.outcome(&policy) == "renew 3"
    };
    let count = |left| (0..=255).filter(|&number| renews(number, left)).count();
    assert_eq!(count(91), 0, "none before the last tenth");
    assert!((96..=160).contains(&count(45)), "half by the middle of it");
    assert!(count(1) >= 250, "nearly all by its end: {}", count(1));
}

#[test]
fn what_comes_of_a_request_whose_session_was_to_be_renewed() {
    let policy = policy();
    let resumed = |request: &Ask, user: Option<&str>, denial: Denial| {
        let Step::Renew(ticket) = request.verdict(&policy).step else {
            panic!("not to be renewed");
        };
        let renewed = match user {
            None => Err(denial),
            Some(user) => {
                let principal = &policy.principals[&UserId::new(user)];
                let refresh = *ticket.refresh();
                let dates = Dates {
                    issued: NOW,
                    not_before: NOW,
                    expires: NOW.after(Duration::from_secs(900)),
                };
                Ok((
                    Arc::new(Session::new(principal, refresh.session, 4, dates)),
                    refresh,
                ))
            }
        };
        match policy.resume(&request.view(), ticket, renewed).0 {
            Decision::Forward(pass) => {
                let session = pass.session().unwrap();
                format!("as {}", session.principal.user.identity.id)
            }
            Decision::Serve(endpoint, caller) => {
                format!("{:?} {}", endpoint.id, caller.presented.live().is_some())
            }
            Decision::Deny(denial, _) => denial.code().to_owned(),
        }
    };
    let gone = Denial::SessionRevoked;
    let page = |path| ask("GET", path, &[("cookie", &both(&expired()))]);
    for (request, user, expected) in [
        (page("/x"), Some("1002"), "as 1002"),
        (page("/admin/x"), Some("1001"), "as 1001"),
        (page("/admin/x"), Some("1002"), "forbidden"),
        (page("/x"), None, "session_revoked"),
        (page("/login"), Some("1002"), "LoginPage true"),
        (page("/login"), None, "LoginPage false"),
        (page("/_doorward/session"), None, "session_revoked"),
    ] {
        assert_eq!(resumed(&request, user, gone), expected);
    }
    let early = |path| ask("GET", path, &[("cookie", &both(&live(1)))]);
    for (denial, path, expected, world) in [
        (
            Denial::StoreUnavailable,
            "/x",
            "as 1002",
            "a token that still lives needs the store",
        ),
        (
            gone,
            "/x",
            "session_revoked",
            "the request that ended the session passes",
        ),
        (
            gone,
            "/login",
            "LoginPage false",
            "an ended session is led on",
        ),
    ] {
        assert_eq!(resumed(&early(path), None, denial), expected, "{world}");
    }
}

/// A replica of a shared store that was heard of at this time.
struct Silent(Timestamp);

impl Revoked for Silent {
    fn is_revoked(&self, _session: SessionId, _user: &UserId) -> bool {
        false
    }

    fn last_sync(&self) -> Option<Timestamp> {
        Some(self.0)
    }
}

#[test]
fn a_silent_store_closes_the_gate_only_where_the_operator_says_so() {
    let limit = Duration::from_secs(30);
    let heard_at = |heard: Timestamp, limit: Option<Duration>| {
        policy_with(vec![user("1002", "bob", &[])], |p| {
            p.revoked = Arc::new(Silent(heard));
            p.session.refuse_when_stale = limit;
        })
    };
    let with = |silent, limit| heard_at(NOW.before(Duration::from_secs(silent)), limit);
    let page = |path| ask("GET", path, &[("cookie", &both(&live(890)))]);
    for (silent, limit, path, expected) in [
        (29, Some(limit), "/x", "as 1002"),
        (31, Some(limit), "/x", "store_unavailable problem"),
        (31, Some(limit), "/public/x", "anonymous"),
        (3600, None, "/x", "as 1002"),
    ] {
        assert_eq!(page(path).outcome(&with(silent, limit)), expected);
    }
    // The clock was set back while the store was away: nobody knows how long it has been.
    let ahead = heard_at(NOW.after(Duration::from_secs(31)), Some(limit));
    assert_eq!(page("/x").outcome(&ahead), "store_unavailable problem");
}

/// Whoever fails to renew hears no more than whoever never had a session.
#[test]
fn a_session_that_is_over_is_no_other_answer_to_a_doubtful_path() {
    let policy = policy();
    for (target, expected) in [
        ("/public%2fx", Denial::PathAmbiguous),
        ("/admin%2fx", Denial::SessionRevoked),
        ("/x//y", Denial::SessionRevoked),
        ("/x", Denial::SessionRevoked),
    ] {
        let request = ask("GET", target, &[]).with("cookie", &refresh_of(session(1)));
        let view = request.view();
        let Step::Renew(ticket) = policy.decide(&view, NOW).step else {
            panic!("{target} is not renewed first");
        };
        let renewed = Err(Denial::SessionRevoked);
        let (decision, _) = policy.resume(&view, ticket, renewed);
        let Decision::Deny(denial, _) = decision else {
            panic!("{target} is admitted");
        };
        assert_eq!(denial, expected, "{target}");
    }
}
