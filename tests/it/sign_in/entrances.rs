//! Every way in asks for the same, counts on the same counters, and says as little.

use serde_json::json;

use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD, User};
use crate::support::{
    Builder, Gateway, Jar, Response, Upstream, assert_problem, token, world, world_with,
};

/// The two bodies that a login may have.
#[derive(Clone, Copy, Debug)]
enum Body {
    Form,
    Json,
}

const BODIES: [Body; 2] = [Body::Form, Body::Json];

fn login(gateway: &Gateway, body: Body, name: &str, password: &str) -> Response {
    match body {
        Body::Form => gateway.try_login(name, password),
        Body::Json => {
            let typed = json!({ "username": name, "password": password });
            let request = gateway.request("POST", "/login").own_origin();
            request.json(&typed).send()
        }
    }
}

fn signed_in(answer: &Response) -> bool {
    answer
        .cookie("__Host-doorward")
        .is_some_and(|cookie| !cookie.value.is_empty())
}

/// An answer without what is different each time: the time, and the name that was typed,
/// which stands in the form again.
fn seen(answer: &Response) -> (u16, Vec<(String, Vec<u8>)>, String) {
    let different = ["date", "retry-after", "content-length", "x-request-id"];
    let fields = answer
        .headers
        .iter()
        .filter(|(name, _)| !different.contains(&name.to_ascii_lowercase().as_str()));
    let text = answer.text();
    let mut parts = text.split("<input id=");
    let before = parts.next().unwrap_or_default().to_owned();
    let without = parts.fold(before, |text, part| {
        let (tag, rest) = part.split_once('>').unwrap();
        assert!(
            tag.contains("value=\"") || tag.contains("password"),
            "{tag}"
        );
        text + rest
    });
    (answer.status, fields.cloned().collect(), without)
}

/// Health checks, crawlers and meshes introduce themselves; anybody can say the same.
#[test]
fn cve_2026_34457_no_request_is_exempt_for_its_user_agent() {
    let (gateway, app) = world();
    for agent in [
        "kube-probe/1.31",
        "GoogleHC/1.0",
        "GoogleStackdriverMonitoring-UptimeChecks",
        "ELB-HealthChecker/2.0",
        "Consul Health Check",
        "Envoy/HC",
        "Amazon-Route53-Health-Check-Service",
        "Prometheus/3.0",
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "doorward",
        "curl/8.0",
        "",
    ] {
        for path in [
            "/",
            "/ping",
            "/healthz",
            "/readyz",
            "/metrics",
            "/oauth2/auth",
            "/robots.txt",
        ] {
            let request = gateway.request("GET", path).header("User-Agent", agent);
            let answer = request.send();
            assert_problem(
                &answer,
                401,
                "session_required",
                &format!("{agent:?} at {path}"),
            );
        }
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn cve_2026_32246_cve_2025_53942_cve_2025_64521_no_entrance_lets_a_disabled_user_in() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let bob = Jar::bob(&gateway);
    let other = Jar::bob(&gateway);
    let remembered = {
        let form = format!("username=bob&password={BOB_PASSWORD}&remember_me=true");
        Jar::of(
            &gateway
                .request("POST", "/login")
                .own_origin()
                .form(&form)
                .send(),
        )
    };
    gateway.rewrite_users(&[User::alice(), User::bob().with("disabled: true")]);
    gateway.reload();
    let before = app.count();
    for jar in [
        &bob,
        &other.without_access(),
        &remembered,
        &remembered.without_access(),
    ] {
        let answer = jar.get(&gateway, "/");
        assert_problem(&answer, 401, "session_revoked", "by a cookie");
        let answer = jar.post_refresh(&gateway);
        assert_problem(&answer, 401, "session_revoked", "by a refresh");
        let answer = jar.get(&gateway, "/_doorward/session");
        assert_problem(&answer, 401, "session_revoked", "by asking who one is");
    }
    for body in BODIES {
        let right = login(&gateway, body, "bob", BOB_PASSWORD);
        let wrong = login(&gateway, body, "bob", "wrong");
        assert_eq!(right.status, 401, "{body:?}: {right}");
        assert!(!signed_in(&right), "{body:?}: {right}");
        assert_eq!(
            seen(&right),
            seen(&wrong),
            "{body:?} tells a right password"
        );
    }
    for value in [
        "Basic Ym9iOmJ1aWxkZXI=".to_owned(),
        format!("Bearer {}", bob.access.as_ref().unwrap()),
    ] {
        let request = gateway.request("GET", "/").header("Authorization", value);
        assert_problem(&request.send(), 401, "session_required", "by Authorization");
    }
    assert_eq!(app.count(), before, "the app was asked");
}

/// Spellings of one name share one counter, whichever body carries them.
#[test]
fn cve_2025_24806_cve_2026_47203_spelling_a_name_differently_is_no_way_around_the_lock() {
    let spellings: [fn(&str) -> String; 16] = [
        |name| name.to_uppercase(),
        |name| format!(" {name}"),
        |name| format!("{name} "),
        |name| format!("\t{name}\r\n"),
        |name| format!("{name}."),
        |name| format!("{name}... "),
        |name| format!("{name}\u{a0}"),
        |name| format!("\u{2003}{name}"),
        |name| format!("{name}\u{3000}"),
        // Full width, and a letter of another block that NFKC folds.
        |name| {
            name.chars()
                .map(|c| char::from_u32(c as u32 + 0xfee0).unwrap())
                .collect()
        },
        |name| name.replace('s', "\u{17f}"),
        |name| name.replace("e", "\u{1d5be}"),
        |name| name.replace("u\u{308}", "\u{fc}"),
        |name| name.replace('\u{fc}', "u\u{308}"),
        |name| name.replace('\u{fc}', "U\u{308}"),
        // Another name: nobody gets in by it either.
        |name| format!("{name}\u{200b}"),
    ];
    let people: Vec<User> = (0..spellings.len())
        .map(|number| {
            let letter = char::from(b'a' + number as u8);
            let name = if (12..15).contains(&number) {
                format!("\u{fc}ser{letter}")
            } else {
                format!("user{letter}")
            };
            User::new(&format!("id{number}"), &name, "Somebody", ALICE_PASSWORD)
        })
        .collect();
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .users(&people)
        .yaml("login: { max_attempts: 2, address_attempts: 100000 }")
        .start();
    for (number, (person, spell)) in people.iter().zip(spellings).enumerate() {
        let spelled = spell(&person.username);
        let [first, second] = if number % 2 == 0 {
            BODIES
        } else {
            [Body::Json, Body::Form]
        };
        assert_eq!(
            login(&gateway, first, &spelled, "wrong").status,
            401,
            "{spelled:?}"
        );
        let own = login(&gateway, second, &person.username, "wrong");
        assert_eq!(own.status, 401, "{spelled:?}: {own}");
        for body in BODIES {
            let answer = login(&gateway, body, &spelled, ALICE_PASSWORD);
            assert!(
                !signed_in(&answer),
                "{spelled:?} opens a locked account: {answer}"
            );
            if number < 15 {
                assert_eq!(
                    answer.status, 429,
                    "{spelled:?} is not counted as {}: {answer}",
                    person.username
                );
                let own = login(&gateway, body, &person.username, ALICE_PASSWORD);
                assert_eq!(own.status, 429, "{}: {own}", person.username);
            }
        }
    }
}

/// ASVS 6.3.8: by body, status and headers. Time is measured in hashes, which do not waver.
#[test]
fn no_failed_login_tells_who_exists() {
    for body in BODIES {
        let app = Upstream::start();
        let gateway = Builder::new(&app)
            .users(&[User::alice(), User::bob().with("disabled: true")])
            .yaml("login: { address_attempts: 1000 }")
            .start();
        let hashes = || gateway.metric("doorward_password_hash_duration_seconds_count");
        let mut first: Option<Vec<_>> = None;
        let long = "a".repeat(300);
        for (name, password) in [
            ("nobody", "wrong"),
            ("alice", "wrong"),
            ("bob", "wrong"),
            ("nobody@example.com", "wrong"),
            ("1001", "wrong"),
            ("\u{0}", "wrong"),
            ("somebody with <b>marks</b>", "wrong"),
            (&long, "wrong"),
        ] {
            let attempts: Vec<_> = (1..=7)
                .map(|attempt| {
                    // From the sixth on the pair is locked; then the right password too says so.
                    let password = if attempt == 7 && name == "alice" {
                        ALICE_PASSWORD
                    } else {
                        password
                    };
                    let before = hashes();
                    let answer = login(&gateway, body, name, password);
                    assert!(!signed_in(&answer), "{name}: {answer}");
                    (seen(&answer), (hashes() - before).round() as u64)
                })
                .collect();
            let statuses: Vec<u16> = attempts.iter().map(|((status, ..), _)| *status).collect();
            assert_eq!(
                statuses,
                [401, 401, 401, 401, 401, 429, 429],
                "{body:?} {name:.20}"
            );
            let costs: Vec<u64> = attempts.iter().map(|(_, hashes)| *hashes).collect();
            assert_eq!(
                costs,
                [1, 1, 1, 1, 1, 0, 0],
                "{body:?}: the time of {name:.20} tells"
            );
            match &first {
                None => first = Some(attempts),
                Some(first) => assert_eq!(&attempts, first, "{body:?}: {name:.20} is told apart"),
            }
        }
    }
}

/// Guesses one after another and all at once: the limit is the limit.
#[test]
fn guesses_all_at_once_are_counted_too() {
    let (gateway, _app) = world_with("login: { max_attempts: 5, hash_queue: 1000 }");
    let begin = std::sync::Barrier::new(40);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40)
            .map(|number| {
                let (gateway, begin) = (&gateway, &begin);
                scope.spawn(move || {
                    begin.wait();
                    let body = BODIES[number % 2];
                    login(gateway, body, "alice", &format!("guess {number}")).status
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let tried = statuses.iter().filter(|status| **status == 401).count();
    let locked = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!((tried, locked), (5, 35), "{statuses:?}");
    let hashes = gateway.metric("doorward_password_hash_duration_seconds_count");
    assert!(hashes < 5.5, "{hashes} passwords were compared");
    assert_eq!(gateway.try_login("alice", ALICE_PASSWORD).status, 429);
}

/// An account of one's own is no eraser: a right login takes back its own attempt alone.
#[test]
fn a_right_login_does_not_forgive_the_guesses_at_others() {
    let (gateway, _app) = world_with("login: { max_attempts: 100, address_attempts: 6 }");
    let mut guesses = 0;
    for round in 0..20 {
        if gateway.try_login("bob", BOB_PASSWORD).status == 429 {
            break;
        }
        let answer = gateway.try_login(&format!("name{round}"), "wrong");
        guesses += u32::from(answer.status == 401);
    }
    assert!(guesses <= 6, "{guesses} guesses from one address");
    let alice = gateway.try_login("alice", ALICE_PASSWORD);
    assert_eq!(alice.status, 429, "the address is not locked: {alice}");
}

/// Credentials count in the body of a login and nowhere else.
#[test]
fn a_password_in_another_place_is_no_login() {
    let (gateway, app) = world();
    let query = format!("/login?username=alice&password={ALICE_PASSWORD}");
    for request in [
        gateway.request("GET", &query),
        gateway.request("POST", &query).own_origin().form(""),
        gateway
            .request("POST", &query)
            .own_origin()
            .form("username=alice"),
        gateway
            .request("POST", "/login")
            .own_origin()
            .header("Authorization", "Basic YWxpY2U6d29uZGVybGFuZA==")
            .form(""),
        gateway
            .request("POST", "/login")
            .own_origin()
            .header("X-User-Id", "1001")
            .form("username=alice&password="),
        gateway
            .request("POST", "/login")
            .own_origin()
            .cookie(&format!("username=alice; password={ALICE_PASSWORD}"))
            .form(""),
        gateway
            .request("POST", "/login")
            .own_origin()
            .json(&json!([{ "username": "alice", "password": ALICE_PASSWORD }])),
        gateway
            .request("POST", "/login")
            .own_origin()
            .json(&json!({ "username": "alice", "password": true })),
        gateway
            .request("POST", "/login")
            .own_origin()
            .json(&json!({ "username": "alice", "password": [ALICE_PASSWORD] })),
        gateway
            .request("POST", "/login")
            .own_origin()
            .json(&json!({ "username": "alice", "password": { "$ne": "" } })),
    ] {
        let shown = format!("{request:?}");
        let answer = request.send();
        assert!(!signed_in(&answer), "{shown}\n{answer}");
        assert!(
            matches!(answer.status, 200 | 400 | 401),
            "{shown}\n{answer}"
        );
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

/// The cookie is the one place for a token: what is elsewhere is logged, guessed and planted.
#[test]
fn a_token_in_another_place_opens_nothing() {
    let (gateway, app) = world();
    let jar = Jar::alice(&gateway);
    let access = jar.access.unwrap();
    let get = |target: &str| gateway.request("GET", target);
    let form = format!("access_token={access}&__Host-doorward={access}");
    for request in [
        get(&format!("/?access_token={access}")),
        get(&format!(
            "/?token={access}&jwt={access}&__Host-doorward={access}"
        )),
        get(&format!("/;__Host-doorward={access}")),
        get("/").header("Authorization", format!("Bearer {access}")),
        get("/").header("Authorization", &access),
        get("/").header("Proxy-Authorization", format!("Bearer {access}")),
        get("/").header("X-Forwarded-Access-Token", &access),
        get("/").header("X-Auth-Token", &access),
        get("/").header("Sec-WebSocket-Protocol", format!("bearer, {access}")),
        get("/").header("Set-Cookie", token::cookie(&access)),
        get("/").header("Cookie2", token::cookie(&access)),
        get("/").header("X-Cookie", token::cookie(&access)),
        get("/").cookie(&format!(
            "access_token={access}; session={access}; jwt={access}"
        )),
        get("/").cookie(&access),
        gateway.request("POST", "/").own_origin().form(&form),
    ] {
        let shown = format!("{request:?}");
        assert_problem(&request.send(), 401, "session_required", &shown);
    }
    assert_eq!(app.count(), 0, "the app was asked");
}
