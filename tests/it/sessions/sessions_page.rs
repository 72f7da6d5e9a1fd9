//! My sessions: everybody sees and ends their own, and nobody else's.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD};
use crate::support::{Request, Response, assert_problem, until, world, world_with};

const PAGE: &str = "/_doorward/sessions";

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) \
    AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";

/// Logs in with this device; the text for a `Cookie` field.
#[track_caller]
fn login(gateway: &Gateway, name: &str, password: &str, agent: &str) -> String {
    let login = gateway
        .login_request(name, password)
        .header("User-Agent", agent)
        .send();
    assert_eq!(login.status, 303, "{login}");
    let cookie = login.cookie("__Host-doorward").expect("a session cookie");
    format!("__Host-doorward={}", cookie.value)
}

/// The sessions as a program sees them.
#[track_caller]
fn listed(gateway: &Gateway, cookie: &str) -> Vec<Value> {
    let response = ask(gateway, cookie).send();
    assert_eq!(response.status, 200, "{response}");
    assert!(response.lists("cache-control", "no-store"), "{response}");
    response.json()["sessions"].as_array().cloned().unwrap()
}

fn ask(gateway: &Gateway, cookie: &str) -> Request {
    gateway
        .request("GET", PAGE)
        .header("Accept", "application/json")
        .cookie(cookie)
}

/// The id of the session of this cookie.
#[track_caller]
fn id(gateway: &Gateway, cookie: &str) -> String {
    let sessions = listed(gateway, cookie);
    let current = sessions.iter().find(|one| one["current"] == true);
    current.expect("its own session")["id"]
        .as_str()
        .unwrap()
        .into()
}

/// The form as a browser posts it.
#[track_caller]
fn post(gateway: &Gateway, cookie: &str, body: &str) -> Response {
    gateway
        .request("POST", PAGE)
        .own_origin()
        .navigate("same-origin")
        .cookie(cookie)
        .form(body)
        .send()
}

#[track_caller]
fn assert_alive(gateway: &Gateway, cookie: &str, world: &str) {
    let response = gateway.get("/", cookie);
    assert_eq!(response.status, 200, "{world}: {response}");
}

#[track_caller]
fn assert_ended(gateway: &Gateway, cookie: &str, world: &str) {
    assert_problem(&gateway.get("/", cookie), 401, "session_revoked", world);
}

#[test]
fn people_see_their_own_sessions_and_no_others() {
    let (gateway, _app) = world();
    let laptop = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let phone = login(&gateway, "alice", ALICE_PASSWORD, IPHONE);
    let bob = login(&gateway, "bob", BOB_PASSWORD, "<script>alert(1)</script>");

    let seen = listed(&gateway, &laptop);
    let devices: Vec<_> = seen.iter().map(|one| &one["device"]).collect();
    assert_eq!(
        devices,
        ["Firefox on Linux", "Safari on iPhone"],
        "this one first, then the other, nobody else's: {seen:?}"
    );
    assert_eq!(seen[0]["current"], true, "{seen:?}");
    assert_eq!(seen[1]["current"], false, "{seen:?}");
    assert_eq!(seen[1]["agent"], IPHONE, "{seen:?}");
    assert_eq!(seen[1]["address"], "127.0.0.1", "{seen:?}");
    for time in ["created", "last_seen", "ends"] {
        let said = seen[1][time].as_str().unwrap_or_default();
        humantime::parse_rfc3339(said).unwrap_or_else(|e| panic!("{time} is {said:?}: {e}"));
    }
    assert_eq!(listed(&gateway, &phone)[0]["device"], "Safari on iPhone");

    let page = gateway
        .request("GET", PAGE)
        .navigate("none")
        .cookie(&laptop)
        .send();
    assert_eq!(page.status, 200, "{page}");
    assert!(page.is("text/html"), "{page}");
    let html = page.text();
    for part in [
        "Alice Example",
        "Firefox on Linux",
        "Safari on iPhone",
        "127.0.0.1",
    ] {
        assert!(html.contains(part), "the page does not say {part}: {html}");
    }
    assert_eq!(html.matches("This browser").count(), 1, "{html}");
    let of_bob = id(&gateway, &bob);
    assert!(!html.contains(&of_bob), "Alice sees Bob's session: {html}");
    let page = gateway
        .request("GET", PAGE)
        .navigate("none")
        .cookie(&bob)
        .send();
    assert!(!page.text().contains("<script"), "not escaped: {page}");
}

#[test]
fn ending_one_is_in_force_on_its_next_request() {
    let (gateway, _app) = world();
    let laptop = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let phone = login(&gateway, "alice", ALICE_PASSWORD, IPHONE);
    let tablet = login(&gateway, "alice", ALICE_PASSWORD, "curl/8.5.0");
    let ended = id(&gateway, &phone);
    let answer = post(&gateway, &laptop, &format!("session={ended}"));
    assert_eq!(answer.status, 303, "{answer}");
    assert!(answer.cookies().is_empty(), "this one goes on: {answer}");
    assert_ended(&gateway, &phone, "the phone is still in");
    assert_alive(&gateway, &laptop, "the wrong one was ended");
    assert_alive(&gateway, &tablet, "more was ended than was asked for");
    gateway.wait_for_log(&["event=revoke", "self_service", &ended]);

    let back = answer.header("location").unwrap();
    let page = gateway
        .request("GET", back)
        .navigate("same-origin")
        .cookie(&laptop)
        .send();
    assert_eq!(page.status, 200, "{page}");
    assert!(
        page.text().contains("role=\"status\""),
        "nobody is told: {page}"
    );
    assert!(!page.text().contains("Safari on iPhone"), "{page}");

    let json = gateway
        .request("POST", PAGE)
        .own_origin()
        .cookie(&laptop)
        .json(&json!({ "session": id(&gateway, &tablet) }))
        .send();
    assert_eq!(json.status, 204, "{json}");
    assert_ended(&gateway, &tablet, "the tablet is still in");
}

#[test]
fn everywhere_else_leaves_only_this_one() {
    let (gateway, _app) = world();
    let others: Vec<_> = (0..5)
        .map(|n| login(&gateway, "alice", ALICE_PASSWORD, &format!("agent{n}/1")))
        .collect();
    let here = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let bob = login(&gateway, "bob", BOB_PASSWORD, FIREFOX);
    assert_eq!(listed(&gateway, &here).len(), 6);
    let answer = post(&gateway, &here, "others=true");
    assert_eq!(answer.status, 303, "{answer}");
    for other in &others {
        assert_ended(&gateway, other, "another one is still in");
    }
    assert_alive(&gateway, &here, "this one was ended too");
    assert_alive(&gateway, &bob, "somebody else's was ended");
    let left = listed(&gateway, &here);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["current"], true, "{left:?}");
    let back = answer.header("location").unwrap();
    let page = gateway
        .request("GET", &back)
        .navigate("same-origin")
        .cookie(&here)
        .send();
    assert!(
        page.text().contains("role=\"status\""),
        "nobody is told: {page}"
    );
    assert!(
        !page.text().contains("id=\"others\""),
        "nothing left to end: {page}"
    );

    login(&gateway, "alice", ALICE_PASSWORD, IPHONE);
    let page = gateway
        .request("GET", &back)
        .navigate("same-origin")
        .cookie(&here)
        .send();
    assert!(
        !page.text().contains("role=\"status\""),
        "a link can make the page say it: {page}"
    );
}

#[test]
fn of_very_many_the_newest_are_shown_and_all_can_be_ended() {
    let (gateway, _app) = world_with("session: { max_per_user: null }");
    let oldest = login(&gateway, "alice", ALICE_PASSWORD, "oldest/1");
    let more: Vec<_> = (0..203)
        .map(|_| login(&gateway, "alice", ALICE_PASSWORD, "robot/1"))
        .collect();
    let here = more.last().unwrap();
    let listed = ask(&gateway, here).send().json();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 200);
    assert_eq!(listed["more"], 4, "the rest is not counted");
    assert_eq!(listed["sessions"][0]["current"], true);
    let page = gateway
        .request("GET", PAGE)
        .navigate("none")
        .cookie(here)
        .send();
    assert!(page.text().contains("204 sessions"), "{page}");
    assert!(page.text().contains("4 more are not shown"), "{page}");
    assert!(!page.text().contains("oldest"), "the oldest take the place");
    let answer = post(&gateway, here, "others=true");
    assert_eq!(answer.status, 303, "{answer}");
    assert_ended(&gateway, &oldest, "what is not shown stays");
    assert_ended(&gateway, &more[100], "one of many stays");
    assert_alive(&gateway, here, "this one was ended too");
}

#[test]
fn ending_this_one_is_a_logout() {
    let (gateway, _app) = world();
    let here = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let other = login(&gateway, "alice", ALICE_PASSWORD, IPHONE);
    let own = id(&gateway, &here);
    let answer = post(&gateway, &here, &format!("session={own}"));
    assert_eq!(answer.status, 303, "{answer}");
    assert_eq!(
        answer.header("location").as_deref(),
        Some("/login"),
        "{answer}"
    );
    let cookies = answer.cookies();
    assert!(cookies.len() >= 2, "{answer}");
    assert_no_cookie_stays(&answer);
    assert!(answer.header("clear-site-data").is_some(), "{answer}");
    assert_ended(&gateway, &here, "still in");
    assert_alive(&gateway, &other, "the other one was ended too");
}

#[test]
fn a_renewal_on_the_way_to_the_last_goodbye_gives_no_cookies_back() {
    let (gateway, _app) = world_with("session: { access_ttl: 1s }");
    let login = gateway.try_login("alice", ALICE_PASSWORD);
    let pairs: Vec<_> = login
        .cookies()
        .iter()
        .map(|c| format!("{}={}", c.name, c.value))
        .collect();
    let own = id(&gateway, &pairs.join("; "));
    until("the access token to run out", || {
        gateway.get("/_doorward/session", &pairs[0]).code() == "session_expired"
    });
    let answer = post(&gateway, &pairs.join("; "), &format!("session={own}"));
    assert_eq!(
        answer.header("location").as_deref(),
        Some("/login"),
        "{answer}"
    );
    assert_no_cookie_stays(&answer);
}

/// Of each name the last word counts.
#[track_caller]
fn assert_no_cookie_stays(answer: &Response) {
    let cookies = answer.cookies();
    for cookie in &cookies {
        let last = cookies.iter().rfind(|other| other.name == cookie.name);
        assert!(last.unwrap().clears(), "{} stays: {answer}", cookie.name);
    }
}

#[test]
fn a_foreign_session_is_as_unknown_as_one_that_never_was() {
    let (gateway, _app) = world();
    // Alice is an administrator; here that counts for nothing.
    let alice = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let bob = login(&gateway, "bob", BOB_PASSWORD, FIREFOX);
    let foreign = id(&gateway, &bob);
    let unknown = "019a0000-0000-7000-8000-000000000000";
    let mut answers = Vec::new();
    for session in [foreign.as_str(), unknown] {
        let form = post(&gateway, &alice, &format!("session={session}"));
        assert_eq!(form.status, 303, "{form}");
        let back = form.header("location").unwrap();
        let page = gateway
            .request("GET", &back)
            .navigate("same-origin")
            .cookie(&alice)
            .send();
        assert!(
            !page.text().contains("role=\"status\""),
            "it says that it ended: {page}"
        );
        let json = gateway
            .request("POST", PAGE)
            .own_origin()
            .cookie(&alice)
            .json(&json!({ "session": session }))
            .send();
        assert_problem(
            &json,
            404,
            "not_found",
            "a foreign session is told from an unknown one",
        );
        let mut told = json.json();
        told.as_object_mut().unwrap().remove("request_id");
        answers.push((back.replace(session, "…"), told));
    }
    assert_eq!(
        answers[0], answers[1],
        "a foreign session is told from an unknown one"
    );
    assert_alive(&gateway, &bob, "Alice ended Bob's session");
    assert_eq!(listed(&gateway, &bob).len(), 1);
}

#[test]
fn another_site_ends_nothing() {
    let (gateway, _app) = world();
    let here = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let other = login(&gateway, "alice", ALICE_PASSWORD, IPHONE);
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "https://evil.example"),
    ] {
        let answer = gateway
            .request("POST", PAGE)
            .header(name, value)
            .cookie(&here)
            .form("others=true")
            .send();
        assert_eq!(answer.status, 403, "{answer}");
        assert_alive(&gateway, &other, "another site ended a session");
    }
}

#[test]
fn where_tokens_are_asked_for_the_forms_carry_one() {
    for mode in ["token", "both"] {
        let (gateway, _app) = world_with(&format!("csrf: {{ mode: {mode} }}"));
        let here = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
        let other = login(&gateway, "alice", ALICE_PASSWORD, IPHONE);
        let bare = post(&gateway, &here, "others=true");
        assert_eq!(bare.status, 403, "{bare}");
        let forged = post(&gateway, &here, "others=true&csrf_token=x");
        assert_eq!(forged.status, 403, "{forged}");
        assert_alive(&gateway, &other, "no token was needed");
        let page = gateway
            .request("GET", PAGE)
            .navigate("none")
            .cookie(&here)
            .send()
            .text();
        let tokens: Vec<_> = page
            .split("name=\"csrf_token\" value=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(tokens.len(), 3, "{page}");
        let body = format!("csrf_token={}&others=true", tokens[0]);
        let honest = post(&gateway, &here, &body);
        assert_eq!(honest.status, 303, "{honest}");
        assert_ended(&gateway, &other, "the form of the page does nothing");
    }
}

#[test]
fn what_names_nothing_or_two_things_is_refused() {
    let (gateway, _app) = world();
    let here = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let other = login(&gateway, "alice", ALICE_PASSWORD, IPHONE);
    let of_other = id(&gateway, &other);
    for body in [
        String::new(),
        "session=".into(),
        "session=x".into(),
        "others=false".into(),
        format!("session={of_other}&others=true"),
        format!("session={of_other}&session={of_other}"),
        "[]".into(),
        "{\"others\":false}".into(),
    ] {
        let answer = gateway
            .request("POST", PAGE)
            .own_origin()
            .cookie(&here)
            .form(&body)
            .send();
        assert_problem(&answer, 400, "bad_request", &body);
        assert_alive(&gateway, &other, &body);
    }
}

#[test]
fn without_a_session_the_way_leads_to_the_login_and_back() {
    let (gateway, _app) = world();
    let page = gateway.request("GET", PAGE).navigate("none").send();
    assert_eq!(page.status, 303, "{page}");
    assert_eq!(
        page.header("location").as_deref(),
        Some("/login?rd=/_doorward/sessions"),
        "{page}"
    );
    assert_problem(
        &ask(&gateway, "").send(),
        401,
        "session_required",
        "open to everybody",
    );
    let answer = gateway
        .request("POST", PAGE)
        .own_origin()
        .form("others=true")
        .send();
    assert_problem(&answer, 401, "session_required", "open to everybody");
    let ended = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    gateway.logout(&ended);
    assert_problem(
        &ask(&gateway, &ended).send(),
        401,
        "session_revoked",
        "still open",
    );
}

#[test]
fn page_and_forms_follow_the_prefix() {
    let (gateway, _app) = world_with("paths: { prefix: /door }");
    let cookie = login(&gateway, "alice", ALICE_PASSWORD, FIREFOX);
    let page = gateway
        .request("GET", "/door/sessions")
        .navigate("none")
        .cookie(&cookie)
        .send();
    assert_eq!(page.status, 200, "{page}");
    assert!(page.text().contains("action=\"/door/sessions\""), "{page}");
    assert!(!page.text().contains("_doorward"), "{page}");
    let answer = gateway
        .request("POST", "/door/sessions")
        .own_origin()
        .cookie(&cookie)
        .form("others=true")
        .send();
    let back = answer.header("location").unwrap_or_default();
    assert!(back.starts_with("/door/sessions?"), "{answer}");
}
