//! The audit log and sessions: each event is one line that says whose session began, went
//! on or ended, which one, from where and why, and none of them says a token.

use crate::support::{Forger, Gateway, Jar, Request, token, world_with};

/// Two clients behind a proxy that is believed.
const BEHIND: &str = "trusted_proxies: [127.0.0.1/32]\n";
const HERE: &str = "192.0.2.7";

fn from_here(request: Request) -> Request {
    request.header("X-Forwarded-For", HERE)
}

#[track_caller]
fn post(gateway: &Gateway, jar: &Jar, target: &str, form: &str) {
    let answer = from_here(jar.request(gateway, "POST", target)).form(form);
    let answer = answer.send();
    assert!(matches!(answer.status, 200 | 303), "{target}: {answer}");
}

/// Waits for the one audit line with these words, and checks that it has them as fields.
#[track_caller]
fn assert_told(gateway: &Gateway, event: &str, session: &str, fields: &[&str]) {
    let event = format!("event={event} ");
    let line = gateway.wait_for_log(&["audit", &event, session]);
    let client = format!("client={HERE}");
    for field in fields.iter().chain([&client.as_str()]) {
        let is_there = line.split_whitespace().any(|word| word == *field);
        assert!(is_there, "no {field}: {line}");
    }
}

#[test]
fn a_session_is_followed_from_its_login_to_its_logout() {
    let (gateway, _app) = world_with(BEHIND);
    let request = gateway.login_request("bob", crate::support::users::BOB_PASSWORD);
    let mut jar = Jar::of(&from_here(request).send());
    let session = format!("session={}", jar.session());
    assert_told(&gateway, "login", &session, &["user=1002"]);

    let silent = jar.without_access().request(&gateway, "GET", "/");
    let answer = from_here(silent).send();
    assert_eq!(answer.status, 200, "{answer}");
    jar.take(&answer);
    assert_told(&gateway, "refresh", &session, &["user=1002"]);

    post(&gateway, &jar, "/logout", "everywhere=true");
    let fields = ["user=1002", "reason=everywhere"];
    assert_told(&gateway, "logout", &session, &fields);
}

#[test]
fn each_way_to_end_a_session_is_told_apart() {
    let (gateway, _app) = world_with(BEHIND);
    let admin = Jar::alice(&gateway);
    for (target, name, reason) in [
        ("/revoke", "token", "reason=token"),
        ("/revoke", "session", "reason=session"),
        ("/_doorward/sessions", "session", "reason=self_service"),
    ] {
        let (jar, by) = match target {
            "/revoke" => (Jar::bob(&gateway), &admin),
            _ => (Jar::alice(&gateway), &admin),
        };
        let value = match name {
            "token" => jar.access.clone().unwrap(),
            _ => jar.session(),
        };
        post(&gateway, by, target, &format!("{name}={value}"));
        let session = format!("session={}", jar.session());
        let claims = jar.claims();
        let user = format!("user={}", claims["sub"].as_str().unwrap());
        assert_told(&gateway, "revoke", &session, &[&user, reason]);
    }
    post(&gateway, &admin, "/revoke", "user=bob");
    assert_told(&gateway, "revoke", "reason=user", &["user=1002"]);
    post(&gateway, &admin, "/revoke", "all=true");
    assert_told(&gateway, "revoke", "reason=all", &[]);
}

#[test]
fn no_token_of_a_session_is_logged_at_any_level() {
    for format in ["text", "json"] {
        let (gateway, _app) = world_with(&format!(
            "log: {{ level: trace, format: {format}, query: true }}\n\
             csrf: {{ mode: token }}\nsession: {{ refresh_grace: 0s }}\n"
        ));
        let first = Jar::alice(&gateway);
        let mut second = first.clone();
        second.take(&first.post_refresh_with_token(&gateway));
        let mut third = second.clone();
        third.take(&second.without_access().get(&gateway, "/?a=1"));
        third.get(&gateway, "/_doorward/session");
        let reuse = first.without_access().post_refresh_with_token(&gateway);
        assert_eq!(reuse.code(), "session_revoked", "{reuse}");
        let admin = Jar::alice(&gateway);
        let form = format!("token={}", third.refresh.as_ref().unwrap());
        let csrf = admin.csrf.clone().unwrap();
        let revoke = admin.request(&gateway, "POST", "/revoke");
        let revoke = revoke.header("X-CSRF-Token", &csrf).form(&form).send();
        assert_eq!(revoke.status, 200, "{revoke}");
        let output = gateway.command(&["revoke", "--token", admin.access.as_ref().unwrap()], "");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(admin.get(&gateway, "/last").status, 401);
        gateway.wait_for_log(&["/last"]);
        let log = gateway.log();
        for jar in [first, second, third, admin] {
            for token in [jar.access, jar.refresh, jar.csrf] {
                let token = token.unwrap();
                let end = token.rsplit('.').next().unwrap();
                assert!(!log.contains(end), "{token} is in the log ({format})");
            }
        }
    }
}

/// What was refused is somebody's secret all the same, or an attacker's ink.
#[test]
fn nothing_of_a_refused_cookie_is_logged() {
    let forger = Forger::before(&format!("{}log: {{ level: trace }}\n", token::signing()));
    let gateway = &forger.gateway;
    let marked = serde_json::json!("the-ink-of-an-attacker");
    let mark = |claim| forger.with_claims(&forger.claims_with(claim, marked.clone()));
    let kid = forger.with_header(&forger.header_with("kid", marked.clone()));
    let mut tokens = vec!["the-ink-of-an-attacker".to_owned(), kid];
    tokens.extend(["iss", "aud", "sub", "jti", "ver", "sid", "name"].map(mark));
    for value in &tokens {
        for name in ["__Host-doorward", "__Host-doorward-refresh"] {
            let cookie = format!("{name}={value}");
            gateway.get("/", &cookie);
            gateway
                .request("POST", "/refresh")
                .own_origin()
                .cookie(&cookie)
                .send();
            gateway
                .request("POST", "/logout")
                .own_origin()
                .cookie(&cookie)
                .form("")
                .send();
        }
    }
    gateway.wait_for_log(&["POST", "/logout"]);
    let log = gateway.log();
    assert!(!log.contains("the-ink"), "a forged claim is in the log");
    for value in &tokens {
        let tail = &value[value.len() - 12..];
        assert!(!log.contains(tail), "a refused token is in the log: {tail}");
    }
}
