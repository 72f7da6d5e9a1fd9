//! Ending sessions: by either cookie, everywhere, and when there are too many.

use crate::support::users::BOB_PASSWORD;
use crate::support::{Gateway, Jar, Response, assert_problem, until, world, world_with};

#[track_caller]
fn assert_ended(gateway: &Gateway, jar: &Jar, world: &str) {
    let answer = jar.get(gateway, "/");
    assert_problem(&answer, 401, "session_revoked", world);
    let answer = jar.without_access().get(gateway, "/");
    assert_problem(&answer, 401, "session_revoked", world);
    let answer = jar.without_access().post_refresh(gateway);
    assert_problem(&answer, 401, "session_revoked", world);
}

#[track_caller]
fn assert_lives(gateway: &Gateway, jar: &Jar, world: &str) {
    assert_eq!(jar.get(gateway, "/").status, 200, "{world}");
}

fn logout(gateway: &Gateway, jar: &Jar, form: &str) -> Response {
    jar.request(gateway, "POST", "/logout").form(form).send()
}

#[test]
fn cve_2024_21492_a_logout_ends_the_session_by_either_cookie() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s }\n");
    let only_access = |jar: &Jar| Jar {
        refresh: None,
        ..jar.clone()
    };
    for (name, part) in [
        ("both", (|jar: &Jar| jar.clone()) as fn(&Jar) -> Jar),
        ("the access token", only_access),
        ("the refresh token", Jar::without_access),
    ] {
        let jar = Jar::alice(&gateway);
        let other = Jar::alice(&gateway);
        let answer = logout(&gateway, &part(&jar), "");
        assert_eq!(answer.status, 303, "{answer}");
        for cookie in ["__Host-doorward", "__Host-doorward-refresh"] {
            assert!(answer.cookie(cookie).unwrap().clears(), "{answer}");
        }
        assert_ended(&gateway, &jar, name);
        let kept = other.post_refresh(&gateway);
        assert_eq!(kept.status, 200, "{name} ended another session");
    }
    let jar = Jar::alice(&gateway);
    until("the access token to run out", || {
        only_access(&jar).get(&gateway, "/").status == 401
    });
    logout(&gateway, &only_access(&jar), "");
    let answer = jar.without_access().post_refresh(&gateway);
    assert_problem(&answer, 401, "session_revoked", "by an expired token");
}

#[test]
fn everywhere_is_every_session_of_this_user_and_of_nobody_else() {
    let (gateway, _app) = world();
    let (here, there, bob) = (
        Jar::alice(&gateway),
        Jar::alice(&gateway),
        Jar::bob(&gateway),
    );
    let by_refresh = here.without_access();
    assert_eq!(logout(&gateway, &by_refresh, "everywhere=true").status, 303);
    assert_ended(&gateway, &here, "here");
    assert_ended(&gateway, &there, "there");
    assert_lives(&gateway, &bob, "somebody else's session ended");
    std::thread::sleep(std::time::Duration::from_millis(5));
    let again = Jar::alice(&gateway);
    assert_lives(&gateway, &again, "a new login does not survive");
    assert_eq!(again.post_refresh(&gateway).status, 200);
}

#[test]
fn a_program_may_ask_for_everywhere_too() {
    let (gateway, _app) = world();
    let send = |jar: &Jar, body: serde_json::Value| {
        let request = jar.request(&gateway, "POST", "/logout").json(&body);
        let answer = request.send();
        assert_eq!(answer.status, 204, "{answer}");
    };
    let (here, there) = (Jar::alice(&gateway), Jar::alice(&gateway));
    send(&here, serde_json::json!({ "everywhere": false }));
    assert_ended(&gateway, &here, "here");
    assert_lives(&gateway, &there, "nobody asked for that");
    let here = Jar::alice(&gateway);
    send(&here, serde_json::json!({ "everywhere": true }));
    assert_ended(&gateway, &here, "here");
    assert_ended(&gateway, &there, "there");
}

#[test]
fn cve_2026_34454_a_new_login_ends_the_session_that_the_browser_had() {
    let (gateway, _app) = world();
    for part in [
        (|jar: &Jar| jar.clone()) as fn(&Jar) -> Jar,
        Jar::without_access,
    ] {
        let before = Jar::alice(&gateway);
        let answer = gateway
            .login_request("bob", BOB_PASSWORD)
            .cookie(&part(&before).cookies())
            .send();
        assert_eq!(answer.status, 303, "{answer}");
        assert_ended(&gateway, &before, "the earlier session lives on");
        assert_lives(&gateway, &Jar::of(&answer), "the new one does not live");
    }
    let kept = Jar::alice(&gateway);
    let wrong = gateway
        .login_request("bob", "wrong")
        .cookie(&kept.cookies());
    assert_eq!(wrong.send().status, 401);
    assert_lives(&gateway, &kept, "a failed login ended it");
}

#[test]
fn the_oldest_session_ends_when_there_are_too_many() {
    let (gateway, _app) = world_with("session: { max_per_user: 2 }\n");
    let bob = Jar::bob(&gateway);
    let first = Jar::alice(&gateway);
    let second = Jar::alice(&gateway);
    assert_lives(&gateway, &first, "two are allowed");
    // Used or not: the oldest login goes.
    let mut renewed = first.clone();
    renewed.refresh(&gateway);
    let third = Jar::alice(&gateway);
    assert_ended(&gateway, &renewed, "three live");
    assert_lives(&gateway, &second, "the second ended");
    assert_lives(&gateway, &third, "the new one ended");
    assert_lives(&gateway, &bob, "somebody else's ended");
    let line = gateway.wait_for_log(&["event=revoke", "reason=max_per_user"]);
    assert!(line.contains(&first.session()), "{line}");
    logout(&gateway, &second, "");
    let fourth = Jar::alice(&gateway);
    assert_lives(&gateway, &third, "an ended session was counted");
    assert_lives(&gateway, &fourth, "the new one ended");
}

#[test]
fn revoking_a_refresh_token_ends_its_session() {
    let (gateway, _app) = world();
    let (alice, bob) = (Jar::alice(&gateway), Jar::bob(&gateway));
    let revoke = |by: &Jar, token: &str| {
        let form = format!("token={token}");
        by.request(&gateway, "POST", "/revoke").form(&form).send()
    };
    let refresh = alice.refresh.clone().unwrap();
    assert_eq!(revoke(&bob, &refresh).status, 200);
    assert_lives(&gateway, &alice, "Bob ended Alice's session");
    assert_eq!(revoke(&alice, &bob.refresh.clone().unwrap()).status, 200);
    assert_ended(&gateway, &bob, "an admin's word does nothing");
    assert_eq!(revoke(&alice, &refresh).status, 200);
    assert_ended(&gateway, &alice, "one's own token");
}

#[test]
fn revoking_an_access_token_that_ran_out_ends_its_session() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s }\n");
    let jar = Jar::bob(&gateway);
    let access = jar.access.clone().unwrap();
    let alone = Jar {
        refresh: None,
        ..jar.clone()
    };
    until("the access token to run out", || {
        alone.get(&gateway, "/").status == 401
    });
    let admin = Jar::alice(&gateway);
    let request = admin.request(&gateway, "POST", "/revoke");
    let answer = request.form(&format!("token={access}")).send();
    assert_eq!(answer.status, 200, "{answer}");
    let renewed = jar.without_access().get(&gateway, "/");
    assert_problem(&renewed, 401, "session_revoked", "it is renewed after all");
}

#[test]
fn the_browser_forgets_what_the_operator_says() {
    for (kinds, expected) in [
        ("[]", None),
        ("[cache, cookies]", Some("\"cache\", \"cookies\"")),
    ] {
        let (gateway, _app) = world_with(&format!("logout: {{ clear_site_data: {kinds} }}"));
        let jar = Jar::alice(&gateway);
        let answer = logout(&gateway, &jar, "");
        let told = answer.header("clear-site-data");
        assert_eq!(told.as_deref(), expected, "{kinds}: {answer}");
        assert!(answer.cookie("__Host-doorward").unwrap().clears());
        // What empties the back button, where `cache` does not.
        let changed = answer.cookie("__Host-doorward-bounce").is_some();
        assert_eq!(changed, kinds == "[]", "{answer}");
    }
}
