use super::*;
use crate::adapters::observe::metrics::Metrics;
use crate::service::test_support::Exchange;

fn session(created: u64) -> SessionId {
    SessionId::new(Timestamp::from_millis(created), [7; 10])
}

fn revoke(reach: RevocationScope, at: u64) -> [Revocation; 1] {
    [Revocation {
        reach,
        at: Timestamp::from_millis(at),
        until: Timestamp::from_millis(9_000),
    }]
}

fn add(open: &LiveConnections, id: SessionId, user: &str, due: u64, exchange: &Arc<Exchange>) {
    let count = Metrics::new().unwrap().session_connection();
    let due = Timestamp::from_millis(due);
    let exchange: Arc<dyn Cancel> = Arc::<Exchange>::clone(exchange);
    open.add((id, &UserId::new(user)), due, &exchange, count);
}

/// Alice's sessions of 1000, 2000 and 3000 ms, Bob's of 1001; one connection each.
struct World {
    open: LiveConnections,
    exchanges: Vec<(SessionId, Arc<Exchange>)>,
}

impl World {
    fn new() -> Self {
        let open = LiveConnections::default();
        let exchanges: Vec<_> = [(1000, "1"), (2000, "1"), (3000, "1"), (1001, "2")]
            .map(|(created, user)| {
                let (id, exchange) = (session(created), Exchange::new());
                add(&open, id, user, 5_000, &exchange);
                (id, exchange)
            })
            .into();
        Self { open, exchanges }
    }

    fn cut(&self) -> Vec<u64> {
        let cut = self
            .exchanges
            .iter()
            .filter(|(_, exchange)| exchange.why().is_some());
        cut.map(|(id, _)| id.created().millis()).collect()
    }
}

#[test]
fn a_revocation_cuts_what_it_reaches_and_nothing_else() {
    let alice = UserId::new("1");
    for (reach, at, expected) in [
        (RevocationScope::Session(session(2000)), 0, vec![2000]),
        (RevocationScope::Session(session(4000)), 9000, vec![]),
        (RevocationScope::User(alice.clone()), 999, vec![]),
        (RevocationScope::User(alice.clone()), 2000, vec![1000, 2000]),
        (RevocationScope::User(alice), 9000, vec![1000, 2000, 3000]),
        (RevocationScope::User(UserId::new("3")), 9000, vec![]),
        (RevocationScope::Everybody, 1001, vec![1000, 1001]),
    ] {
        let world = World::new();
        world.open.revoked(&revoke(reach.clone(), at));
        assert_eq!(world.cut(), expected, "{reach:?} at {at}");
    }
}

#[test]
fn every_connection_of_a_session_is_cut() {
    let world = World::new();
    let second = Exchange::new();
    add(&world.open, session(2000), "1", 5_000, &second);
    world.open.over(session(2000), Denial::SessionExpired);
    assert_eq!(world.cut(), [2000]);
    assert_eq!(second.why(), Some(Denial::SessionExpired));
}

#[test]
fn a_session_is_asked_about_when_its_time_has_come() {
    let world = World::new();
    let at = Timestamp::from_millis;
    assert_eq!(world.open.due(at(4_999)), []);
    assert_eq!(world.open.due(at(5_000)).len(), 4);
    world.open.lives_until(session(1001), at(8_000));
    assert!(!world.open.due(at(7_999)).contains(&session(1001)));
    assert!(world.open.due(at(8_000)).contains(&session(1001)));
    let later = Exchange::new();
    add(&world.open, session(1001), "2", 6_000, &later);
    assert!(
        !world.open.due(at(7_999)).contains(&session(1001)),
        "a new connection made the session shorter"
    );
}

#[test]
fn what_closed_is_forgotten() {
    let world = World::new();
    for (id, exchange) in &world.exchanges {
        let exchange: Arc<dyn Cancel> = Arc::<Exchange>::clone(exchange);
        world.open.remove(*id, &exchange);
    }
    assert!(world.open.sessions.lock().is_empty(), "entries leak");
    world
        .open
        .revoked(&revoke(RevocationScope::Everybody, 9_000));
    assert_eq!(world.cut(), [] as [u64; 0], "a closed connection is cut");
}

#[test]
fn a_download_that_may_finish_is_let_go_and_the_others_are_cut() {
    let world = World::new();
    let download = Arc::new(Exchange {
        may_finish: true,
        ..Exchange::default()
    });
    add(&world.open, session(4000), "1", 5_000, &download);
    for over in [2000, 4000] {
        world.open.over(session(over), Denial::SessionExpired);
    }
    assert_eq!(world.cut(), [2000]);
    assert_eq!(download.why(), None, "a download was cut");
    let due = world.open.due(Timestamp::from_millis(6_000));
    assert!(!due.contains(&session(4000)), "it is asked about for ever");
}
