//! The table, and what passes it.

use std::collections::BTreeMap;

use super::*;
use crate::auth::headers::IdentityField;

fn headers(operators: &ForwardHeaders) -> ClientHeaders {
    let set = BTreeMap::from([("X_My.App-User".to_owned(), IdentityField::Id)]);
    ClientHeaders::new(&IdentityHeaders::new(set), operators)
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_table_is_whole() {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    for row in rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let [name, takes, source] = columns[..] else {
            panic!("not three columns: {row}");
        };
        assert!(takes.parse::<Takes>().is_ok(), "{row}: what is taken?");
        let begin = name.strip_suffix('*').unwrap_or("long enough");
        let begin = begin.strip_prefix("X-").unwrap_or(begin);
        assert!(!source.is_empty() && begin.len() >= 3, "{row}");
    }
    assert!(ROWS.len() > 200, "the table has lost rows");
}

/// What the sources of servers and middlewares were searched for, with a verdict on each name.
#[test]
fn every_name_that_was_found_to_change_a_request_is_in_the_table() {
    let found = include_str!("../../../tests/behind/names/judged.tsv");
    let mut seen = 0;
    for row in found.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = row.split('\t');
        let (name, verdict) = (columns.next().unwrap(), columns.next().unwrap());
        // The second path of a request is judged, and arrives.
        if matches!(verdict, "harmless" | "destination") {
            continue;
        }
        seen += 1;
        let of_preset = headers(&ForwardHeaders::default()).drops(name, Sender::Stranger);
        assert!(
            takes(name).is_some() || of_preset,
            "{name} ({verdict}) passes"
        );
    }
    assert!(seen > 400, "only {seen} names were judged");
}

#[test]
fn every_name_of_the_table_is_dropped_in_every_spelling() {
    let ours = headers(&ForwardHeaders::default());
    for (row, takes) in ROWS.iter() {
        let name = row.replace('*', "Anything");
        for separator in ["-", "_", ".", "!", "~"] {
            for name in [name.to_lowercase(), name.to_uppercase()] {
                let spelled = name.replace(['-', '_'], separator);
                for sender in [Sender::Stranger, Sender::TrustedProxy] {
                    assert!(ours.drops(&spelled, sender), "{spelled} ({takes:?}) passes");
                }
            }
        }
    }
}

#[test]
fn what_passes_and_what_does_not() {
    let ours = headers(&ForwardHeaders::default());
    for (name, dropped) in [
        ("accept", false),
        ("user-agent", false),
        ("x-requested-with", false),
        ("x-csrf-token", false),
        ("x-userids", false),
        ("x-user-identity", false),
        ("x-my-app-user", true),
        ("x.my-app_user", true),
        ("x-user-id", true),
        ("X-USER-ID", true),
        ("x!user~id", true),
        ("remote-user", true),
        ("x-forwarded-for", true),
        ("x-forwarded-whatever", true),
        ("x.forwarded.prefix", true),
        ("script-name", true),
        ("proxy", true),
        ("client-ip", true),
        ("x_anything", true),
        ("content.length", true),
        ("transfer.encoding", true),
        ("content-length", false),
        ("cookie", false),
        ("x.anything", false),
        ("destination", false),
        ("destination.", false),
    ] {
        assert_eq!(ours.drops(name, Sender::Stranger), dropped, "{name}");
    }
    let long = format!("x-{}", "a".repeat(200));
    assert!(!ours.drops(&long, Sender::Stranger));
    let long = format!("x-forwarded-{}", "a".repeat(200));
    assert!(ours.drops(&long, Sender::Stranger));
    let long = format!("a{}", "_".repeat(200));
    assert!(ours.drops(&long, Sender::Stranger));
}

#[test]
fn the_operators_part() {
    let ours = headers(&ForwardHeaders {
        underscores: names(&["X_Legacy"]),
        from_trusted: names(&["X-Real-IP", "X-Forwarded-Port"]),
        drop: names(&["X-Debug"]),
    });
    for (name, by_stranger, by_proxy) in [
        ("x_legacy", false, false),
        ("x_legacy2", true, true),
        ("x-real-ip", true, false),
        ("x.real.ip", true, true),
        ("x_real_ip", true, true),
        ("x-forwarded-port", true, false),
        ("x-forwarded-prefix", true, true),
        ("x-debug", true, true),
        ("X.Debug", true, true),
    ] {
        assert_eq!(ours.drops(name, Sender::Stranger), by_stranger, "{name}");
        assert_eq!(ours.drops(name, Sender::TrustedProxy), by_proxy, "{name}");
    }
}

#[test]
fn what_a_name_speaks_of() {
    for (name, expected) in [
        ("X-Real-IP", Some(Takes::Way)),
        ("x_forwarded_prefix", Some(Takes::Way)),
        ("X-Original-URL", Some(Takes::Decided)),
        ("SCRIPT_NAME", Some(Takes::Decided)),
        ("X-Custom", None),
    ] {
        assert_eq!(takes(name), expected, "{name}");
    }
}
