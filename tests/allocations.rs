//! What a decision allocates: nothing of its own, for the requests that come most.
//!
//! A binary of its own, since its allocator counts. Only what the deciding thread asks for
//! is counted.

#[path = "../benches/scene/mod.rs"]
mod scene;

use allocation_counter::measure;
use doorward::adapters::config::settings::Algorithm;
use doorward::auth::gate::Decision;
use doorward::auth::session::Presented;
use scene::{NOW, PAGE, Scene};

/// How often the allocator is asked for memory between the view and the verdict.
#[track_caller]
fn allocations_of(scene: &Scene, target: &str, token: Option<&str>) -> u64 {
    let request = scene.request(target, token);
    let decide = || scene.policy.decide(&request.view(), NOW).decision;
    // What is made once and kept is no cost of a request.
    assert!(matches!(decide(), Decision::Forward(_)), "{target}");
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
fn a_session_costs_the_verification_of_its_token_and_nothing_else() {
    let scene = Scene::plain();
    let token = scene.token(1);
    let judged = measure(|| {
        let live = Presented::judge(&scene.policy, token.as_bytes(), NOW);
        assert!(live.live().is_some());
    });
    for target in [PAGE, "/assets/app.js", "/Reports/a-b_c~d/1.2.css"] {
        let counted = allocations_of(&scene, target, Some(&token));
        assert_eq!(counted, judged.count_total, "{target}");
    }
}

#[test]
fn the_number_of_rules_changes_nothing() {
    let of = |rules| {
        let scene = Scene::new(Algorithm::Hs256, rules);
        let token = scene.token(1);
        allocations_of(&scene, PAGE, Some(&token))
    };
    assert_eq!(of(1), of(1000));
}
