//! The whole gate: a request head of any bytes, with real tokens put in by name, against real
//! settings. Whatever comes out on the app's side had a session that lives, with the role, or a
//! public rule; it carries exactly our identity headers, and nothing of ours or of our family
//! that the client wrote.
//!
//! The first byte of an input chooses the [`world`]. The rest is the head as sent, in which
//! `{alice}` and the like stand for tokens: see [`world::World`].

mod app;
mod head;
mod world;

use std::cell::RefCell;

use doorward::auth::denial::Denial;
use doorward::gateway::request::rehearsal::{Rehearsed, rehearse};
use tokio::runtime::{Builder, Runtime};

pub use self::app::{assert_admitted, assert_forwarded, whose};
pub use self::head::Head;
pub use self::world::{WORLDS, World, session};

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// See [`super`].
pub fn check(data: &[u8]) {
    let Some((&first, template)) = data.split_first() else {
        return;
    };
    let world = World::at(usize::from(first) % WORLDS);
    let bytes = world.filled(template);
    let outcome = sent(world, &bytes);
    if let Rehearsed::Forwarded { session, head: app } = &outcome {
        let client = Head::read(&bytes).expect("forwarded, and no head");
        let session = session.as_ref().map(|(id, user)| (*id, user.as_str()));
        assert_admitted(world, &client, session);
        assert_forwarded(world, &client, session.map(|(id, _)| id), app);
    }
    unmoved(world, &bytes, &outcome);
}

/// What becomes of a head.
pub fn sent(world: &World, head: &[u8]) -> Rehearsed {
    RUNTIME.with_borrow_mut(|runtime| {
        let runtime = runtime.get_or_insert_with(|| {
            let built = Builder::new_current_thread().enable_time().build();
            built.expect("a runtime")
        });
        let renew = |token: &_| world.renewed(token);
        runtime.block_on(rehearse(&world.shared, head, world.now, &renew))
    })
}

/// The verdict does not depend on the order of the fields, nor on the case of their names.
fn unmoved(world: &World, bytes: &[u8], outcome: &Rehearsed) {
    let Some(other) = head::rearranged(bytes) else {
        return;
    };
    let again = sent(world, &other);
    let same = match (outcome, &again) {
        // Of several defects it may name another.
        (Rehearsed::Denied(_) | Rehearsed::Unread, Rehearsed::Denied(_) | Rehearsed::Unread) => {
            true
        }
        (Rehearsed::Forwarded { session, .. }, Rehearsed::Forwarded { session: other, .. }) => {
            session == other
        }
        _ => *outcome == again,
    };
    assert!(same, "the order or case of fields decides");
    if let (Rehearsed::Denied(one), Rehearsed::Denied(two)) = (outcome, &again)
        && *one != *two
    {
        let which = [Denial::BadRequest, Denial::HeaderTooLarge];
        assert!(
            which.contains(one) || which.contains(two),
            "another refusal"
        );
    }
}
