//! `doorward sessions` and `doorward revoke`: the operator's hand on a running gateway.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::operations::admin_api::{assert_alive, assert_ended};
use crate::operations::cli::{assert_code, said, written};
use crate::support::jar::Jar;
use crate::support::process::run;
use crate::support::{Builder, Upstream, doorward, token, world};

#[test]
fn sessions_are_shown_to_people_and_to_programs() {
    let (gateway, _app) = world();
    let empty = gateway.command(&["sessions", "list"], "");
    assert_code(&empty, 0, "nobody");
    assert!(
        said(&empty).contains("nobody is signed in"),
        "{}",
        said(&empty)
    );
    let (alice, bob) = (Jar::alice(&gateway), Jar::bob(&gateway));
    let all = gateway.command(&["sessions", "list"], "");
    assert_code(&all, 0, "a list");
    for word in [
        &alice.session(),
        &bob.session(),
        "alice",
        "bob",
        "127.0.0.1",
        "SESSION",
    ] {
        assert!(said(&all).contains(word), "no {word}:\n{}", said(&all));
    }
    for secret in [&alice.access, &alice.refresh] {
        let secret = secret.as_ref().unwrap();
        assert!(!said(&all).contains(secret), "{}", said(&all));
    }
    let json = gateway.command(&["sessions", "list", "--json", "--user", "bob"], "");
    assert_code(&json, 0, "a list as JSON");
    let list: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(list["sessions"][0]["id"], json!(bob.session()), "{list}");
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1, "{list}");
    let nobody = gateway.command(&["sessions", "list", "--user", "alcie"], "");
    assert_code(&nobody, 64, "a misspelt user");
    assert!(said(&nobody).contains("No user"), "{}", said(&nobody));
}

#[test]
fn each_reach_can_be_revoked() {
    let (gateway, _app) = world();
    let bob = Jar::bob(&gateway);
    let jar = Jar::alice(&gateway);
    let output = gateway.command(&["revoke", "--session", &jar.session()], "");
    assert_code(&output, 0, "--session");
    assert!(said(&output).contains(&jar.session()), "{}", said(&output));
    assert_ended(&gateway, &jar, "--session ends nothing");

    let (argument, input) = (Jar::alice(&gateway), Jar::alice(&gateway));
    let output = gateway.command(
        &["revoke", "--token", argument.refresh.as_ref().unwrap()],
        "",
    );
    assert_code(&output, 0, "--token");
    assert_ended(&gateway, &argument, "--token ends nothing");
    let line = format!("{}\n", input.access.as_ref().unwrap());
    let output = gateway.command(&["revoke", "--token", "-"], &line);
    assert_code(&output, 0, "--token -");
    assert!(!said(&output).contains(line.trim()), "{}", said(&output));
    assert_ended(&gateway, &input, "--token - ends nothing");
    let output = gateway.command(&["revoke", "--token", "x"], "");
    assert_code(&output, 0, "an unknown token is no error");
    assert!(
        said(&output).contains("nothing to end"),
        "{}",
        said(&output)
    );

    let jar = Jar::alice(&gateway);
    let output = gateway.command(&["revoke", "--user", "alice"], "");
    assert_code(&output, 0, "--user");
    assert!(said(&output).contains("1001: 1"), "{}", said(&output));
    assert_ended(&gateway, &jar, "--user ends nothing");
    assert_alive(&gateway, &bob, "--user reaches another");
    assert_code(
        &gateway.command(&["revoke", "--user", "alcie"], ""),
        64,
        "misspelt",
    );
    assert_code(
        &gateway.command(&["revoke", "--session", "x"], ""),
        64,
        "no id",
    );

    assert_code(&gateway.command(&["revoke", "--all"], ""), 0, "--all");
    assert_ended(&gateway, &bob, "--all ends nothing");
}

#[test]
fn exactly_one_thing_is_revoked() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway);
    for arguments in [
        &["revoke"][..],
        &["revoke", "--all", "--user", "alice"],
        &["revoke", "--session", &jar.session(), "--token", "x"],
        &["revoke", "alice"],
        &["sessions"],
        &["sessions", "lst"],
    ] {
        assert_code(
            &gateway.command(arguments, ""),
            64,
            &format!("{arguments:?}"),
        );
    }
    assert_alive(&gateway, &jar, "a mistyped command ended something");
}

#[test]
fn without_a_gateway_it_says_so_within_a_second() {
    let gateway = written("");
    for arguments in [&["sessions", "list"][..], &["revoke", "--all"]] {
        let begun = Instant::now();
        let output = gateway.command(arguments, "");
        let took = begun.elapsed();
        eprintln!("{arguments:?} without a gateway: {took:?}");
        assert_code(&output, 69, &format!("{arguments:?}"));
        assert!(
            said(&output).contains("no gateway answers"),
            "{}",
            said(&output)
        );
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}

#[test]
fn an_operator_needs_none_of_the_gateways_secrets() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("signing: { key: \"env:KEY_OF_THE_SERVICE\" }")
        .env("KEY_OF_THE_SERVICE", token::KEY)
        .start();
    let jar = Jar::alice(&gateway);
    let mut command = doorward();
    command.args(["revoke", "--user", "alice", "--config"]);
    let output = run(command.arg(&gateway.config), "");
    assert_code(&output, 0, "a shell without the service's environment");
    assert_ended(&gateway, &jar, "nothing ended");
}

#[test]
fn completions_know_the_commands() {
    let output = run(doorward().args(["completions", "bash"]), "");
    for word in ["sessions", "revoke", "--session", "--token", "--json"] {
        assert!(said(&output).contains(word), "no {word}");
    }
}
