//! Renewal on the way through: the page never notices that its token ran out.

use std::sync::Barrier;
use std::time::Duration;

use crate::support::{
    Conn, Gateway, Jar, Response, Upstream, assert_problem, until, world, world_with,
};

/// Tokens that a test can outlive.
const SHORT: &str = "session: { access_ttl: 2s }\n";

/// Waits until the access token of this browser no longer opens the app by itself.
#[track_caller]
fn outlive(gateway: &Gateway, jar: &Jar) {
    let alone = Jar {
        refresh: None,
        ..jar.clone()
    };
    until("the access token to run out", || {
        alone.get(gateway, "/poll").status == 401
    });
}

#[track_caller]
fn assert_renewed(answer: &Response) -> Jar {
    assert_eq!(answer.status, 200, "{answer}");
    let jar = Jar::of(answer);
    assert!(
        jar.access.is_some() && jar.refresh.is_some(),
        "no new pair: {answer}"
    );
    jar
}

#[test]
fn an_expired_token_is_renewed_and_the_app_answers_as_ever() {
    let (gateway, app) = world_with(SHORT);
    let jar = Jar::alice(&gateway);
    outlive(&gateway, &jar);
    let answer = jar.get(&gateway, "/data?x=1");
    let next = assert_renewed(&answer);
    assert_eq!(
        answer.header("cache-control").as_deref(),
        Some("private, no-cache"),
        "{answer}"
    );
    let seen = app.last();
    assert_eq!(seen.target(), "/data?x=1");
    assert_eq!(seen.all("X-User-Id"), ["1001"]);
    assert!(seen.cookies().is_empty(), "the app sees our cookies");
    assert_eq!(next.claims()["gen"], 1);
    assert_eq!(next.claims()["sid"], jar.claims()["sid"]);
    let plain = next.get(&gateway, "/");
    assert_eq!(plain.status, 200);
    assert!(plain.cookies().is_empty(), "renewed twice: {plain}");
}

#[test]
fn without_any_access_token_the_refresh_token_alone_is_enough() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway).without_access();
    assert_renewed(&jar.get(&gateway, "/"));
    let page = gateway.request("GET", "/").navigate("none");
    assert_renewed(&page.cookie(&jar.cookies()).send());
}

#[test]
fn twenty_parallel_requests_of_a_page_make_one_rotation() {
    let (gateway, app) = world_with(SHORT);
    let jar = Jar::alice(&gateway);
    outlive(&gateway, &jar);
    let before = app.count();
    let begin = Barrier::new(20);
    let pairs: Vec<Jar> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..20)
            .map(|number| {
                let (gateway, jar, begin) = (&gateway, &jar, &begin);
                scope.spawn(move || {
                    begin.wait();
                    assert_renewed(&jar.get(gateway, &format!("/asset/{number}")))
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(pairs.iter().all(|pair| pair.refresh == pairs[0].refresh));
    assert_eq!(app.count() - before, 20);
    assert_eq!(gateway.labelled("doorward_refreshes_total", "rotated"), 1.0);
    assert_eq!(
        gateway.labelled("doorward_refreshes_total", "repeated"),
        19.0
    );
}

#[test]
fn a_form_with_its_body_goes_through() {
    let (gateway, app) = world_with(SHORT);
    let jar = Jar::alice(&gateway);
    outlive(&gateway, &jar);
    let body = vec![b'x'; 30_000];
    let answer = jar.request(&gateway, "POST", "/save").body(&body).send();
    assert_renewed(&answer);
    assert!(app.last().body == body, "the body was lost");
}

#[test]
fn nothing_is_renewed_on_a_public_path() {
    let (gateway, app) =
        world_with("session: { access_ttl: 2s }\nrules: [{ path: /public/**, access: public }]\n");
    let jar = Jar::alice(&gateway);
    outlive(&gateway, &jar);
    let answer = jar.get(&gateway, "/public/x");
    assert_eq!(answer.status, 200, "{answer}");
    assert!(answer.cookies().is_empty(), "renewed: {answer}");
    assert!(app.last().all("X-User-Id").is_empty(), "an expired session");
}

#[test]
fn what_the_app_says_of_caching_never_keeps_our_cookies() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway).without_access();
    for target in ["/public-cache", "/cache-headers", "/page"] {
        let answer = jar.get(&gateway, target);
        assert_renewed(&answer);
        let said = answer.header("cache-control").unwrap();
        assert!(said.starts_with("private, no-cache"), "{target}: {said}");
        for word in ["public", "s-maxage", "max-age"] {
            assert!(!said.contains(word), "{target}: {said}");
        }
        for name in ["surrogate-control", "cdn-cache-control", "x-accel-expires"] {
            assert!(answer.header(name).is_none(), "{target} keeps {name}");
        }
    }
    let both = jar.get(&gateway, "/set-cookie");
    assert_renewed(&both);
    assert_eq!(both.cookie("app").unwrap().value, "1", "the app's is lost");
}

#[test]
fn a_refusal_after_the_renewal_still_brings_the_new_pair() {
    let (gateway, app) = world_with("rules: [{ path: /admin/**, access: { roles: [admin] } }]\n");
    let bob = Jar::bob(&gateway).without_access();
    let answer = bob.get(&gateway, "/admin/x");
    assert_problem(
        &answer,
        403,
        "forbidden",
        "a renewed session passes the role",
    );
    let next = Jar::of(&answer);
    assert!(next.refresh.is_some(), "the rotation is lost: {answer}");
    assert_eq!(next.get(&gateway, "/").status, 200);
    assert_eq!(app.count(), 1);
}

#[test]
fn an_app_that_does_not_answer_costs_no_session() {
    let (gateway, app) = world();
    let mut jar = Jar::alice(&gateway).without_access();
    let answer = jar.get(&gateway, "/close");
    assert_eq!(answer.status, 502, "{answer}");
    jar.take(&answer);
    assert!(jar.access.is_some(), "the new pair is lost: {answer}");
    drop(app);
    assert_eq!(jar.get(&gateway, "/_doorward/session").status, 200);
}

#[test]
fn revoked_altered_and_foreign_tokens_are_never_renewed() {
    let (gateway, app) = world();
    let jar = Jar::alice(&gateway);
    for access in ["x", "a.b.c", &Jar::bob(&gateway).refresh.unwrap()] {
        let altered = Jar {
            access: Some(access.to_owned()),
            ..jar.clone()
        };
        let answer = altered.get(&gateway, "/");
        assert_problem(&answer, 401, "session_invalid", "renewed an altered token");
        assert!(answer.cookies().is_empty(), "{answer}");
    }
    gateway.logout(&jar.cookies());
    for jar in [jar.clone(), jar.without_access()] {
        let answer = jar.get(&gateway, "/");
        assert_problem(&answer, 401, "session_revoked", "renewed after the logout");
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn our_own_endpoints_renew_too() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway).without_access();
    let who = jar.get(&gateway, "/_doorward/session");
    assert_renewed(&who);
    assert_eq!(who.json()["id"], "1001");
    let sessions = jar.get(&gateway, "/_doorward/sessions");
    assert_renewed(&sessions);
}

#[test]
fn who_can_renew_is_not_asked_to_sign_in() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway).without_access();
    let login = || gateway.request("GET", "/login?rd=/a?b").navigate("none");
    let answer = login().cookie(&jar.cookies()).send();
    assert_eq!(answer.status, 303, "{answer}");
    assert_eq!(answer.header("location").as_deref(), Some("/a?b"));
    let next = Jar::of(&answer);
    assert_eq!(next.get(&gateway, "/").status, 200);
    gateway.logout(&next.cookies());
    let form = login().cookie(&jar.cookies()).send();
    assert_eq!(form.status, 200, "an ended session loops: {form}");
    assert!(form.text().contains("name=\"password\""), "{form}");
}

#[test]
fn with_renewal_by_endpoint_only_the_endpoint_renews() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s, renewal: endpoint }\n");
    let mut jar = Jar::alice(&gateway);
    outlive(&gateway, &jar);
    let answer = jar.get(&gateway, "/");
    assert_problem(&answer, 401, "session_expired", "renewed on the way");
    let form = gateway.request("GET", "/login").navigate("none");
    assert_eq!(form.cookie(&jar.cookies()).send().status, 200);
    jar.refresh(&gateway);
    assert_eq!(jar.get(&gateway, "/").status, 200);
}

#[test]
fn an_upgrade_is_renewed_like_any_request() {
    use crate::support::websocket;
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway).without_access();
    let request = websocket::request(gateway.port(), "/ws");
    let request = request.own_origin().cookie(&jar.cookies());
    let mut socket = websocket::open(&request, gateway.port()).expect("renewed and upgraded");
    socket.send("hello".into()).unwrap();
    assert_eq!(websocket::text(&mut socket), "hello");
    assert_eq!(gateway.labelled("doorward_refreshes_total", "rotated"), 1.0);
}

#[test]
fn a_lost_answer_is_given_again_and_the_swarm_behind_it_is_forgiven() {
    let pause = || std::thread::sleep(std::time::Duration::from_millis(1200));
    let (gateway, _app) = world_with("session: { refresh_grace: 1s }\n");
    let old = Jar::alice(&gateway).without_access();
    let lost = assert_renewed(&old.get(&gateway, "/lost"));
    pause();
    let found = assert_renewed(&old.get(&gateway, "/reload"));
    assert_eq!(found.refresh, lost.refresh, "a second branch");
    assert_eq!(found.get(&gateway, "/first").status, 200);
    // What the page asked for at once with the reload arrives a little later.
    for number in 0..5 {
        let late = old.get(&gateway, &format!("/asset/{number}"));
        assert_eq!(assert_renewed(&late).refresh, lost.refresh);
    }
    pause();
    let thief = old.get(&gateway, "/");
    assert_problem(&thief, 401, "session_revoked", "an old token for ever");
    gateway.wait_for_log(&["event=reuse_detected"]);
    let owner = found.get(&gateway, "/");
    assert_problem(&owner, 401, "session_revoked", "the branch lives on");
}

/// A request that is renewed and whose answer the app keeps back.
fn ask_slowly(gateway: &Gateway, app: &Upstream, jar: &Jar) -> Conn {
    let before = app.count();
    let mut slow = gateway.connect();
    slow.send(jar.request(gateway, "GET", "/hold").bytes())
        .unwrap();
    until("the app to be asked", || app.count() == before + 1);
    slow
}

#[test]
fn a_late_answer_does_not_take_the_browser_back() {
    let (gateway, app) = world_with("session: { refresh_grace: 1s }\n");
    let jar = Jar::alice(&gateway).without_access();
    let mut slow = ask_slowly(&gateway, &app, &jar);
    let mut browser = assert_renewed(&jar.get(&gateway, "/fast"));
    browser.refresh(&gateway);
    assert_eq!(browser.get(&gateway, "/used").status, 200);
    // The note that it arrived is made beside the requests.
    std::thread::sleep(Duration::from_millis(200));
    app.release();
    browser.take(&slow.answer("GET").unwrap());
    assert_eq!(browser.claims()["gen"], 2, "the older pair replaced it");
    std::thread::sleep(Duration::from_millis(1100));
    let next = browser.without_access().get(&gateway, "/");
    assert_eq!(next.status, 200, "taken for a thief: {next}");
}

#[test]
fn a_late_answer_does_not_replace_the_next_session() {
    let (gateway, app) = world();
    let jar = Jar::alice(&gateway).without_access();
    let mut slow = ask_slowly(&gateway, &app, &jar);
    gateway.logout(&jar.cookies());
    let mut browser = Jar::bob(&gateway);
    app.release();
    let late = slow.answer("GET").unwrap();
    assert_eq!(late.status, 200, "{late}");
    browser.take(&late);
    assert_eq!(browser.get(&gateway, "/").status, 200, "Bob is signed out");
}
