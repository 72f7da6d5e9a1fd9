//! Session fixation: what a browser brings to a login never becomes the new session.

use serde_json::json;

use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD};
use crate::support::{
    Forger, Gateway, Jar, Request, Response, assert_problem, token, world, world_with,
};

fn logins(gateway: &Gateway, cookie: &[u8]) -> [Request; 2] {
    let form = format!("username=alice&password={ALICE_PASSWORD}");
    let json = json!({ "username": "alice", "password": ALICE_PASSWORD });
    let request = || {
        let request = gateway.request("POST", "/login").own_origin();
        request.header("Cookie", cookie)
    };
    [request().form(&form), request().json(&json)]
}

#[track_caller]
fn fresh(answer: &Response, what: &str) -> Jar {
    assert!(matches!(answer.status, 200 | 303), "{what}: {answer}");
    let jar = Jar::of(answer);
    assert!(
        jar.access.is_some() && jar.refresh.is_some(),
        "{what}: {answer}"
    );
    jar
}

/// A thief leaves his own session in a browser and waits for its owner to sign in.
#[test]
fn cve_2026_34454_a_planted_session_is_ended_by_the_login_and_not_taken_over() {
    let (gateway, _app) = world_with("csrf: { mode: both }\n");
    let only_access = |jar: &Jar| Jar {
        refresh: None,
        csrf: None,
        ..jar.clone()
    };
    let only_refresh = |jar: &Jar| Jar {
        csrf: None,
        ..jar.without_access()
    };
    for part in [Jar::clone as fn(&Jar) -> Jar, only_access, only_refresh] {
        for which in 0..2 {
            let thief = Jar::bob(&gateway);
            let request = logins(&gateway, part(&thief).cookies().as_bytes())
                .into_iter()
                .nth(which);
            let owner = fresh(&request.unwrap().send(), "a login over a planted session");
            assert_ne!(
                owner.session(),
                thief.session(),
                "the planted session was taken over"
            );
            assert_ne!(owner.access, thief.access);
            assert_ne!(owner.refresh, thief.refresh);
            assert_ne!(owner.csrf, thief.csrf, "the planted CSRF token goes on");
            assert_eq!(owner.claims()["sub"], "1001");
            for jar in [&thief, &thief.without_access()] {
                let answer = jar.get(&gateway, "/");
                assert_problem(
                    &answer,
                    401,
                    "session_revoked",
                    "the thief's session lives on",
                );
            }
            let answer = owner.get(&gateway, "/");
            assert_eq!(answer.status, 200, "{answer}");
        }
    }
}

/// What is no session is neither adopted nor in the way, in whatever state it comes.
#[test]
fn planted_cookies_are_never_adopted() {
    let forger = Forger::with_key();
    let gateway = &forger.gateway;
    let bob = Jar::bob(gateway);
    let sid = bob.session();
    let chosen = "01900000-0000-7000-8000-000000000000";
    let forged = forger.with_claims(&forger.claims_with("sid", json!(chosen)));
    let stranger = token::sign(
        &forger.header,
        &forger.claims_with("sid", json!(sid)),
        b"another key",
    );
    let access = bob.access.clone().unwrap();
    for (what, cookie) in [
        ("a session id as value", format!("__Host-doorward={sid}")),
        (
            "a chosen session id",
            format!("__Host-doorward={chosen}; sid={chosen}; session={chosen}"),
        ),
        ("a forged token", format!("__Host-doorward={stranger}")),
        (
            "a token with a chosen session, and our key",
            format!("__Host-doorward={forged}"),
        ),
        (
            "two tokens",
            format!("__Host-doorward={access}; __Host-doorward={access}"),
        ),
        ("a look-alike", format!("__host-doorward={access}")),
        (
            "a refresh token of nobody",
            format!("__Host-doorward-refresh={}", "A".repeat(86)),
        ),
        (
            "a CSRF token of nobody",
            format!("__Host-doorward-csrf={}", "A".repeat(43)),
        ),
        (
            "noise",
            "__Host-doorward=x; __Host-doorward-refresh=y; __Host-doorward-csrf=z".into(),
        ),
    ] {
        for request in logins(gateway, cookie.as_bytes()) {
            let jar = fresh(&request.send(), what);
            let new = jar.session();
            assert!(new != sid && new != chosen, "{what} became the session");
            assert_eq!(jar.get(gateway, "/").status, 200, "{what}");
        }
    }
    assert_eq!(
        bob.get(gateway, "/").status,
        200,
        "a bystander's session was ended"
    );
}

/// ASVS 7.2.4: a login makes everything anew, also for who was signed in already.
#[test]
fn every_login_makes_a_new_session_and_new_tokens() {
    let (gateway, _app) = world_with("csrf: { mode: both }\n");
    let mut seen = std::collections::HashSet::new();
    let mut jar = Jar::alice(&gateway);
    for round in 0..10 {
        let [access, refresh, csrf] =
            [&jar.access, &jar.refresh, &jar.csrf].map(|token| token.clone().unwrap());
        for text in [
            access,
            refresh,
            csrf,
            jar.session(),
            jar.claims()["jti"].to_string(),
        ] {
            assert!(seen.insert(text), "round {round} repeats something");
        }
        let answer = gateway
            .login_request("alice", ALICE_PASSWORD)
            .cookie(&jar.cookies())
            .send();
        let before = jar;
        jar = fresh(&answer, "again");
        assert_eq!(before.get(&gateway, "/").code(), "session_revoked");
    }
}

/// Nothing before a login is a session that could be fixed.
#[test]
fn who_is_not_signed_in_gets_no_cookie() {
    let (gateway, _app) = world();
    let wrong = gateway.try_login("bob", "wrong");
    let answers = [
        gateway.get("/", ""),
        gateway.get("/login", ""),
        gateway.request("GET", "/").navigate("none").send(),
        gateway.request("GET", "/").navigate("cross-site").send(),
        wrong,
    ];
    for answer in answers {
        // That of a bounce page names a target, and nobody.
        let set = answer
            .cookies()
            .into_iter()
            .find(|cookie| !cookie.value.is_empty() && !cookie.name.ends_with("-bounce"));
        assert!(set.is_none(), "{answer}");
    }
    let bob = gateway.try_login("bob", BOB_PASSWORD);
    assert!(bob.cookie("__Host-doorward").is_some(), "{bob}");
}
