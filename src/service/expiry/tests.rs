use super::*;
use crate::adapters::store::contract::stored;
use crate::auth::stored::{Extra, StoredSession, Unknown};
use crate::service::live_connections::Cancel;
use crate::service::test_support::{Exchange, service};

/// A session that may lie unused for a second, with a connection that was admitted with a
/// token of 300 ms.
async fn open(service: &SessionService) -> (StoredSession, Arc<Exchange>) {
    open_as(service, stored("1", 0, 1)).await
}

async fn open_as(
    service: &SessionService,
    session: StoredSession,
) -> (StoredSession, Arc<Exchange>) {
    let opened = service.store.open(&session, None, session.renewed);
    opened.await.unwrap();
    let exchange = Exchange::new();
    let cancel: Arc<dyn Cancel> = Arc::<Exchange>::clone(&exchange);
    let count = service.metrics().session_connection();
    let due = session.renewed.after(Duration::from_millis(300));
    let whose = (session.id, &session.user);
    service.live.add(whose, due, &cancel, count);
    (session, exchange)
}

#[tokio::test]
async fn a_connection_goes_on_while_its_session_does_and_ends_with_it() {
    let (service, _log) = service();
    let (session, exchange) = open(&service).await;
    for (millis, ended) in [
        (0, false),
        (299, false),
        (300, false),
        (999, false),
        (1000, true),
    ] {
        let now = session.renewed.after(Duration::from_millis(millis));
        close_expired(&service, now).await;
        assert_eq!(exchange.why().is_some(), ended, "after {millis} ms");
    }
    assert_eq!(exchange.why(), Some(Denial::SessionExpired));
}

#[tokio::test]
async fn what_is_sent_over_a_connection_is_use() {
    let (service, _log) = service();
    let (session, exchange) = open(&service).await;
    let at = |millis| session.renewed.after(Duration::from_millis(millis));
    // The last word comes at 2000; the idle second counts from there.
    for millis in (0..=2000).step_by(100) {
        *exchange.used.lock() = Some(at(millis));
        close_expired(&service, at(millis)).await;
        assert_eq!(exchange.why(), None, "cut after {millis} ms while in use");
    }
    let kept = service.store.find(session.id).await.unwrap().unwrap();
    assert!(kept.last_used() > at(1700), "the store has not heard of it");
    assert_eq!(kept.renewed, session.renewed, "a use is no renewal");
    close_expired(&service, at(2700)).await;
    assert_eq!(exchange.why(), None);
    close_expired(&service, at(3000)).await;
    assert_eq!(exchange.why(), Some(Denial::SessionExpired));
}

#[tokio::test]
async fn use_does_not_outlive_the_absolute_end() {
    let (service, _log) = service();
    let (session, exchange) = open(&service).await;
    let mut now = session.renewed;
    while now < session.ends {
        *exchange.used.lock() = Some(now);
        close_expired(&service, now).await;
        now = now.after(Duration::from_millis(200));
    }
    close_expired(&service, now).await;
    assert_eq!(exchange.why(), Some(Denial::SessionExpired));
}

/// A newer version says that nobody must act on the session who does not know `bound`.
#[tokio::test]
async fn a_session_that_is_not_understood_is_not_touched_and_its_connections_end_with_the_token() {
    let (service, _log) = service();
    let newer = Unknown {
        layout: 2,
        fields: r#""bound":true,"crit":["bound"]"#.into(),
        critical: vec!["bound".into()],
    };
    let session = StoredSession {
        extra: Extra::from(newer),
        ..stored("1", 0, 1)
    };
    let (session, exchange) = open_as(&service, session).await;
    for (millis, ended) in [(0, false), (299, false), (300, true)] {
        let now = session.renewed.after(Duration::from_millis(millis));
        *exchange.used.lock() = Some(now);
        close_expired(&service, now).await;
        assert_eq!(exchange.why().is_some(), ended, "after {millis} ms");
    }
    assert_eq!(exchange.why(), Some(Denial::StoreUnavailable));
    let kept = service.store.find(session.id).await.unwrap();
    assert_eq!(kept, Some(session), "its use was noted");
}
