use super::*;
use crate::gateway::connection::handle::ConnectionHandle;

fn streams(line: &Arc<ConnectionHandle>, count: usize) -> Vec<Arc<CancelHandle>> {
    let sent = (0..count).map(|_| {
        let handle = CancelHandle::new(line);
        handle.send();
        handle.answers();
        handle
    });
    sent.collect()
}

/// Runs a stream that then has so much on its way; whether it ran.
fn run(turn: &mut Turn<'_>, unread: usize) -> bool {
    let mut ran = false;
    let handle = Arc::clone(turn.handle);
    let _pending: Poll<()> = turn.run(&mut Context::from_waker(Waker::noop()), |_| {
        handle.note_unread(unread);
        ran = true;
        Poll::Pending
    });
    ran
}

#[test]
fn who_has_little_on_its_way_needs_no_place() {
    let line = Arc::new(ConnectionHandle::default());
    let handles = streams(&line, 100);
    let mut turns: Vec<_> = handles.iter().map(Turn::of).collect();
    for turn in &mut turns {
        assert!(run(turn, LITTLE), "an event stream waits for others");
    }
    let taken = line.share.stepping.load(Ordering::SeqCst);
    assert_eq!(taken, 0, "it kept a place");
}

#[test]
fn so_many_have_much_on_their_way_and_the_next_one_follows() {
    let line = Arc::new(ConnectionHandle::default());
    let handles = streams(&line, FREE + STEPPING + 1);
    let mut turns: Vec<_> = handles.iter().map(Turn::of).collect();
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

#[test]
fn a_place_is_forgotten_with_its_stream() {
    let line = Arc::new(ConnectionHandle::default());
    for _ in 0..1000 {
        for handle in streams(&line, FREE) {
            let mut turn = Turn::of(&handle);
            assert!(run(&mut turn, LITTLE + 1));
        }
    }
    assert!(line.share.holders.len() <= FREE, "they pile up");
}

#[test]
fn who_stands_still_longest_is_told_when_somebody_waits() {
    let line = Arc::new(ConnectionHandle::default());
    let handles = streams(&line, FREE + STEPPING + 1);
    let mut turns: Vec<_> = handles.iter().map(Turn::of).collect();
    let later = Moment::from_millis(u64::MAX);
    for turn in &mut turns {
        run(turn, LITTLE + 1);
        run(turn, LITTLE + 1);
    }
    let stalled = line.share.stalled(later);
    let stalled = stalled.first().expect("somebody waits");
    assert!(handles.iter().any(|handle| Arc::ptr_eq(handle, stalled)));
    assert!(
        line.share.stalled(Moment::default()).is_empty(),
        "all moved"
    );
}
