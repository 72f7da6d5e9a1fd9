//! Ending sessions: at once, for good, and whatever happens to the process.

use std::time::Duration;

use serde_json::json;

use crate::support::users::User;
use crate::support::{
    Builder, Gateway, Jar, Response, Upstream, assert_problem, token, until, world,
};

#[track_caller]
fn assert_revoked(gateway: &Gateway, cookie: &str, world: &str) {
    assert_problem(&gateway.get("/", cookie), 401, "session_revoked", world);
}

#[test]
fn a_logout_ends_the_session_and_clears_the_browser() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let response = gateway.logout(&cookie);
    assert_eq!(response.status, 303, "{response}");
    assert_eq!(
        response.header("location").as_deref(),
        Some("/login"),
        "{response}"
    );
    assert_eq!(
        response.header("clear-site-data").as_deref(),
        Some("\"storage\""),
        "what the app kept in the browser stays for the next person: {response}"
    );
    let cleared = response
        .cookie("__Host-doorward")
        .unwrap_or_else(|| panic!("the cookie stays: {response}"));
    assert!(cleared.clears(), "the cookie stays: {response}");
    assert!(
        cleared.attribute("Secure").is_some()
            && cleared.attribute("Path") == Some("/")
            && cleared.attribute("Domain").is_none(),
        "a browser ignores it when a __Host- cookie is removed with other attributes: {response}"
    );
    assert_eq!(app.count(), 0, "the app saw our logout");
    assert_revoked(&gateway, &cookie, "who kept the cookie is still in");
    gateway.wait_for_log(&["logout", "1001"]);
}

#[test]
fn a_program_gets_204() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let response = gateway
        .request("POST", "/logout")
        .own_origin()
        .cookie(&cookie)
        .json(&json!({}))
        .send();
    assert_eq!(response.status, 204, "{response}");
    assert!(
        response.cookie("__Host-doorward").unwrap().clears(),
        "{response}"
    );
    assert_revoked(&gateway, &cookie, "a JSON logout ends nothing");
}

#[test]
fn get_logout_only_asks() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let page = gateway
        .request("GET", "/logout")
        .navigate("same-origin")
        .cookie(&cookie)
        .send();
    assert_eq!(page.status, 200, "{page}");
    assert!(page.text().contains("method=\"post\""), "{page}");
    assert_eq!(
        gateway.get("/", &cookie).status,
        200,
        "an image on another site could sign people out"
    );
}

#[test]
fn a_logout_without_a_session_still_clears() {
    let (gateway, _app) = world();
    for cookie in ["", "__Host-doorward=x"] {
        let response = gateway.logout(cookie);
        assert_eq!(response.status, 303, "{response}");
        assert!(
            response
                .cookie("__Host-doorward")
                .is_some_and(|cookie| cookie.clears()),
            "{response}"
        );
    }
}

#[test]
fn an_expired_token_still_names_its_session_at_logout() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml(&token::signing()).start();
    let cookie = gateway.alice();
    let (header, mut claims) = token::parts(token::of(&cookie));
    let iat = claims["iat"].as_u64().unwrap();
    claims["iat"] = json!(iat - 60);
    claims["nbf"] = json!(iat - 60);
    claims["exp"] = json!(iat - 1);
    let expired = token::cookie(&token::sign(&header, &claims, token::KEY.as_bytes()));
    assert_problem(
        &gateway.get("/", &expired),
        401,
        "session_expired",
        "the forger forges badly",
    );
    assert_eq!(gateway.logout(&expired).status, 303);
    assert_revoked(
        &gateway,
        &cookie,
        "a logout with an expired token ends nothing",
    );
}

#[test]
fn everywhere_ends_all_sessions_of_the_user_and_nobody_elses() {
    let (gateway, _app) = world();
    let (here, there, bob) = (gateway.alice(), gateway.alice(), gateway.bob());
    let response = gateway
        .request("POST", "/logout")
        .own_origin()
        .cookie(&here)
        .form("everywhere=true")
        .send();
    assert_eq!(response.status, 303, "{response}");
    assert_revoked(&gateway, &here, "the session that asked goes on");
    assert_revoked(&gateway, &there, "another session of the user goes on");
    assert_eq!(
        gateway.get("/", &bob).status,
        200,
        "somebody else was signed out"
    );
    let again = gateway.alice();
    assert_eq!(
        gateway.get("/", &again).status,
        200,
        "a login right after is dead on arrival"
    );
}

#[test]
fn anybody_may_revoke_their_own_token() {
    let (gateway, _app) = world();
    let (mine, other) = (gateway.bob(), gateway.bob());
    let form = format!("token={}&token_type_hint=access_token", token::of(&other));
    let response = gateway
        .request("POST", "/revoke")
        .own_origin()
        .cookie(&mine)
        .form(&form)
        .send();
    assert_eq!(response.status, 200, "{response}");
    assert_revoked(&gateway, &other, "the revoked token goes on");
    assert_eq!(
        gateway.get("/", &mine).status,
        200,
        "the wrong session ended"
    );
    let unknown = gateway
        .request("POST", "/revoke")
        .own_origin()
        .cookie(&mine)
        .form("token=nonsense")
        .send();
    assert_eq!(unknown.status, 200, "RFC 7009 section 2.2: {unknown}");
}

fn post_revoke(gateway: &Gateway, cookie: &str, form: &str) -> Response {
    gateway
        .request("POST", "/revoke")
        .own_origin()
        .cookie(cookie)
        .form(form)
        .send()
}

#[test]
fn only_administrators_revoke_for_others() {
    let (gateway, _app) = world();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let of_alice = format!("token={}", token::of(&alice));
    post_revoke(&gateway, &bob, &of_alice);
    assert_eq!(gateway.get("/", &alice).status, 200, "Bob signed Alice out");
    let nobody = post_revoke(&gateway, "", &of_alice);
    assert_eq!(nobody.status, 401, "a stranger may revoke: {nobody}");
    assert_eq!(
        gateway.get("/", &alice).status,
        200,
        "a stranger signed Alice out"
    );
    let of_bob = format!("token={}", token::of(&bob));
    assert_eq!(post_revoke(&gateway, &alice, &of_bob).status, 200);
    assert_revoked(&gateway, &bob, "an administrator cannot end Bob's session");
    gateway.wait_for_log(&["revoke", "1002"]);
    for form in ["user=alice", "all=true", "user=1001"] {
        let response = post_revoke(&gateway, &gateway.bob(), form);
        assert_problem(&response, 403, "forbidden", &format!("Bob may {form}"));
    }
    assert_eq!(gateway.get("/", &alice).status, 200, "Bob signed Alice out");
}

#[test]
fn administrators_revoke_by_session_user_or_everybody() {
    let (gateway, _app) = world();
    let alice = gateway.alice();
    let bob = gateway.bob();
    let sid = token::parts(token::of(&bob)).1["sid"].clone();
    let by_session = format!("session={}", sid.as_str().unwrap());
    for form in [by_session.as_str(), "user=bob", "user=1002", "all=true"] {
        let bob = if form == by_session {
            bob.clone()
        } else {
            gateway.bob()
        };
        assert_eq!(post_revoke(&gateway, &alice, form).status, 200, "{form}");
        assert_revoked(&gateway, &bob, form);
    }
    assert_revoked(&gateway, &alice, "all is not all");
}

#[test]
fn an_id_wins_over_a_name() {
    use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD, User};
    let app = Upstream::start();
    let mut admin = User::new("1003", "carol", "Carol", "pw-of-carol");
    admin.roles = vec!["admin".into()];
    let people = [
        User::new("bob", "alice", "Alice", ALICE_PASSWORD),
        User::new("1002", "bob", "Bob", BOB_PASSWORD),
        admin,
    ];
    let gateway = Builder::new(&app).users(&people).start();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let admin = gateway.login("carol", "pw-of-carol");
    assert_eq!(post_revoke(&gateway, &admin, "user=bob").status, 200);
    assert_revoked(&gateway, &alice, "the id did not win");
    assert_eq!(gateway.get("/", &bob).status, 200, "the name won");
}

#[test]
fn a_revocation_survives_restart_and_kill() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let (gone, kept) = (gateway.alice(), gateway.alice());
    gateway.logout(&gone);
    // What was acknowledged survives, so the axe may fall right after.
    gateway.kill();
    gateway.start_again();
    assert_revoked(&gateway, &gone, "a crash brings a session back");
    assert_eq!(
        gateway.get("/", &kept).status,
        200,
        "a crash ends other sessions"
    );
    gateway.restart();
    assert_revoked(&gateway, &gone, "a restart brings a session back");
    assert_eq!(
        gateway.get("/", &kept).status,
        200,
        "a restart ends other sessions"
    );
}

#[test]
fn every_acknowledged_logout_survives_kill_under_load() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let cookies: Vec<_> = (0..24).map(|_| gateway.bob()).collect();
    let acknowledged = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for cookie in &cookies {
            let (gateway, acknowledged) = (&gateway, &acknowledged);
            scope.spawn(move || {
                let answer = gateway
                    .request("POST", "/logout")
                    .own_origin()
                    .cookie(cookie)
                    .form("")
                    .try_send();
                if answer.is_ok_and(|answer| answer.status == 303) {
                    acknowledged.lock().unwrap().push(cookie.clone());
                }
            });
        }
        until("half of the logouts", || {
            acknowledged.lock().unwrap().len() >= 12
        });
        gateway.signal("KILL");
    });
    gateway.kill();
    gateway.start_again();
    for cookie in acknowledged.into_inner().unwrap() {
        assert_revoked(&gateway, &cookie, "an acknowledged logout was forgotten");
    }
}

/// What an operator may do to Bob, each of which ends his sessions.
fn strikes() -> Vec<(&'static str, Vec<User>)> {
    vec![
        (
            "disabled",
            vec![User::alice(), User::bob().with("disabled: true")],
        ),
        ("removed", vec![User::alice()]),
        (
            "re-passworded",
            vec![User::alice(), User::bob().password("another")],
        ),
        (
            "token_version raised",
            vec![User::alice(), User::bob().with("token_version: 1")],
        ),
    ]
}

#[test]
fn a_change_of_the_user_counts_at_the_next_request() {
    for (what, people) in strikes() {
        let app = Upstream::start();
        let mut gateway = Builder::new(&app).start();
        let (alice, bob) = (gateway.alice(), gateway.bob());
        assert_eq!(gateway.get("/", &bob).status, 200);
        gateway.rewrite_users(&people);
        gateway.hangup();
        until(what, || gateway.get("/", &bob).status == 401);
        assert_revoked(&gateway, &bob, what);
        assert_eq!(
            gateway.get("/", &alice).status,
            200,
            "{what}: somebody else was signed out"
        );
        gateway.rewrite_users(&[User::alice(), User::bob()]);
        gateway.reload();
        assert_eq!(
            gateway.try_login("bob", "builder").status,
            303,
            "{what}, then undone"
        );
        assert_revoked(
            &gateway,
            &bob,
            &format!("{what}, then undone: the old session is back"),
        );
    }
}

#[test]
fn a_change_of_the_user_counts_when_it_happened_while_down() {
    for (what, people) in strikes() {
        let app = Upstream::start();
        let mut gateway = Builder::new(&app).start();
        let (alice, bob) = (gateway.alice(), gateway.bob());
        gateway.kill();
        gateway.rewrite_users(&people);
        gateway.start_again();
        assert_revoked(&gateway, &bob, what);
        assert_eq!(
            gateway.get("/", &alice).status,
            200,
            "{what}: somebody else was signed out"
        );
        gateway.kill();
        gateway.rewrite_users(&[User::alice(), User::bob()]);
        gateway.start_again();
        assert_revoked(
            &gateway,
            &bob,
            &format!("{what} while down, then undone: the old session is back"),
        );
    }
}

#[test]
fn a_disabled_user_cannot_log_in_and_nobody_learns_why() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .users(&[User::alice(), User::bob().with("disabled: true")])
        .start();
    let disabled = gateway.try_login("bob", "builder");
    let unknown = gateway.try_login("nobody", "builder");
    assert_eq!(disabled.status, 401, "{disabled}");
    assert_eq!(
        disabled.text().replace("bob", ""),
        unknown.text().replace("nobody", ""),
        "the answer tells that bob exists"
    );
}

#[test]
fn ghsa_x883_2vmg_xwf7_roles_and_names_are_todays() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app)
        .yaml("rules: [{ path: /admin/**, access: { roles: [admin] } }]")
        .start();
    let cookie = gateway.alice();
    assert_eq!(gateway.get("/admin", &cookie).status, 200);
    gateway.rewrite_users(&[
        User::new("1001", "alice", "Alice Married", "wonderland"),
        User::bob(),
    ]);
    gateway.hangup();
    until("the new roles to count", || {
        gateway.get("/admin", &cookie).status == 403
    });
    assert_eq!(
        gateway.get("/", &cookie).status,
        200,
        "a changed name ended the session"
    );
    assert_eq!(
        app.last().all("x-user-name"),
        ["Alice Married"],
        "the app is told yesterday's name"
    );
    assert!(
        app.last().all("x-user-roles").is_empty(),
        "the app is told yesterday's roles"
    );
}

#[test]
fn a_revocation_outlasts_tokens_of_longer_settings() {
    for (name, everywhere) in [("session", false), ("user", true)] {
        let app = Upstream::start();
        let mut gateway = Builder::new(&app)
            .yaml("session: { access_ttl: 10m }\n")
            .start();
        let cookie = gateway.alice();
        gateway.rewrite(
            "session: { access_ttl: 1s, idle_timeout: 1s, absolute_timeout: 1s, remember_me: null }\n",
        );
        gateway.reload();
        let logout = gateway.request("POST", "/logout").own_origin();
        let body = if everywhere { "everywhere=true" } else { "" };
        assert_eq!(logout.cookie(&cookie).form(body).send().status, 303);
        assert_revoked(&gateway, &cookie, "not even ended");
        // What the settings of today could have issued is over.
        std::thread::sleep(Duration::from_millis(1100));
        gateway.restart();
        assert_revoked(
            &gateway,
            &cookie,
            &format!("back in after a restart: {name}"),
        );
    }
}

/// The pair is given once more to whoever comes with the old one right after the new one
/// was first used: long after it was made, and so with a token that lives longer.
#[test]
fn a_revocation_outlasts_tokens_that_were_given_again() {
    let app = Upstream::start();
    let yaml = "session: { access_ttl: 6s, refresh_grace: 2s }\n";
    let mut gateway = Builder::new(&app).yaml(yaml).start();
    let first = Jar::alice(&gateway);
    let next = Jar::of(&first.post_refresh(&gateway));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(next.get(&gateway, "/used").status, 200);
    std::thread::sleep(Duration::from_millis(200));
    let again = Jar::of(&first.without_access().get(&gateway, "/"));
    let again = token::cookie(again.access.as_ref().expect("the pair again"));
    assert_eq!(gateway.logout(&next.cookies()).status, 303);
    // What was given out first is over, and so was what was remembered of it.
    std::thread::sleep(Duration::from_secs(4));
    gateway.restart();
    assert_revoked(&gateway, &again, "back in after a restart");
}

/// A role of the app is none of the gateway's, unless the operator says so.
#[test]
fn without_admin_role_nobody_ends_the_sessions_of_others_by_the_web() {
    use crate::support::users::ALICE_PASSWORD;
    let app = Upstream::start();
    for (role, status) in [("", 403), (", role: boss", 403), (", role: admin", 200)] {
        let builder = Builder::new(&app);
        let listen = builder.admin;
        let admin = format!("admin: {{ listen: \"127.0.0.1:{listen}\"{role} }}");
        let gateway = builder.yaml(&admin).start();
        let (alice, bob) = (gateway.alice(), gateway.bob());
        for form in ["user=bob", "all=true"] {
            let answer = post_revoke(&gateway, &alice, form);
            assert_eq!(answer.status, status, "{role} {form}: {answer}");
            if status == 200 {
                break;
            }
            assert_eq!(gateway.get("/", &bob).status, 200, "{role} {form}");
        }
        if status == 200 {
            assert_revoked(&gateway, &bob, "admin.role");
        }
        let own = gateway.login("alice", ALICE_PASSWORD);
        let token = own.split_once('=').unwrap().1;
        let answer = post_revoke(&gateway, &own, &format!("token={token}"));
        assert_eq!(answer.status, 200, "{role}: one's own: {answer}");
    }
}
