use super::*;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

fn begin(exchanges: &Arc<Exchanges>) -> Arc<CancelHandle> {
    let handle = CancelHandle::new(&Arc::default(), exchanges);
    let session = SessionId::new(Timestamp::from_millis(1), [7; 10]);
    handle.admit_as(session, &UserId::new("1"), Timestamp::from_millis(2));
    handle
}

fn look(exchanges: &Exchanges, after: Duration) -> Found {
    let now = Moment::now().after(after);
    exchanges.look(now, Waker::noop())
}

#[test]
fn what_lasts_is_found_until_it_is_registered() {
    let exchanges = Arc::new(Exchanges::default());
    let handle = begin(&exchanges);
    let found = look(&exchanges, Duration::ZERO);
    assert!(found.lasting.is_empty(), "a request that has just begun");
    assert!(found.next <= Some(Moment::now().after(LASTING)), "too late");
    for _ in 0..2 {
        let found = look(&exchanges, LASTING * 2);
        assert!(Arc::ptr_eq(&found.lasting[0], &handle), "it is not found");
    }
    assert!(handle.takes_registration());
    assert!(
        look(&exchanges, LASTING * 2).lasting.is_empty(),
        "found again"
    );
}

#[test]
fn what_ended_is_forgotten_and_its_place_used_again() {
    let exchanges = Arc::new(Exchanges::default());
    for _ in 0..1000 {
        let _ended = begin(&exchanges);
    }
    let two = [begin(&exchanges), begin(&exchanges)];
    assert_eq!(exchanges.state.lock().all.len(), 2, "they pile up");
    assert_eq!(look(&exchanges, LASTING * 2).lasting.len(), 2);
    drop(two);
    assert!(look(&exchanges, LASTING * 2).lasting.is_empty());
}

#[test]
fn nobody_looks_at_a_quiet_connection_until_the_next_exchange() {
    let exchanges = Arc::new(Exchanges::default());
    assert!(look(&exchanges, Duration::ZERO).next.is_some(), "it is new");
    assert_eq!(look(&exchanges, QUIET_AFTER * 2).next, None, "for nothing");
    assert!(!exchanges.has_begun());
    let _leash = begin(&exchanges);
    assert!(exchanges.has_begun(), "nobody is told to look");
    assert!(look(&exchanges, Duration::ZERO).next.is_some());
    assert!(!exchanges.has_begun(), "looked at twice");
}
