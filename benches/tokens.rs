//! What a token costs that was not seen before: signature and claims, for each algorithm,
//! and the decision on a request with one.
//!
//! `cargo bench --bench tokens`

mod scene;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use doorward::config::settings::Algorithm;
use scene::{NOW, PAGE, Scene};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Hs256,
    Algorithm::Es256,
    Algorithm::Rs256,
    Algorithm::EdDsa,
];

/// Header, signature and claims.
fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("open a token");
    for algorithm in ALGORITHMS {
        let scene = Scene::new(algorithm, 3);
        let token = scene.token(1);
        group.bench_function(format!("{algorithm:?}"), |b| {
            b.iter(|| scene.policy.tokens.open(black_box(token.as_bytes())));
        });
    }
    group.bench_function("forged, Hs256", |b| {
        let scene = Scene::plain();
        let token = scene.forged();
        b.iter(|| scene.policy.tokens.open(black_box(token.as_bytes())));
    });
    group.finish();
}

/// The whole decision, each time with the token of another session. RS256 is left out:
/// signing all those tokens would take minutes.
fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("decide on a new token");
    for algorithm in [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa] {
        let scene = Scene::new(algorithm, 3);
        let mut session = 0;
        let mut request = || {
            session += 1;
            scene.request(PAGE, Some(&scene.token(session)))
        };
        group.bench_function(format!("{algorithm:?}"), |b| {
            b.iter_batched_ref(
                &mut request,
                |request| scene.policy.decide(&black_box(request).view(), NOW),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, open, decide);
criterion_main!(benches);
