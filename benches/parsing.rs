//! What is read out of every request: path, host and cookies.
//!
//! `cargo bench --bench parsing`

mod scene;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use doorward::auth::client_headers::Sender;
use doorward::domain::cookie;
use doorward::domain::origin::Authority;
use doorward::domain::path::RequestPath;
use scene::{PAGE, Scene};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn paths(c: &mut Criterion) {
    let mut group = c.benchmark_group("path");
    for (name, raw) in [
        ("plain", "/reports/2026/quarter-3"),
        ("encoded", "/reports/caf%C3%A9/2026"),
        ("ambiguous", "/files/a%2fb;v=1//c"),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| RequestPath::parse(black_box(raw.as_bytes())).map(|path| path.raw().len()));
        });
    }
    group.finish();
}

fn hosts(c: &mut Criterion) {
    c.bench_function("host", |b| {
        b.iter(|| Authority::parse(black_box(b"app.example.com")));
    });
}

fn cookies(c: &mut Criterion) {
    let scene = Scene::plain();
    let style = &scene.policy.cookies;
    let token = scene.token(1);
    let with = scene.request(PAGE, Some(&token)).headers;
    let without = scene.request(PAGE, None).headers;
    let mut group = c.benchmark_group("cookie");
    for (name, headers) in [("present", &with), ("absent", &without)] {
        group.bench_function(format!("find, {name}"), |b| {
            b.iter(|| cookie::find(black_box(headers), &style.names().access));
        });
        group.bench_function(format!("take ours out, {name}"), |b| {
            b.iter(|| cookie::without_ours(black_box(headers), style));
        });
    }
    group.finish();
}

/// Whether a client's header must not reach the app, for all fields of a request.
fn headers(c: &mut Criterion) {
    let scene = Scene::plain();
    let ours = &scene.policy.client_headers;
    let headers = scene.request(PAGE, None).headers;
    c.bench_function("what is dropped of twelve headers", |b| {
        b.iter(|| {
            let names = black_box(&headers).keys();
            names
                .filter(|name| ours.drops(name.as_str(), Sender::Stranger))
                .count()
        });
    });
}

criterion_group!(benches, paths, hosts, cookies, headers);
criterion_main!(benches);
