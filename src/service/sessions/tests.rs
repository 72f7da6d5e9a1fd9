use super::*;
use crate::adapters::store::contract::stored;
use crate::auth::test_support::{policy_with, user};
use crate::service::live_connections::Cancel;
use crate::service::test_support::{Exchange, service};

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

/// Opens a session of this user, `number` milliseconds after the others, with a connection.
async fn open(service: &SessionService, user: &str, number: u8) -> (StoredSession, Arc<Exchange>) {
    let session = stored(user, u64::from(number), number);
    service
        .store
        .open(&session, None, session.renewed)
        .await
        .unwrap();
    let exchange = Exchange::new();
    let cancel: Arc<dyn Cancel> = Arc::<Exchange>::clone(&exchange);
    let count = service.metrics().session_connection();
    let whose = (session.id, &session.user);
    service.live.add(whose, session.end(), &cancel, count);
    (session, exchange)
}

fn told(event: &Event) -> (&'static str, Option<&str>, Option<&'static str>) {
    let user = event.user.as_ref().map(UserId::as_str);
    (event.kind.name(), user, event.reason)
}

#[tokio::test]
async fn whoever_ends_a_session_it_is_durable_in_force_cut_and_told() {
    let policy = policy_with(vec![user("1", "alice", &[])], |_| {});
    for (what, ending, ends, line) in [
        (
            "a logout",
            (|one: &StoredSession| Ending::logout(one.id, &one.user, CLIENT))
                as fn(&StoredSession) -> Ending,
            [true, false, false],
            Some(("logout", Some("1"), None)),
        ),
        (
            "a logout everywhere",
            |one| Ending::logout_everywhere(one.id, &one.user, CLIENT),
            [true, true, false],
            Some(("logout", Some("1"), Some("everywhere"))),
        ),
        (
            "an operator, by session",
            |one| Ending::revoke(Found::session(one), None, "admin"),
            [true, false, false],
            Some(("revoke", Some("1"), Some("admin"))),
        ),
        (
            "an operator, everybody",
            |_| {
                let found = Found {
                    reach: RevocationScope::Everybody,
                    user: None,
                    token: None,
                };
                Ending::revoke(found, None, "admin")
            },
            [true, true, true],
            Some(("revoke", None, Some("admin"))),
        ),
        (
            "a new login",
            |one| Ending::untold(one.id),
            [true, false, false],
            None,
        ),
    ] {
        let (service, log) = service();
        let all = [
            open(&service, "1", 1).await,
            open(&service, "1", 2).await,
            open(&service, "2", 3).await,
        ];
        let now = all[0].0.renewed.after(Duration::from_millis(50));
        let ending = ending(&all[0].0);
        service
            .end(&ending, policy.session.lifetimes, now)
            .await
            .unwrap();
        for ((session, exchange), ends) in all.iter().zip(ends) {
            let kept = service.store.find(session.id).await.unwrap();
            assert_eq!(kept.is_none(), ends, "{what}: kept");
            use crate::auth::ports::Revoked as _;
            let revoked = service.index.is_revoked(session.id, &session.user);
            assert_eq!(revoked, ends, "{what}: in force");
            assert_eq!(exchange.why().is_some(), ends, "{what}: cut");
        }
        let log = log.lock();
        assert_eq!(
            log.iter().map(told).collect::<Vec<_>>(),
            Vec::from_iter(line),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_target_comes_to_what_it_names() {
    let policy = policy_with(vec![user("1", "alice", &[])], |_| {});
    let (service, _log) = service();
    let (session, _exchange) = open(&service, "1", 1).await;
    let user = Some(session.user.clone());
    let unknown = stored("1", 9, 9).id;
    for (target, expected) in [
        (
            RevocationTarget::Session(session.id),
            Some((RevocationScope::Session(session.id), user.clone())),
        ),
        (
            RevocationTarget::Session(unknown),
            Some((RevocationScope::Session(unknown), None)),
        ),
        (
            RevocationTarget::User("alice".into()),
            Some((RevocationScope::User(session.user.clone()), user.clone())),
        ),
        (
            RevocationTarget::User("1".into()),
            Some((RevocationScope::User(session.user.clone()), user)),
        ),
        (RevocationTarget::User("nobody".into()), None),
        (RevocationTarget::Token("nothing".into()), None),
        (
            RevocationTarget::Everybody,
            Some((RevocationScope::Everybody, None)),
        ),
    ] {
        let found = service.resolve(&policy, &target, session.renewed).await;
        let expected = expected.map(|(reach, user)| Found {
            reach,
            user,
            token: None,
        });
        assert_eq!(found.unwrap(), expected, "{target:?}");
    }
}

#[tokio::test]
async fn of_many_that_end_each_is_told() {
    let policy = policy_with(vec![user("1", "alice", &[])], |_| {});
    let (service, log) = service();
    let mut endings = Vec::new();
    for number in 1..=200 {
        let (session, _exchange) = open(&service, "1", number).await;
        let found = Found::session(&session);
        endings.push(Ending::revoke(found, Some(CLIENT), "self_service"));
    }
    let now = stored("1", 255, 255).renewed;
    let ended = service
        .end_all(endings, policy.session.lifetimes, now)
        .await;
    ended.unwrap();
    assert_eq!(service.store.count().await.unwrap(), 0);
    assert_eq!(log.lock().len(), 200);
}
