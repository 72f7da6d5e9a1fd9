//! What fuzzing has found worth keeping: every input under `fuzz/corpus/` through the invariants
//! of its target, and the heads of the gate through the real gateway too.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward::adapters::clock;
use doorward::gateway::request::rehearsal::Rehearsed;

use crate::support::{Builder, Upstream};

#[path = "../../../fuzz/src/lib.rs"]
mod invariants;

use invariants::gate::{
    Head, WORLDS, World, assert_admitted, assert_forwarded, sent, session, whose,
};

/// The inputs of a target by their names.
fn inputs(target: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn every_committed_input_keeps_the_invariants() {
    let mut failed = Vec::new();
    for (target, check) in invariants::TARGETS {
        let inputs = inputs(target);
        assert!(inputs.len() >= 5, "{target} has no corpus");
        for (path, input) in inputs {
            if catch_unwind(|| check(&input)).is_err() {
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "broken by {failed:#?}");
}

/// The heads of the gate's corpus on real sockets: pingora stands between the two heads here,
/// and what the app received must be as true of them.
#[test]
fn every_committed_head_keeps_them_on_the_wire() {
    let inputs = inputs("gate");
    let worlds: Vec<_> = (0..WORLDS)
        .map(|number| {
            let mine = |(_, input): &(&PathBuf, &Vec<u8>)| usize::from(input[0]) % WORLDS == number;
            let heads = inputs.iter().filter(mine);
            let heads: Vec<_> = heads
                .map(|(path, head)| (path.clone(), head.clone()))
                .collect();
            std::thread::spawn(move || on_the_wire(number, &heads))
        })
        .collect();
    for world in worlds {
        let (forwarded, failed) = world.join().unwrap();
        assert!(forwarded > 0, "nothing was forwarded, so nothing was seen");
        assert!(failed.is_empty(), "broken by {failed:#?}");
    }
}

/// Sends heads to a gateway with the settings of this number; how many reached the app, and
/// which broke an invariant.
fn on_the_wire(number: usize, templates: &[(PathBuf, Vec<u8>)]) -> (usize, Vec<PathBuf>) {
    let world = World::new(number, clock::now());
    let app = Upstream::start();
    let settings = World::settings(number);
    let own = settings
        .lines()
        .filter(|line| !line.starts_with("upstream:"));
    let own: Vec<&str> = own.collect();
    let gateway = Builder::new(&app)
        .yaml(&own.join("\n"))
        .yaml("limits: { client_read: 1s, upstream_read: 2s }")
        .start();
    let revoked = session(9, world.now).to_string();
    let done = gateway.command(&["revoke", "--session", &revoked], "");
    assert!(done.status.success(), "the session could not be revoked");
    let mut failed = Vec::new();
    for (path, template) in templates {
        let bytes = world.filled(&template[1..]);
        // What follows a head is a body, or a request of its own, which is not looked at here.
        let ends = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(client) = Head::read(&bytes).filter(|_| ends == Some(bytes.len() - 4)) else {
            continue;
        };
        // An endpoint of ours may end the session that the next head needs.
        if matches!(sent(&world, &bytes), Rehearsed::Served(_)) {
            continue;
        }
        let before = app.count();
        let mut connection = gateway.connect();
        connection.patience(Duration::from_secs(5));
        // A refused head may be answered and closed before it is all sent.
        let _answer = connection.send(&bytes).and_then(|()| connection.head());
        let requests = app.requests();
        let Some(received) = requests.get(before) else {
            continue;
        };
        let shown = whose(&world, &client);
        let judged = catch_unwind(AssertUnwindSafe(|| {
            assert_admitted(&world, &client, shown);
            assert_forwarded(&world, &client, shown.map(|(id, _)| id), &received.head);
        }));
        if judged.is_err() {
            failed.push(path.clone());
        }
    }
    (app.count(), failed)
}
