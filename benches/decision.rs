//! What the gate costs a request: the whole decision, for each way that it can go.
//!
//! `cargo bench --bench decision`

mod scene;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use doorward::adapters::clock;
use doorward::config::settings::Algorithm;
use scene::{NOW, PAGE, Request, Scene};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Everything between the view of a request and what becomes of it.
fn decide(c: &mut Criterion) {
    let scene = Scene::plain();
    let token = scene.token(1);
    let forged = scene.forged();
    let mut group = c.benchmark_group("decide");
    for (name, target, token) in [
        ("with a session", PAGE, Some(&token)),
        ("without a session", PAGE, None),
        ("with a forged token", PAGE, Some(&forged)),
        ("public path", "/assets/app-4711.js", None),
        (
            "public path with a session",
            "/assets/app-4711.js",
            Some(&token),
        ),
        ("own endpoint", "/_doorward/session", Some(&token)),
        ("an encoded path", "/reports/caf%C3%A9/2026", Some(&token)),
    ] {
        let request = scene.request(target, token.map(String::as_str));
        group.bench_function(name, |b| b.iter(|| scene.decide(&request)));
    }
    let request = scene.program(PAGE);
    group.bench_function("with a machine token", |b| {
        b.iter(|| scene.decide(&request));
    });
    group.finish();
}

/// The last of so many rules.
fn rules(c: &mut Criterion) {
    let mut group = c.benchmark_group("decide by rules");
    for count in [1, 100, 1000] {
        let scene = Scene::new(Algorithm::Hs256, count);
        let request = scene.request(PAGE, Some(&scene.token(1)));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| scene.decide(&request));
        });
    }
    group.finish();
}

fn clock(c: &mut Criterion) {
    c.bench_function("clock", |b| b.iter(clock::now));
}

impl Scene {
    fn decide(&self, request: &Request) {
        let view = black_box(request).view();
        let _ = black_box(self.policy.decide(&view, NOW));
    }
}

criterion_group!(benches, decide, rules, clock);
criterion_main!(benches);
