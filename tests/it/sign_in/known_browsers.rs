//! A browser in which somebody has signed in before: others cannot keep them out of it, and
//! it is no way to guess on.

use serde_json::json;

use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD, User};
use crate::support::{Builder, Gateway, Response, Upstream, world, world_with};

const NAME: &str = "__Host-doorward-known";

fn behind_proxy(yaml: &str) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("trusted_proxies: [127.0.0.0/8]")
        .yaml(yaml)
        .start();
    (gateway, app)
}

/// A login from this address, of a browser with this known cookie.
fn login(gateway: &Gateway, from: &str, known: &str, name: &str, password: &str) -> Response {
    let request = gateway.login_request(name, password);
    let request = request.header("X-Forwarded-For", from);
    match known {
        "" => request.send(),
        value => request.cookie(&format!("{NAME}={value}")).send(),
    }
}

/// What a right password leaves.
#[track_caller]
fn known_after(answer: &Response) -> String {
    let cookie = answer.cookie(NAME);
    cookie
        .unwrap_or_else(|| panic!("not known: {answer}"))
        .value
}

/// The `Cookie` of the session that began.
fn session(answer: &Response) -> String {
    let name = "__Host-doorward";
    format!("{name}={}", answer.cookie(name).unwrap().value)
}

#[track_caller]
fn known(gateway: &Gateway, name: &str, password: &str) -> String {
    known_after(&login(gateway, "203.0.113.1", "", name, password))
}

#[test]
fn thirteen_addresses_cannot_keep_a_known_browser_out() {
    let (gateway, _app) = behind_proxy("");
    let hers = known(&gateway, "alice", ALICE_PASSWORD);
    for address in 1..=13 {
        for _ in 0..4 {
            let from = format!("192.0.2.{address}");
            login(&gateway, &from, "", "alice", "wrong");
        }
    }
    let stranger = login(&gateway, "198.51.100.1", "", "alice", ALICE_PASSWORD);
    assert_eq!(
        stranger.status, 429,
        "guessed at without a bound: {stranger}"
    );
    let wait: u64 = stranger.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=4).contains(&wait), "{stranger}");
    let seconds = if wait == 1 { "second" } else { "seconds" };
    let words = format!("Try again in {wait} {seconds}.");
    assert!(stranger.text().contains(&words), "{stranger}");
    let hint = "A browser in which you have signed in here before";
    assert!(stranger.text().contains(hint), "{stranger}");
    for from in ["198.51.100.1", "192.0.2.1", "2001:db8::1"] {
        let owner = login(&gateway, from, &hers, "alice", ALICE_PASSWORD);
        assert_eq!(owner.status, 303, "the owner is kept out: {owner}");
    }
}

#[test]
fn a_locked_address_does_not_keep_a_known_browser_out() {
    let (gateway, _app) = behind_proxy("login: { address_attempts: 4 }");
    let hers = known(&gateway, "alice", ALICE_PASSWORD);
    for n in 0..4 {
        login(&gateway, "192.0.2.1", "", &format!("user{n}"), "wrong");
    }
    let from = "192.0.2.1";
    let stranger = login(&gateway, from, "", "alice", ALICE_PASSWORD);
    assert_eq!(stranger.status, 429, "{stranger}");
    let other_user = login(&gateway, from, &hers, "bob", BOB_PASSWORD);
    assert_eq!(other_user.status, 429, "known for anybody: {other_user}");
    let owner = login(&gateway, from, &hers, "alice", ALICE_PASSWORD);
    assert_eq!(owner.status, 303, "{owner}");
}

#[test]
fn a_known_browser_that_guesses_is_locked_by_itself() {
    let (gateway, _app) = behind_proxy("");
    let stolen = known(&gateway, "alice", ALICE_PASSWORD);
    let other = known(&gateway, "alice", ALICE_PASSWORD);
    for n in 0..5 {
        let from = format!("192.0.2.{n}");
        let wrong = login(&gateway, &from, &stolen, "alice", "wrong");
        assert_eq!(wrong.status, 401, "{wrong}");
    }
    let wrong = login(&gateway, "192.0.2.9", &stolen, "alice", "wrong");
    let right = login(&gateway, "192.0.2.9", &stolen, "alice", ALICE_PASSWORD);
    assert_eq!(right.status, 429, "a stolen cookie guesses on: {right}");
    assert_eq!(
        wrong.body, right.body,
        "the answer tells the right password"
    );
    assert!(right.cookies().is_empty(), "{right}");
    let hers = login(&gateway, "192.0.2.9", &other, "alice", ALICE_PASSWORD);
    assert_eq!(hers.status, 303, "another browser is locked too: {hers}");
    gateway.wait_for_log(&["event=lockout", "1001"]);
}

#[test]
fn the_cookie_is_set_by_form_and_json_and_by_a_right_password_alone() {
    let (gateway, _app) = world();
    let form = gateway.try_login("alice", ALICE_PASSWORD);
    let json = gateway
        .request("POST", "/login")
        .own_origin()
        .json(&json!({ "username": "alice", "password": ALICE_PASSWORD }))
        .send();
    for answer in [&form, &json] {
        let cookie = answer.cookie(NAME).expect("not known");
        let mut attributes: Vec<_> = cookie
            .attributes
            .iter()
            .map(|attribute| attribute.to_ascii_lowercase())
            .collect();
        attributes.sort();
        let expected = [
            "httponly",
            "max-age=34560000",
            "path=/",
            "samesite=strict",
            "secure",
        ];
        assert_eq!(attributes, expected);
        for secret in ["alice", "1001"] {
            assert!(!cookie.value.contains(secret), "it tells who: {answer}");
        }
    }
    for name in ["alice", "nobody"] {
        let wrong = gateway.try_login(name, "wrong");
        assert!(wrong.cookie(NAME).is_none(), "{wrong}");
    }
}

#[test]
fn it_survives_logout_and_a_new_password_and_ends_with_its_user() {
    let app = Upstream::start();
    let changed = |password: &str, id: &str| {
        let mut alice = User::alice().password(password);
        alice.id = id.to_owned();
        alice
    };
    let mut gateway = Builder::new(&app)
        .yaml("trusted_proxies: [127.0.0.0/8]")
        .yaml("login: { max_attempts: 1, lockout: 1h }")
        .start();
    let signed_in = login(&gateway, "203.0.113.1", "", "alice", ALICE_PASSWORD);
    let hers = known_after(&signed_in);
    let cookies = format!("{}; {NAME}={hers}", session(&signed_in));
    let logout = gateway.request("POST", "/logout").own_origin();
    let logout = logout.cookie(&cookies).form("").send();
    assert_eq!(logout.status, 303, "{logout}");
    assert!(logout.cookie(NAME).is_none(), "forgotten: {logout}");
    // So that who is not known is locked there.
    login(&gateway, "198.51.100.7", "", "alice", "wrong");
    for (users, password, expected) in [
        (vec![User::alice(), User::bob()], ALICE_PASSWORD, 303),
        (
            vec![changed("through the mirror", "1001"), User::bob()],
            "through the mirror",
            303,
        ),
        (
            vec![changed(ALICE_PASSWORD, "2002"), User::bob()],
            ALICE_PASSWORD,
            429,
        ),
    ] {
        gateway.rewrite_users(&users);
        gateway.reload();
        let answer = login(&gateway, "198.51.100.7", &hers, "alice", password);
        assert_eq!(answer.status, expected, "with {password}: {answer}");
    }
}

#[test]
fn the_app_neither_sees_nor_sets_it() {
    let (gateway, app) = world();
    let signed_in = gateway.try_login("alice", ALICE_PASSWORD);
    let hers = known_after(&signed_in);
    let cookies = format!("a=1; {}; {NAME}={hers}; b=2", session(&signed_in));
    let answer = gateway.get("/", &cookies);
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(app.last().all("cookie"), ["a=1; b=2"]);
}

#[test]
fn who_is_known_is_no_secret_that_the_answers_tell() {
    let (gateway, _app) = world();
    let hers = known(&gateway, "alice", ALICE_PASSWORD);
    let forged = format!("{}A", &hers[..hers.len() - 1]);
    let mut bodies = Vec::new();
    for known in ["", &hers, &forged, "x"] {
        for name in ["alice", "nobody"] {
            let wrong = login(&gateway, "127.0.0.1", known, name, "wrong");
            assert_eq!(wrong.status, 401, "{wrong}");
            // What was typed stays in the form.
            bodies.push(wrong.text().replace(&format!("value=\"{name}\""), ""));
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "who is known, or who exists, shows");
}

#[test]
fn without_known_browsers_nobody_is() {
    let (gateway, _app) = world_with("login: { known_browsers: false }");
    let answer = gateway.try_login("alice", ALICE_PASSWORD);
    assert_eq!(answer.status, 303, "{answer}");
    assert!(answer.cookie(NAME).is_none(), "{answer}");
    for _ in 0..6 {
        gateway.try_login("alice", "wrong");
    }
    let locked = gateway.try_login("alice", "wrong");
    assert_eq!(locked.status, 429, "{locked}");
    assert!(!locked.text().contains("A browser in which"), "{locked}");
}

#[test]
fn another_name_or_domain_names_this_cookie_too() {
    for (yaml, expected) in [
        ("cookies: { name: door }", "__Host-door-known"),
        (
            "cookies: { domain: example.com, same_site: lax }",
            "__Secure-doorward-known",
        ),
    ] {
        let (gateway, _app) = world_with(yaml);
        let answer = gateway.try_login("alice", ALICE_PASSWORD);
        let cookie = answer.cookie(expected);
        let cookie = cookie.unwrap_or_else(|| panic!("{expected}: {answer}"));
        let strict = cookie.attributes.iter().any(|a| a == "SameSite=Strict");
        assert!(strict, "{answer}");
    }
}
