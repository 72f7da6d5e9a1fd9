//! What it costs to ask whether a session was revoked, beside ten million that were.
//!
//! `cargo bench --bench revocations`; it needs memory for all of them, and says how much.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to measure with: it stops where something fails"
)]

mod scene;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use doorward::adapters::store::RevocationIndex;
use doorward::auth::ports::Revoked;
use doorward::auth::revocation::{Revocation, RevocationScope};
use doorward::domain::id::{SessionId, UserId};
use doorward::domain::time::Timestamp;
use scene::{NOW, session_id};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn look_up(c: &mut Criterion) {
    let user = UserId::new("1001");
    let mut group = c.benchmark_group("is it revoked");
    for count in [1_000, 10_000_000] {
        let before = resident();
        let replica = loaded(count);
        let each = resident().saturating_sub(before) / count;
        println!("{count} revocations: {each} bytes of resident memory each");
        // Another session each time, so that none is in the processor's caches for having
        // been asked for.
        let mut number = 0;
        let mut ask = |name, id: fn(u64) -> SessionId| {
            let mut next = || {
                number = (number + 7_919) % count;
                id(number)
            };
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter_batched(
                    &mut next,
                    |id| black_box(&replica).is_revoked(id, &user),
                    BatchSize::SmallInput,
                );
            });
        };
        ask("present", revoked);
        ask("absent", live);
    }
    group.finish();
}

/// One logout a millisecond, piece by piece: no list of all of them is needed.
fn loaded(count: u64) -> RevocationIndex {
    let replica = RevocationIndex::new();
    let mut numbers = (0..count).peekable();
    while numbers.peek().is_some() {
        let piece: Vec<_> = numbers
            .by_ref()
            .take(100_000)
            .map(|number| {
                let id = revoked(number);
                Revocation {
                    reach: RevocationScope::Session(id),
                    at: id.created(),
                    until: NOW.after(Duration::from_secs(3600)),
                }
            })
            .collect();
        replica.load(&piece);
    }
    replica
}

/// Bytes of this process that are in memory, `VmRSS` of proc(5).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

fn revoked(number: u64) -> SessionId {
    session_id(began(number), number)
}

/// Of the same millisecond as a revoked one.
fn live(number: u64) -> SessionId {
    session_id(began(number), !number)
}

fn began(number: u64) -> Timestamp {
    NOW.before(Duration::from_millis(number))
}

criterion_group!(benches, look_up);
criterion_main!(benches);
