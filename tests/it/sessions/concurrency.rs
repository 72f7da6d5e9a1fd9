//! Many users at once: each sees only what is theirs.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::users::User;
use crate::support::{Builder, Upstream, world};

const USERS: u32 = 32;
const REQUESTS: u32 = 128;

#[test]
fn cve_2026_33544_thirty_two_users_at_once_see_only_themselves() {
    let app = Upstream::start();
    let people: Vec<_> = (0..USERS)
        .map(|n| {
            User::new(
                &format!("id-{n}-"),
                &format!("user{n}"),
                &format!("Name {n} of many"),
                &format!("password-{n}"),
            )
        })
        .collect();
    let gateway = Builder::new(&app)
        .users(&people)
        .yaml("login: { address_attempts: 1000 }")
        .start();
    let (begin, served) = (Barrier::new(people.len()), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for person in &people {
            let (gateway, begin, served) = (&gateway, &begin, &served);
            scope.spawn(move || {
                begin.wait();
                let cookie = gateway.login(&person.username, &person.password);
                let mut connection = gateway.connect();
                for number in 0..REQUESTS {
                    let target = format!("/{}/{number}", person.username);
                    let response = gateway
                        .request("GET", &target)
                        .cookie(&cookie)
                        .send_on(&mut connection);
                    assert_eq!(response.status, 200, "{response}");
                    let seen = response.text();
                    assert!(
                        seen.starts_with(&format!("GET {target} HTTP/1.1\r\n")),
                        "{target} got the answer to another request:\n{seen}"
                    );
                    for (name, value) in [("X-User-Id", &person.id), ("X-User-Name", &person.name)]
                    {
                        let lines: Vec<_> = seen
                            .lines()
                            .filter(|line| {
                                line.to_ascii_lowercase()
                                    .starts_with(&format!("{}:", name.to_ascii_lowercase()))
                            })
                            .collect();
                        assert_eq!(
                            lines,
                            [format!("{name}: {value}")],
                            "somebody else's identity:\n{seen}"
                        );
                    }
                    if number % 16 == 0 {
                        let who = gateway
                            .request("GET", "/_doorward/session")
                            .cookie(&cookie)
                            .send_on(&mut connection);
                        assert_eq!(who.json()["id"], person.id.as_str(), "{who}");
                    }
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(served.into_inner(), USERS * REQUESTS);
}

#[test]
fn cve_2026_33496_cve_2021_32701_one_connection_may_change_hands() {
    let (gateway, app) = world();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let mut connection = gateway.connect();
    for (cookie, id, status) in [
        (&alice, "1001", 200),
        (&bob, "1002", 200),
        (&String::new(), "", 401),
        (&alice, "1001", 200),
    ] {
        let response = gateway
            .request("GET", "/")
            .cookie(cookie)
            .send_on(&mut connection);
        assert_eq!(
            response.status, status,
            "the connection remembers who came before: {response}"
        );
        if status == 200 {
            assert_eq!(
                app.last().all("x-user-id"),
                [id],
                "the connection remembers who came before"
            );
        }
    }
}

#[test]
fn a_logout_in_the_middle_of_a_storm_is_final() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut connection = gateway.connect();
                for _ in 0..200 {
                    // Read before asking: what is sent after the logout was answered must fail.
                    let after = ended.load(Ordering::SeqCst);
                    let response = gateway
                        .request("GET", "/")
                        .cookie(&cookie)
                        .send_on(&mut connection);
                    assert!(
                        !after || response.status == 401,
                        "a request after the logout was served: {response}"
                    );
                }
            });
        }
        assert_eq!(gateway.logout(&cookie).status, 303);
        ended.store(true, Ordering::SeqCst);
    });
    assert_eq!(gateway.get("/", &cookie).code(), "session_revoked");
}
