//! What a decision allocates: nothing of its own, for the requests that come most.
//!
//! A binary of its own, since its allocator counts. Only what the deciding thread asks for
//! is counted.

#[path = "../benches/scene/mod.rs"]
mod scene;

use allocation_counter::measure;
use doorward::auth::gate::{Decision, Step};
use doorward::config::settings::Algorithm;
use scene::{NOW, PAGE, Scene};

/// How often the allocator is asked for memory between the view and the verdict.
#[track_caller]
fn allocations_of(scene: &Scene, target: &str, token: Option<&str>) -> u64 {
    let request = scene.request(target, token);
    let decide = || scene.policy.decide(&request.view(), NOW).step;
    // What is made once and kept is no cost of a request.
    assert!(
        matches!(decide(), Step::Decided(Decision::Forward(_))),
        "{target}"
    );
    let counted = measure(|| {
        let _ = std::hint::black_box(decide());
    });
    counted.count_total
}

#[test]
fn the_counter_counts() {
    let counted = measure(|| drop(std::hint::black_box(vec![1_u8; 64])));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn an_anonymous_visit_of_a_public_path_allocates_nothing() {
    assert_eq!(allocations_of(&Scene::plain(), "/assets/app.js", None), 0);
}

#[test]
fn a_session_that_was_seen_before_allocates_nothing() {
    let scene = Scene::plain();
    let token = scene.token(1);
    for target in [PAGE, "/assets/app.js", "/Reports/a-b_c~d/1.2.css"] {
        assert_eq!(allocations_of(&scene, target, Some(&token)), 0, "{target}");
    }
}

#[test]
fn a_token_is_verified_on_its_first_sight_alone() {
    let scene = Scene::plain();
    let token = scene.token(1);
    let request = scene.request(PAGE, Some(&token));
    let counted = || {
        measure(|| {
            let _ = std::hint::black_box(scene.policy.decide(&request.view(), NOW));
        })
        .count_total
    };
    assert!(counted() > 0, "nothing was read or kept");
    assert_eq!(counted(), 0);
}

#[test]
fn the_number_of_rules_changes_nothing() {
    for rules in [1, 1000] {
        let scene = Scene::new(Algorithm::Hs256, rules);
        let token = scene.token(1);
        assert_eq!(allocations_of(&scene, PAGE, Some(&token)), 0, "{rules}");
    }
}
