//! Two gateways with one signing key and one store each: each believes the other's sessions
//! for as long as an access token lives, and says so.

use std::time::Duration;

use crate::support::{Builder, Gateway, Jar, Upstream, assert_problem, until};

const KEY: &str = "signing: { key: 0123456789abcdef0123456789abcdef }";
const SAID: [&str; 3] = ["WARN", "is not in our store", "session.store: redis"];

fn gateway(app: &Upstream) -> Gateway {
    Builder::new(app)
        .yaml(KEY)
        .yaml("session: { access_ttl: 3s }")
        .start()
}

fn times(gateway: &Gateway) -> usize {
    let log = gateway.log();
    let said = |line: &&str| SAID.iter().all(|word| line.contains(word));
    log.lines().filter(said).count()
}

#[test]
fn the_second_says_once_that_it_has_no_such_session() {
    let app = Upstream::start();
    let (first, second) = (gateway(&app), gateway(&app));
    let mut jar = Jar::alice(&first);
    assert_eq!(jar.get(&first, "/").status, 200);
    for _ in 0..3 {
        assert_eq!(jar.get(&second, "/").status, 200);
        assert_eq!(Jar::bob(&first).get(&second, "/").status, 200);
    }
    second.wait_for_log(&SAID);
    // Also after a renewal at home, which is another generation.
    jar.refresh(&first);
    assert_eq!(jar.get(&second, "/").status, 200);
    until("the access token to end", || {
        std::thread::sleep(Duration::from_millis(200));
        jar.without_refresh().get(&second, "/").status == 401
    });
    let refused = jar.without_access().get(&second, "/");
    assert_problem(
        &refused,
        401,
        "session_revoked",
        "a session of another store",
    );
    assert_eq!(times(&second), 1, "{}", second.log());
    assert_eq!(times(&first), 0, "{}", first.log());
}

#[test]
fn one_gateway_alone_says_nothing() {
    let app = Upstream::start();
    let mut gateway = gateway(&app);
    let mut jar = Jar::alice(&gateway);
    assert_eq!(jar.get(&gateway, "/").status, 200);
    gateway.restart();
    assert_eq!(jar.get(&gateway, "/").status, 200);
    jar.refresh(&gateway);
    assert_eq!(jar.get(&gateway, "/").status, 200);
    // Ended between the request and the look into the store, or long before.
    for _ in 0..20 {
        let one = Jar::bob(&gateway);
        assert_eq!(one.get(&gateway, "/").status, 200);
        gateway.logout(&one.cookies());
        assert_eq!(one.get(&gateway, "/").status, 401);
    }
    gateway.wait_for_log(&["path=/", "status=401"]);
    assert_eq!(times(&gateway), 0, "{}", gateway.log());
}
