//! `POST /refresh`: one exchange, its repetition, and the thief.

use std::sync::Barrier;
use std::time::Duration;

use crate::support::{
    Gateway, Jar, Request, Response, assert_problem, until, until_some, world, world_with,
};

/// A grace that a test can wait for.
const SHORT_GRACE: &str = "session: { refresh_grace: 1s }\n";

fn wait_out_the_grace() {
    std::thread::sleep(Duration::from_millis(1100));
}

/// Waits until the store knows that the newest pair has arrived.
#[track_caller]
fn use_access(gateway: &Gateway, jar: &Jar) {
    assert_eq!(jar.get(gateway, "/used").status, 200);
    // The note is made beside the requests.
    std::thread::sleep(Duration::from_millis(200));
}

#[track_caller]
fn assert_cleared(answer: &Response) {
    for name in ["__Host-doorward", "__Host-doorward-refresh"] {
        let cookie = answer.cookie(name);
        assert!(
            cookie.is_some_and(|cookie| cookie.clears()),
            "{name} stays in the browser: {answer}"
        );
    }
}

#[test]
fn both_tokens_come_with_the_login_and_each_is_good_for_one_thing() {
    let (gateway, _app) = world();
    let answer = gateway.try_login("alice", crate::support::users::ALICE_PASSWORD);
    for name in ["__Host-doorward", "__Host-doorward-refresh"] {
        let cookie = answer.cookie(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(cookie.attribute("HttpOnly"), Some(""), "{answer}");
        assert_eq!(cookie.attribute("Secure"), Some(""), "{answer}");
        assert_eq!(cookie.attribute("SameSite"), Some("Strict"), "{answer}");
        assert_eq!(cookie.attribute("Path"), Some("/"), "{answer}");
        assert_eq!(cookie.attribute("Max-Age"), Some("43200"), "{answer}");
        assert_eq!(cookie.attribute("Domain"), None, "{answer}");
    }
    assert!(answer.cookie("__Host-doorward-csrf").is_none(), "{answer}");
    let jar = Jar::of(&answer);
    let swapped = Jar {
        access: jar.refresh.clone(),
        refresh: jar.access.clone(),
        csrf: None,
    };
    let open = swapped.get(&gateway, "/");
    assert_problem(
        &open,
        401,
        "session_invalid",
        "a refresh token opens the app",
    );
    let only = Jar {
        access: None,
        ..swapped
    };
    let renewed = only.post_refresh(&gateway);
    assert_problem(
        &renewed,
        401,
        "session_invalid",
        "an access token is exchanged",
    );
    assert_cleared(&renewed);
}

#[test]
fn an_exchange_gives_a_new_pair_of_the_next_generation() {
    let (gateway, app) = world();
    let first = Jar::alice(&gateway);
    let answer = first.post_refresh(&gateway);
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.json()["expires_in"], 900, "{answer}");
    assert_eq!(
        answer.header("cache-control").as_deref(),
        Some("private, no-cache"),
        "{answer}"
    );
    let second = Jar::of(&answer);
    assert_ne!(first.refresh, second.refresh);
    assert_ne!(first.access, second.access);
    let (old, new) = (first.claims(), second.claims());
    assert_eq!(old["gen"], 0);
    assert_eq!(new["gen"], 1);
    assert_eq!(old["sid"], new["sid"], "another session");
    assert_ne!(old["jti"], new["jti"], "one token id twice");
    assert_eq!(second.get(&gateway, "/").status, 200);
    assert_eq!(app.count(), 1, "a refresh reached the app");
    assert_eq!(gateway.labelled("doorward_refreshes_total", "rotated"), 1.0);
    let line = gateway.wait_for_log(&["audit", "event=refresh", "user=1001"]);
    assert!(line.contains(&second.session()), "{line}");
}

#[test]
fn inside_the_grace_the_same_successor_comes_again() {
    let (gateway, _app) = world();
    let first = Jar::alice(&gateway);
    let second = Jar::of(&first.post_refresh(&gateway));
    use_access(&gateway, &second);
    let again = Jar::of(&first.post_refresh(&gateway));
    assert_eq!(again.refresh, second.refresh, "a second branch");
    assert_eq!(again.claims()["gen"], 1, "another generation");
    assert_eq!(again.get(&gateway, "/").status, 200);
    assert_eq!(gateway.labelled("doorward_refreshes_total", "rotated"), 1.0);
    assert_eq!(
        gateway.labelled("doorward_refreshes_total", "repeated"),
        1.0
    );
}

#[test]
fn an_answer_that_was_lost_is_given_again_after_the_grace() {
    let (gateway, _app) = world_with(SHORT_GRACE);
    let first = Jar::alice(&gateway);
    let lost = Jar::of(&first.post_refresh(&gateway));
    wait_out_the_grace();
    let found = Jar::of(&first.post_refresh(&gateway));
    assert_eq!(found.refresh, lost.refresh, "not the same successor");
    assert_eq!(found.claims()["gen"], 1);
    assert_eq!(found.get(&gateway, "/used").status, 200);
    // The note that it arrived is made beside the requests.
    let reuse = until_some("the first token to be worth nothing", || {
        let answer = first.post_refresh(&gateway);
        (answer.status != 200).then_some(answer)
    });
    assert_problem(&reuse, 401, "session_revoked", "forgiven after it arrived");
}

#[test]
fn reuse_ends_the_session_and_names_both_addresses() {
    let (gateway, _app) =
        world_with("session: { refresh_grace: 1s }\ntrusted_proxies: [127.0.0.1/32]\n");
    let from = |address: &str, request: Request| request.header("X-Forwarded-For", address);
    let stolen = Jar::alice(&gateway);
    let request = stolen.request(&gateway, "POST", "/refresh");
    let owner = Jar::of(&from("192.0.2.7", request).send());
    use_access(&gateway, &owner);
    wait_out_the_grace();
    let request = stolen.request(&gateway, "POST", "/refresh");
    let reuse = from("198.51.100.9", request).send();
    assert_problem(
        &reuse,
        401,
        "session_revoked",
        "a stolen token is exchanged",
    );
    assert_cleared(&reuse);
    let line = gateway.wait_for_log(&["event=reuse_detected"]);
    for word in [
        "client=198.51.100.9",
        "other_client=192.0.2.7",
        "user=1001",
        &owner.session(),
    ] {
        assert!(line.contains(word), "no {word} in {line}");
    }
    assert_eq!(gateway.labelled("doorward_refreshes_total", "reused"), 1.0);
    let open = owner.get(&gateway, "/");
    assert_problem(&open, 401, "session_revoked", "the access token lives on");
    let next = owner.post_refresh(&gateway);
    assert_problem(&next, 401, "session_revoked", "the branch lives on");
}

#[test]
fn a_thief_who_rotates_and_uses_it_is_found_by_the_victims_next_use() {
    let (gateway, _app) = world_with(SHORT_GRACE);
    let victim = Jar::alice(&gateway);
    let mut thief = victim.clone();
    thief.refresh(&gateway);
    use_access(&gateway, &thief);
    wait_out_the_grace();
    let found = victim.without_access().get(&gateway, "/");
    assert_problem(&found, 401, "session_revoked", "both go on");
    assert_problem(
        &thief.get(&gateway, "/"),
        401,
        "session_revoked",
        "the thief stays",
    );
}

#[test]
fn a_token_of_two_generations_ago_is_reuse_at_once() {
    let (gateway, _app) = world();
    let first = Jar::alice(&gateway);
    let mut jar = first.clone();
    jar.refresh(&gateway);
    jar.refresh(&gateway);
    let reuse = first.without_access().post_refresh(&gateway);
    assert_problem(&reuse, 401, "session_revoked", "an old token is exchanged");
    gateway.wait_for_log(&["event=reuse_detected"]);
    assert_problem(
        &jar.get(&gateway, "/"),
        401,
        "session_revoked",
        "it lives on",
    );
}

#[test]
fn what_is_not_there_and_what_is_not_ours() {
    let (gateway, app) = world();
    let jar = Jar::alice(&gateway);
    let nothing = gateway.request("POST", "/refresh").own_origin().send();
    assert_problem(&nothing, 401, "session_required", "nothing is exchanged");
    let mut altered = jar.refresh.clone().unwrap();
    altered.replace_range(0..1, if altered.starts_with('A') { "B" } else { "A" });
    for refresh in ["x", &altered, &"A".repeat(86), "\"\""] {
        let foreign = Jar {
            access: None,
            refresh: Some(refresh.into()),
            csrf: None,
        };
        let answer = foreign.post_refresh(&gateway);
        assert_problem(&answer, 401, "session_invalid", refresh);
        assert_cleared(&answer);
    }
    let mixed = Jar {
        refresh: Jar::bob(&gateway).refresh,
        ..jar.clone()
    };
    let answer = mixed.post_refresh(&gateway);
    assert_problem(&answer, 401, "session_invalid", "tokens of two sessions");
    for method in ["GET", "PUT"] {
        let answer = jar.request(&gateway, method, "/refresh").send();
        assert_eq!(answer.status, 405, "{answer}");
        assert_eq!(answer.header("allow").as_deref(), Some("POST"));
    }
    let forged = gateway
        .request("POST", "/refresh")
        .header("Sec-Fetch-Site", "cross-site")
        .cookie(&jar.cookies());
    assert_problem(&forged.send(), 403, "csrf_failed", "another site refreshes");
    assert_eq!(app.count(), 0, "a refresh reached the app");
    assert_eq!(
        jar.post_refresh(&gateway).status,
        200,
        "the session was hurt"
    );
}

#[test]
fn the_access_token_may_be_gone_or_over_but_not_revoked() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway);
    assert_eq!(jar.without_access().post_refresh(&gateway).status, 200);
    let altered = Jar {
        access: Some("a.b.c".into()),
        ..jar.clone()
    };
    let answer = altered.post_refresh(&gateway);
    assert_problem(
        &answer,
        401,
        "session_invalid",
        "an altered token is renewed",
    );
    let cookies = jar.cookies();
    gateway.logout(&cookies);
    for jar in [jar.clone(), jar.without_access()] {
        let answer = jar.post_refresh(&gateway);
        assert_problem(&answer, 401, "session_revoked", "after the logout");
        assert_cleared(&answer);
    }
}

#[test]
fn an_access_token_that_ran_out_vouches_for_its_own_session_alone() {
    let (gateway, _app) = world_with("session: { access_ttl: 1s, renewal: endpoint }\n");
    let (alice, bob) = (Jar::alice(&gateway), Jar::bob(&gateway));
    until("the access token to run out", || {
        alice.get(&gateway, "/").status == 401
    });
    let mixed = Jar {
        refresh: bob.refresh.clone(),
        ..alice.clone()
    };
    let answer = mixed.post_refresh(&gateway);
    assert_problem(&answer, 401, "session_invalid", "tokens of two sessions");
    assert_eq!(alice.post_refresh(&gateway).status, 200);
    assert_eq!(bob.without_access().post_refresh(&gateway).status, 200);
}

#[test]
fn fifty_parallel_uses_make_one_rotation() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway);
    let begin = Barrier::new(50);
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    jar.post_refresh(&gateway)
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let pairs: Vec<Jar> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{answer}");
            Jar::of(answer)
        })
        .collect();
    for pair in &pairs {
        assert_eq!(pair.refresh, pairs[0].refresh, "two branches");
        assert_eq!(pair.claims()["gen"], 1);
        assert_eq!(pair.get(&gateway, "/").status, 200);
    }
    let count = |result| gateway.labelled("doorward_refreshes_total", result);
    assert_eq!((count("rotated"), count("repeated")), (1.0, 49.0));
    assert_eq!(count("reused"), 0.0);
}

#[test]
fn a_refresh_token_survives_a_restart_and_a_rotation_of_the_keys() {
    let (mut gateway, _app) = world();
    let mut jar = Jar::alice(&gateway);
    jar.refresh(&gateway);
    gateway.restart();
    assert_eq!(jar.get(&gateway, "/").status, 200);
    jar.refresh(&gateway);
    let rotated = gateway.command(&["keys", "rotate"], "");
    assert!(rotated.status.success(), "{rotated:?}");
    let old = jar.clone();
    until("the new key to sign", || {
        let fresh = Jar::bob(&gateway);
        let kid =
            |jar: &Jar| crate::support::token::parts(jar.access.as_ref().unwrap()).0["kid"].clone();
        kid(&fresh) != kid(&old)
    });
    jar.refresh(&gateway);
    assert_eq!(jar.claims()["gen"], 3);
    assert_eq!(jar.get(&gateway, "/").status, 200);
}

#[test]
fn todays_name_roles_and_version_go_into_the_new_token() {
    use crate::support::users::{ALICE_PASSWORD, User};
    let (mut gateway, app) = world();
    let mut jar = Jar::alice(&gateway);
    let mut renamed = User::new("1001", "alice", "Alice Renamed", ALICE_PASSWORD);
    renamed.roles = vec!["reader".into()];
    gateway.rewrite_users(&[renamed, User::bob()]);
    gateway.reload();
    jar.refresh(&gateway);
    let claims = jar.claims();
    assert_eq!(claims["name"], "Alice Renamed");
    assert_eq!(claims["roles"], serde_json::json!(["reader"]));
    jar.get(&gateway, "/");
    assert_eq!(app.last().all("X-User-Name"), ["Alice Renamed"]);
    let raised = User::alice().with("token_version: 1");
    gateway.rewrite_users(&[raised, User::bob()]);
    gateway.reload();
    let answer = jar.without_access().post_refresh(&gateway);
    assert_problem(&answer, 401, "session_revoked", "a raised version");
}
