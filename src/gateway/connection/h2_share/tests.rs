use super::*;
use crate::gateway::connection::handle::ConnectionHandle;

fn streams(count: usize) -> Vec<Arc<CancelHandle>> {
    let line = Arc::new(ConnectionHandle::default());
    let sent = (0..count).map(|_| {
        let handle = CancelHandle::new(&line, &Arc::default());
        handle.progress.is_sent.set(true);
        handle.progress.is_answered.set(true);
        handle
    });
    sent.collect()
}

/// Runs a stream that then has so much on its way; whether it ran.
fn run(turn: &mut Turn<'_>, unread: usize) -> bool {
    let mut ran = false;
    let handle = Arc::clone(turn.handle);
    let _pending: Poll<()> = turn.run(&mut Context::from_waker(Waker::noop()), |_| {
        handle.progress.note_unread(unread);
        ran = true;
        Poll::Pending
    });
    ran
}

#[test]
fn who_has_little_on_its_way_needs_no_place() {
    let share = Share::default();
    let handles = streams(100);
    let mut turns: Vec<_> = handles
        .iter()
        .map(|handle| Turn::of(&share, handle))
        .collect();
    for turn in &mut turns {
        assert!(run(turn, LITTLE), "an event stream waits for others");
    }
    let taken = share.stepping.load(Ordering::SeqCst);
    assert_eq!(taken, 0, "it kept a place");
}

#[test]
fn so_many_have_much_on_their_way_and_the_next_one_follows() {
    let share = Share::default();
    let handles = streams(FREE + STEPPING + 1);
    let mut turns: Vec<_> = handles
        .iter()
        .map(|handle| Turn::of(&share, handle))
        .collect();
    for (n, turn) in turns.iter_mut().enumerate() {
        assert_eq!(run(turn, LITTLE + 1), n < FREE + STEPPING, "stream {n}");
        // The first come to run freely.
        assert_eq!(run(turn, LITTLE + 1), n < FREE, "stream {n} goes on");
    }
    drop(turns.remove(0));
    assert!(
        run(&mut turns[FREE], LITTLE + 1),
        "the place of one that ended"
    );
    assert!(run(&mut turns[FREE + STEPPING - 1], 0), "and its own");
}

/// Runs an upload whose app is slow, or not; whether it ran.
fn upload(turn: &mut Turn<'_>, is_slow: bool) -> bool {
    let handle = Arc::clone(turn.handle);
    let mut ran = false;
    let _pending: Poll<()> = turn.run(&mut Context::from_waker(Waker::noop()), |_| {
        handle.progress.is_app_slow.set(is_slow);
        ran = true;
        Poll::Pending
    });
    assert_eq!(handle.progress.is_waiting.get(), !ran);
    ran
}

#[tokio::test]
async fn so_many_uploads_wait_for_the_app_and_the_next_one_for_them() {
    let share = Share::default();
    let handles = streams(UPLOADING + 1);
    for handle in &handles {
        handle.progress.is_answered.set(false);
        handle.progress.owes_body.set(true);
    }
    let mut turns: Vec<_> = handles
        .iter()
        .map(|handle| Turn::of(&share, handle))
        .collect();
    for turn in &mut turns {
        assert!(upload(turn, false), "who waits for its client has no place");
    }
    for (n, turn) in turns.iter_mut().enumerate() {
        assert_eq!(upload(turn, true), n < UPLOADING, "upload {n}");
    }
    assert!(upload(&mut turns[0], false), "one goes on");
    assert!(upload(&mut turns[UPLOADING], true), "and gives its place");
    assert!(!upload(&mut turns[0], true), "and has to wait");
    handles[1].progress.owes_body.set(false);
    assert!(upload(&mut turns[1], true), "its body is whole");
    assert!(
        upload(&mut turns[0], true),
        "which frees its place before the app has answered"
    );
}

#[test]
fn a_place_is_forgotten_with_its_stream() {
    let share = Share::default();
    for _ in 0..1000 {
        for handle in streams(FREE) {
            let mut turn = Turn::of(&share, &handle);
            assert!(run(&mut turn, LITTLE + 1));
        }
    }
    assert!(share.holders.len() <= FREE, "they pile up");
}

#[test]
fn who_stands_still_longest_is_told_when_somebody_waits() {
    let share = Share::default();
    let handles = streams(FREE + STEPPING + 1);
    let mut turns: Vec<_> = handles
        .iter()
        .map(|handle| Turn::of(&share, handle))
        .collect();
    let later = Moment::from_millis(u64::MAX);
    for turn in &mut turns {
        run(turn, LITTLE + 1);
        run(turn, LITTLE + 1);
    }
    let stalled = share.stalled(later);
    let stalled = stalled.first().expect("somebody waits");
    assert!(handles.iter().any(|handle| Arc::ptr_eq(handle, stalled)));
    assert!(share.stalled(Moment::default()).is_empty(), "all moved");
}
