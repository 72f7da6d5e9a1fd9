//! Nothing is shared between requests: whose turn it is on a connection, or who was judged
//! a moment ago for the same path, changes nothing (CVE-2026-33544, CVE-2026-33496,
//! CVE-2021-32701).

use std::fmt::Write as _;
use std::process::Command;

use crate::support::process::run;
use crate::support::users::User;
use crate::support::{Builder, Gateway, Jar, Response, Upstream, token};
use crate::upstream::h2::World;

const RULES: &str = "rules:
  - { path: /public/**, methods: [GET], access: public }
  - { path: /admin/**, access: { roles: [admin] } }
";

/// Who asks, and what each path answers them: the identity that the app sees, or a code.
struct Visitor {
    cookie: String,
    at_public: &'static str,
    at_admin: &'static str,
    elsewhere: &'static str,
}

impl Visitor {
    fn expected(&self, path: &str) -> &'static str {
        match path {
            _ if path.starts_with("/public/") => self.at_public,
            _ if path.starts_with("/admin/") => self.at_admin,
            _ => self.elsewhere,
        }
    }
}

fn carol() -> User {
    User::new("1003", "carol", "Carol Café", "christmas")
}

/// Three people, nobody, a forger, one who left, and one with two cookies.
fn visitors(gateway: &Gateway, login: impl Fn(&str, &str) -> String) -> Vec<Visitor> {
    let (alice, bob, carol) = (
        login("alice", "wonderland"),
        login("bob", "builder"),
        login("carol", "christmas"),
    );
    let left = login("carol", "christmas");
    let ended = gateway.command(&["revoke", "--token", token::of(&left)], "");
    assert!(ended.status.success(), "{ended:?}");
    let tag = alice.rfind('.').unwrap() + 1;
    let forged = format!("{}{}", &bob[..bob.rfind('.').unwrap() + 1], &alice[tag..]);
    let nobody = |cookie: String, code| Visitor {
        cookie,
        at_public: "",
        at_admin: code,
        elsewhere: code,
    };
    let user = |cookie: &str, id, at_admin| Visitor {
        cookie: cookie.into(),
        at_public: id,
        at_admin,
        elsewhere: id,
    };
    vec![
        user(&alice, "1001", "1001"),
        user(&bob, "1002", "forbidden"),
        user(&carol, "1003", "forbidden"),
        nobody(String::new(), "session_required"),
        nobody(format!("{alice}; {bob}"), "session_required"),
        nobody(forged, "session_invalid"),
        nobody(left, "session_revoked"),
    ]
}

/// The echo of the app shows this identity and no other; a refusal has this code.
#[track_caller]
fn assert_own(answer: &Response, target: &str, expected: &str) {
    let opens = ["", "1001", "1002", "1003"].contains(&expected);
    assert_eq!(answer.status == 200, opens, "{target}: {answer}");
    if !opens {
        assert_eq!(answer.code(), expected, "{target}: {answer}");
        return;
    }
    let seen = answer.text();
    assert!(
        seen.starts_with(&format!("GET {target} HTTP/1.1\r\n")),
        "{target} got another answer: {answer}"
    );
    let identity = |name: &str| {
        let fields = seen.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<&str> = fields
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        values.join(" and ")
    };
    let (name, roles) = match expected {
        "1001" => ("Alice Example", "admin"),
        "1002" => ("Bob Builder", ""),
        "1003" => ("Carol Caf%C3%A9", ""),
        _ => ("", ""),
    };
    let told = [
        identity("x-user-id"),
        identity("x-user-name"),
        identity("x-user-roles"),
    ];
    assert_eq!(
        told,
        [expected, name, roles],
        "somebody else's identity at {target}"
    );
}

/// A cheap way through all pairs in no order.
fn shuffled(seed: usize, round: usize, count: usize) -> usize {
    let mixed = (seed * 7919 + round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 33) % count
}

#[test]
fn cve_2026_33544_cve_2026_33496_cve_2021_32701_thousands_of_requests_in_turns() {
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 400;
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .users(&[User::alice(), User::bob(), carol()])
        .yaml(RULES)
        .start();
    let visitors = visitors(&gateway, |name, password| {
        let jar = Jar::login(&gateway, name, password);
        token::cookie(&jar.access.unwrap())
    });
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (gateway, visitors) = (&gateway, &visitors);
            scope.spawn(move || {
                let mut connection = gateway.connect();
                for round in 0..ROUNDS {
                    let visitor = &visitors[shuffled(client, round, visitors.len())];
                    // Paths that everybody asks for: only the cookie tells them apart.
                    let path = ["/public/x", "/admin/x", "/x"][shuffled(client + 31, round, 3)];
                    let target = format!("{path}?{}", round % 5);
                    let request = gateway.request("GET", &target).cookie(&visitor.cookie);
                    let answer = request.send_on(&mut connection);
                    assert_own(&answer, &target, visitor.expected(path));
                }
            });
        }
    });
    let connections = app.connections();
    assert!(
        connections < 200,
        "{connections}: upstream connections were not shared, so nothing was tried"
    );
}

#[test]
fn cve_2026_33544_streams_of_one_http_2_connection_are_strangers() {
    const STREAMS: usize = 400;
    let users = crate::support::users::section(&[User::alice(), User::bob(), carol()]);
    let Some(world) = World::new(&format!("{RULES}{users}")) else {
        return;
    };
    let visitors = visitors(&world.gateway, |name, password| {
        world.login_as(name, password)
    });
    let dir = world.gateway.dir();
    let base = format!("https://localhost:{}", world.gateway.port());
    let plan: Vec<(String, &Visitor)> = (0..STREAMS)
        .map(|number| {
            let path = ["/public/x", "/admin/x", "/x"][shuffled(1, number, 3)];
            let visitor = &visitors[shuffled(2, number, visitors.len())];
            (format!("{path}?{number}"), visitor)
        })
        .collect();
    let mut config = String::new();
    for (number, (target, visitor)) in plan.iter().enumerate() {
        let answer = dir.join(&format!("answer-{number}"));
        writeln!(
            config,
            "url = \"{base}{target}\"\noutput = {answer:?}\ninclude\nhttp2\nsilent\nwrite-out = \"%{{num_connects}}\\n\""
        )
        .unwrap();
        writeln!(config, "cacert = {:?}\nmax-time = 60", world.ca()).unwrap();
        if !visitor.cookie.is_empty() {
            writeln!(config, "header = \"Cookie: {}\"", visitor.cookie).unwrap();
        }
        config.push_str("next\n");
    }
    let file = dir.write("curl.config", config.trim_end_matches("next\n"));
    let mut curl = Command::new("curl");
    curl.args(["--parallel", "--parallel-max", "50", "--config"])
        .arg(file);
    let output = run(&mut curl, "");
    assert!(output.status.success(), "{output:?}");
    let opened = String::from_utf8(output.stdout).unwrap();
    let opened: usize = opened
        .lines()
        .map(|line| line.parse::<usize>().unwrap())
        .sum();
    assert!(
        opened < STREAMS / 4,
        "{opened} connections: nothing was shared"
    );
    for (number, (target, visitor)) in plan.iter().enumerate() {
        let bytes = std::fs::read(dir.join(&format!("answer-{number}"))).unwrap();
        assert!(bytes.starts_with(b"HTTP/2 "), "HTTP/2 was not spoken");
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap()
            + 4;
        let mut answer = Response::from_head(&bytes[..end]);
        answer.body = bytes[end..].to_vec();
        let path = target.split('?').next().unwrap();
        assert_own(&answer, target, visitor.expected(path));
    }
}
