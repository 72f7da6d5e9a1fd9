//! Forged cookies: which of several counts is never luck, and what looks like ours is not.
//!
//! Cookie tossing: a sibling host or a script plants a cookie of our name beside ours, or
//! one whose name some parser takes for ours.

use crate::support::{Forger, Jar, assert_problem, token, world, world_with};
use crate::upstream::h2::World;

/// Names that some parser or another takes for ours.
const LOOK_ALIKES: [&str; 18] = [
    "__host-doorward",
    "__HOST-DOORWARD",
    "__Host-Doorward",
    "__Secure-doorward",
    "__Http-doorward",
    "__Host-Http-doorward",
    "__Host_doorward",
    "_Host-doorward",
    "doorward",
    "Host-doorward",
    "__Host-doorward2",
    "__Host-doorward-",
    "__Host-doorward.0",
    "__Host-doorward[]",
    "__Host-doorward%20",
    "__Host-doorwar%64",
    "x__Host-doorward",
    "$Version,__Host-doorward",
];

/// Blanks of Unicode, a letter of another script, a soft hyphen, a byte that is no UTF-8.
const FAR_LOOK_ALIKES: [&[u8]; 8] = [
    "\u{2000}__Host-doorward".as_bytes(),
    "__Host-doorward\u{a0}".as_bytes(),
    "\u{feff}__Host-doorward".as_bytes(),
    "\u{85}__Host-doorward".as_bytes(),
    "__H\u{43e}st-doorward".as_bytes(),
    "__Host\u{2010}doorward".as_bytes(),
    b"\xa0__Host-doorward",
    b"__Host-doorward\xff",
];

fn look_alikes() -> impl Iterator<Item = Vec<u8>> {
    let near = LOOK_ALIKES.iter().map(|name| name.as_bytes().to_vec());
    near.chain(FAR_LOOK_ALIKES.iter().map(|name| name.to_vec()))
}

#[track_caller]
fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(60)];
    start.escape_ascii().to_string()
}

#[test]
fn cve_2026_25748_two_cookies_of_our_name_count_as_none() {
    let (gateway, app) = world();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let refused = |fields: &[&[u8]]| {
        let ask = fields
            .iter()
            .fold(gateway.request("GET", "/"), |request, field| {
                request.header("Cookie", field)
            });
        let what = format!(
            "{:?}",
            fields.iter().map(|field| shown(field)).collect::<Vec<_>>()
        );
        assert_problem(&ask.send(), 401, "session_required", &what);
    };
    for other in [
        alice.as_str(),
        &bob,
        "__Host-doorward=x",
        "__Host-doorward=",
        "__Host-doorward=\"\"",
        "__Host-doorward =x",
        "\t__Host-doorward=x",
        "__Host-doorward\t=\tx",
        "__Host-doorward==",
    ] {
        for separator in ["; ", ";", ";;", " ; ", "; a=1; ", ";\t"] {
            refused(&[format!("{alice}{separator}{other}").as_bytes()]);
            refused(&[format!("{other}{separator}{alice}").as_bytes()]);
        }
        refused(&[alice.as_bytes(), other.as_bytes()]);
        refused(&[other.as_bytes(), alice.as_bytes()]);
        refused(&[b"a=1", other.as_bytes(), b"", alice.as_bytes()]);
    }
    let high = [b"__Host-doorward=\xff; ", alice.as_bytes()].concat();
    refused(&[&high]);
    let long = format!("{alice}; __Host-doorward={}", "a".repeat(5000));
    refused(&[long.as_bytes()]);
    let many = vec![alice.as_str(); 20].join("; ");
    refused(&[many.as_bytes()]);
    assert_eq!(app.count(), 0, "the app was asked");
}

/// The same for the refresh cookie: two of them renew nothing.
#[test]
fn two_refresh_cookies_count_as_none() {
    let (gateway, app) = world();
    let (alice, bob) = (Jar::alice(&gateway), Jar::bob(&gateway));
    let [alice, bob] = [alice, bob].map(|jar| jar.without_access().cookies());
    for other in [
        &alice,
        &bob,
        "__Host-doorward-refresh=",
        "__Host-doorward-refresh =x",
    ] {
        for cookie in [format!("{alice}; {other}"), format!("{other}; {alice}")] {
            let refresh = gateway
                .request("POST", "/refresh")
                .own_origin()
                .cookie(&cookie);
            assert_problem(
                &refresh.send(),
                401,
                "session_required",
                &shown(cookie.as_bytes()),
            );
            let on_the_way = gateway.get("/", &cookie);
            assert_problem(
                &on_the_way,
                401,
                "session_required",
                &shown(cookie.as_bytes()),
            );
        }
    }
    assert_eq!(app.count(), 0, "the app was asked");
    assert_eq!(
        gateway.get("/", &alice).status,
        200,
        "one alone does not renew"
    );
}

#[test]
fn crumbs_of_http_2_are_counted_together() {
    let Some(world) = World::new("") else {
        return;
    };
    let alice = world.login();
    let bob = world.login_as("bob", "builder");
    let ask = |crumbs: &[&str]| {
        let fields: Vec<String> = crumbs
            .iter()
            .map(|crumb| format!("Cookie: {crumb}"))
            .collect();
        let arguments: Vec<&str> = fields.iter().flat_map(|field| ["-H", field]).collect();
        world.ask("/x", &arguments)
    };
    let twice = format!("{alice}; {bob}");
    for crumbs in [
        &[alice.as_str(), &bob][..],
        &[&bob, "a=1", &alice],
        &[&alice, "__Host-doorward=x"],
        &["__Host-doorward=x; b=2", &alice],
        &[&twice],
    ] {
        assert_problem(
            &ask(crumbs),
            401,
            "session_required",
            "a planted crumb counts",
        );
    }
    assert_eq!(world.app.count(), 0, "the app was asked");
    for (crumbs, seen) in [
        (&["a=1", &alice, "b=\"x y\""][..], &b"a=1; b=\"x y\""[..]),
        (
            &[&alice, "__host-doorward=x", "__Host-doorward"],
            b"__host-doorward=x; __Host-doorward",
        ),
        (
            &["a=1; b=2", "__Host-doorward-refresh=r", &alice, "a=1"],
            b"a=1; b=2; a=1",
        ),
    ] {
        assert_eq!(ask(crumbs).status, 200, "{crumbs:?}");
        let got = world.app.last().cookies();
        assert_eq!(shown(&got), shown(seen), "the app's cookies changed");
    }
}

#[test]
fn a_name_that_only_looks_like_ours_opens_nothing_and_hides_nothing() {
    let (gateway, app) = world();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    for name in look_alikes() {
        let what = shown(&name);
        let pair = [&name, &b"="[..], token::of(&bob).as_bytes()].concat();
        let alone = gateway.request("GET", "/").header("Cookie", &pair);
        assert_problem(&alone.send(), 401, "session_required", &what);
        let before = app.count();
        for beside in [
            [&pair, &b"; "[..], alice.as_bytes()].concat(),
            [alice.as_bytes(), b"; ", &pair].concat(),
        ] {
            let answer = gateway.request("GET", "/").header("Cookie", beside).send();
            assert_eq!(answer.status, 200, "{what} hides the session: {answer}");
            let seen = app.last();
            assert_eq!(seen.all("x-user-id"), ["1001"], "{what} is somebody else");
            assert!(
                seen.cookies() == pair,
                "{what} changed on its way: {}",
                shown(&seen.cookies())
            );
        }
        assert_eq!(app.count(), before + 2);
    }
}

/// Ways of old servers to find a second cookie inside a first one.
#[test]
fn a_cookie_inside_a_cookie_is_none() {
    let (gateway, app) = world();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    for trick in [
        format!("a=1, {bob}"),
        format!("a=1,{bob}"),
        format!("a=\"{bob}\""),
        format!("a=\" {bob}"),
        format!("$Version=1,{bob}"),
        format!("a=1&{bob}"),
        format!("a=1%3B%20{bob}"),
        format!("a=1\\073 {bob}"),
        format!("={bob}"),
        format!("=; a={bob}"),
        format!("a={bob}"),
        format!("a {bob}"),
        format!("{}=", bob.replace('=', "%3D")),
        bob.replace('=', ":"),
    ] {
        let what = shown(trick.as_bytes());
        let alone = gateway.get("/", &trick);
        assert_problem(&alone, 401, "session_required", &what);
        for beside in [format!("{trick}; {alice}"), format!("{alice}; {trick}")] {
            let answer = gateway.get("/", &beside);
            assert_eq!(answer.status, 200, "{what} hides the session: {answer}");
            assert_eq!(
                app.last().all("x-user-id"),
                ["1001"],
                "{what} is somebody else"
            );
            assert!(
                app.last().cookies() == trick.as_bytes(),
                "{what} changed on its way"
            );
        }
    }
    // A semicolon ends a cookie also where quotes are open (RFC 6265 section 4.1.1).
    for trick in [
        format!("a=\"x; {bob}; b=y\""),
        format!("$Version=1; {bob}; $Path=/"),
    ] {
        let both = gateway.get("/", &format!("{alice}; {trick}"));
        assert_problem(&both, 401, "session_required", &shown(trick.as_bytes()));
    }
}

#[test]
fn cve_2026_25748_values_that_are_almost_a_token_are_refused() {
    let forger = Forger::with_key();
    let honest = &forger.genuine;
    for (what, value) in [
        ("quotes", format!("\"{honest}\"").into_bytes()),
        ("an equals sign", format!("={honest}").into_bytes()),
        ("a second value", format!("{honest}={honest}").into_bytes()),
        ("a blank inside", format!("{honest} {honest}").into_bytes()),
        ("a comma", format!("{honest},a=1").into_bytes()),
        (
            "a byte above 127 before it",
            [b"\xff", honest.as_bytes()].concat(),
        ),
        ("one behind it", [honest.as_bytes(), b"\x80"].concat()),
        ("UTF-8", format!("{honest}\u{e9}").into_bytes()),
        ("a blank of Unicode", format!("{honest}\u{a0}").into_bytes()),
        ("bad base64", b"!!!.???.###".to_vec()),
        ("only bytes above 127", vec![0xff; 100]),
        ("a percent sign", b"%".to_vec()),
        ("a quote", b"\"".to_vec()),
        ("an empty text in quotes", b"\"\"".to_vec()),
    ] {
        forger.assert_refused(what, value);
    }
    for (what, value) in [("nothing", ""), ("a blank", " "), ("a tab", "\t")] {
        forger.assert_denied("session_required", what, value);
    }
    let cookie = "__Host-doorward";
    let answer = forger.gateway.get("/", cookie);
    assert_problem(&answer, 401, "session_required", "a name without a value");
    // Blanks around a pair belong to the field, not to the cookie (RFC 6265 section 5.4).
    for field in [
        format!("  __Host-doorward={honest}"),
        format!("__Host-doorward={honest}  "),
        format!(";; ;__Host-doorward={honest};;"),
        format!("a;b;c;__Host-doorward={honest};d"),
    ] {
        let answer = forger.gateway.get("/", &field);
        assert_eq!(
            answer.status,
            200,
            "{:?}: {answer}",
            shown(field.as_bytes())
        );
    }
}

/// What the app sets for itself is its own, down to the last byte.
#[test]
fn other_cookies_pass_byte_for_byte() {
    let (gateway, app) = world();
    let alice = gateway.alice();
    let long = [b"long=", &b"x"[..].repeat(6000)[..]].concat();
    for other in [
        &b"a=1"[..],
        b"a=1; b=2; a=3",
        b"a=1;b=2",
        b"a=1;  b=2",
        b"a",
        b"a; b=2",
        b"=a",
        b"==",
        b"a=\"q r; s\"",
        b"a=\"\\\"\"",
        b"a=x=y==",
        b"$Version=1; a=1; $Path=/",
        b"a=1,b=2",
        b"a={\"j\":[1,2]}",
        b"a=\xff\xfe\x80; \xe9=\xc3\xa9",
        b"a=\t1",
        b"a = 1",
        b"a=%00%0d%0a; b=%",
        &long,
    ] {
        for (what, field) in [
            ("before", [alice.as_bytes(), b"; ", other].concat()),
            ("behind", [other, b"; ", alice.as_bytes()].concat()),
            (
                "between",
                [other, b"; ", alice.as_bytes(), b"; ", other].concat(),
            ),
        ] {
            let answer = gateway.request("GET", "/").header("Cookie", field).send();
            assert_eq!(answer.status, 200, "{}: {answer}", shown(other));
            let expected = match what {
                "between" => [other, b"; ", other].concat(),
                _ => other.to_vec(),
            };
            let seen = app.last().cookies();
            assert!(
                seen == expected,
                "ours {what} {}: {}",
                shown(other),
                shown(&seen)
            );
        }
    }
}

/// The same under the other names that the settings give.
#[test]
fn other_names_are_as_strict() {
    for (yaml, name, others) in [
        (
            "cookies: { name: door, domain: example.com }",
            "__Secure-door",
            ["door", "__Host-door", "__secure-door"],
        ),
        (
            "cookies: { name: door }\ninsecure: { cookies_over_http: true }",
            "door",
            ["__Host-door", "__Secure-door", "Door"],
        ),
    ] {
        let (gateway, app) = world_with(yaml);
        let answer = gateway.try_login("alice", "wonderland");
        let value = answer
            .cookie(name)
            .unwrap_or_else(|| panic!("{answer}"))
            .value;
        let ours = format!("{name}={value}");
        for other in [format!("{name}=x"), format!("{name}="), ours.clone()] {
            for cookie in [format!("{ours}; {other}"), format!("{other}; {ours}")] {
                let answer = gateway.get("/", &cookie);
                assert_problem(&answer, 401, "session_required", &shown(cookie.as_bytes()));
            }
        }
        assert_eq!(app.count(), 0, "the app was asked");
        for other in others {
            let pair = format!("{other}={value}");
            let alone = gateway.get("/", &pair);
            assert_problem(&alone, 401, "session_required", other);
            let beside = gateway.get("/", &format!("{pair}; {ours}"));
            assert_eq!(beside.status, 200, "{other} hides the session: {beside}");
            assert!(
                app.last().cookies() == pair.as_bytes(),
                "{other} changed on its way"
            );
        }
    }
}
