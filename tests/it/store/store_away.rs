//! A shared store that is away, beyond logins and renewals: what needs it says so at once
//! and changes nothing, what does not need it is answered as ever.

use serde_json::json;

use crate::operations::admin_api::over_socket;
use crate::operations::cli::{assert_code, said};
use crate::support::users::ALICE_PASSWORD;
use crate::support::{Gateway, Jar, RedisServer, Response, Upstream, assert_problem, until};

/// A gateway on a Redis of its own, with Alice signed in; then Redis is gone.
fn left_alone() -> Option<(RedisServer, Gateway, Upstream, Jar)> {
    let mut redis = RedisServer::durable()?;
    let app = Upstream::start();
    let gateway = redis.gateway(&app, "").start();
    let jar = Jar::alice(&gateway);
    redis.kill();
    until("the loss to be noticed", || {
        gateway.operators("/readyz").status == 503
    });
    Some((redis, gateway, app, jar))
}

#[track_caller]
fn assert_waits(answer: &Response, what: &str) {
    assert_problem(answer, 503, "store_unavailable", what);
    let seconds = answer.header("retry-after");
    let seconds = seconds.and_then(|text| text.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{answer}");
    assert!(answer.cookies().is_empty(), "{what}: {answer}");
}

#[test]
fn operators_are_told_and_nothing_has_ended() {
    let Some((mut redis, gateway, _app, jar)) = left_alone() else {
        return;
    };
    let session = jar.session();
    let one = format!("/api/sessions/{session}");
    let revocation = |body| over_socket(&gateway, "POST", "/api/revocations", Some(&body));
    for (what, answer) in [
        (
            "a list",
            over_socket(&gateway, "GET", "/api/sessions", None),
        ),
        ("one", over_socket(&gateway, "DELETE", &one, None)),
        ("session", revocation(json!({ "session": session }))),
        ("token", revocation(json!({ "token": jar.refresh }))),
        ("user", revocation(json!({ "user": "alice" }))),
        ("all", revocation(json!({ "all": true }))),
    ] {
        assert_waits(&answer, what);
    }
    let users = over_socket(&gateway, "GET", "/api/users", None);
    assert_eq!(users.status, 200, "users are in no store: {users}");
    for arguments in [&["sessions", "list"][..], &["revoke", "--all"]] {
        let output = gateway.command(arguments, "");
        assert_code(&output, 69, &format!("{arguments:?}"));
        assert!(said(&output).contains("503"), "{}", said(&output));
    }
    assert_eq!(jar.get(&gateway, "/").status, 200, "it has ended after all");
    redis.start_again();
    until("the gateway to be ready again", || {
        gateway.operators("/readyz").status == 200
    });
    let answer = jar.post_refresh(&gateway);
    assert_eq!(answer.status, 200, "it has ended after all: {answer}");
}

#[test]
fn people_are_told_and_keep_what_they_have() {
    let Some((_redis, gateway, app, jar)) = left_alone() else {
        return;
    };
    let form = |target: &str, form: &str| {
        let request = jar.request(&gateway, "POST", target);
        request.form(form).send()
    };
    assert_waits(&form("/revoke", "all=true"), "a revocation");
    assert_waits(&form("/_doorward/sessions", "others=true"), "the others");
    assert_waits(&jar.get(&gateway, "/_doorward/sessions"), "the list");
    let typed = format!("username=alice&password={ALICE_PASSWORD}");
    let page = gateway.request("POST", "/login").navigate("same-origin");
    let page = page.own_origin().form(&typed).send();
    assert_eq!(page.status, 503, "{page}");
    assert!(page.header("retry-after").is_some(), "{page}");
    assert!(page.text().contains("name=\"password\""), "{page}");
    assert!(page.cookies().is_empty(), "{page}");
    let before = app.count();
    assert_eq!(jar.get(&gateway, "/").status, 200, "signed in, and out");
    assert_eq!(app.count(), before + 1);
    assert_eq!(gateway.get("/login", "").status, 200, "the form is a page");
}

#[test]
fn a_refresh_token_is_authenticated_before_the_store_is_asked() {
    let Some((_redis, gateway, _app, jar)) = left_alone() else {
        return;
    };
    let real = jar.refresh.clone().unwrap();
    let mut altered = real.clone();
    altered.replace_range(0..1, if real.starts_with('A') { "B" } else { "A" });
    for refresh in ["x", &altered] {
        let foreign = Jar {
            access: None,
            refresh: Some(refresh.to_owned()),
            csrf: None,
        };
        let answer = foreign.post_refresh(&gateway);
        let world = "whoever makes up tokens reaches the store";
        assert_problem(&answer, 401, "session_invalid", world);
    }
    assert_waits(&jar.without_access().post_refresh(&gateway), "a real one");
}
