//! Who is known, for how long, and what a forged or foreign cookie is.

use http::HeaderMap;
use http::header;

use super::*;
use crate::auth::test_support::{NOW, get, policy_with, user};

const DRAWN: [u8; 16] = [7; 16];

fn policy() -> Policy {
    policy_with(vec![user("1", "alice", &[])], |_| {})
}

/// The browser after this `Set-Cookie`.
fn browser(policy: &Policy, set: &HeaderValue) -> Browser {
    let pair = set.to_str().unwrap().split(';').next().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, pair.parse().unwrap());
    Browser::read(policy, &get("/login", &headers))
}

fn id(text: &str) -> UserId {
    UserId::new(text)
}

#[test]
fn a_sign_in_makes_a_browser_known_for_that_user_and_400_days() {
    let policy = policy();
    let set = Browser::default().remember(&policy, &id("1"), NOW, DRAWN);
    let set = set.unwrap();
    let attributes = "; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=34560000";
    assert!(set.to_str().unwrap().ends_with(attributes), "{set:?}");
    let known = browser(&policy, &set);
    let ours = Some(BrowserId::new(DRAWN));
    let day = |days: u64| NOW.after(Duration::from_secs(days * 86_400));
    for (user, now, expected) in [
        ("1", NOW, ours),
        ("1", day(399), ours),
        ("1", day(400), None),
        ("2", NOW, None),
        ("", NOW, None),
    ] {
        assert_eq!(known.known_for(&policy, &id(user), now), expected, "{user}");
    }
}

#[test]
fn five_users_are_known_and_the_one_of_longest_ago_goes() {
    let policy = policy();
    let mut known = Browser::default();
    for (at, user) in ["1", "2", "3", "2", "4", "5", "6"].iter().enumerate() {
        let now = NOW.after(Duration::from_secs(at as u64));
        let set = known.remember(&policy, &id(user), now, [at as u8; 16]);
        known = browser(&policy, &set.unwrap());
    }
    let first = Some(BrowserId::new([0; 16]));
    for (user, expected) in [
        ("1", None),
        ("2", first),
        ("3", first),
        ("4", first),
        ("5", first),
        ("6", first),
    ] {
        assert_eq!(known.known_for(&policy, &id(user), NOW), expected, "{user}");
    }
}

#[test]
fn no_altered_cookie_is_known_and_no_other_browser() {
    let policy = policy();
    let set = Browser::default().remember(&policy, &id("1"), NOW, DRAWN);
    let set = set.unwrap().to_str().unwrap().to_owned();
    let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
    let read = |value: &str| {
        let mut headers = HeaderMap::new();
        let field = format!("{name}={value}");
        headers.insert(header::COOKIE, field.parse().unwrap());
        Browser::read(&policy, &get("/login", &headers)).known_for(&policy, &id("1"), NOW)
    };
    assert_eq!(read(value), Some(BrowserId::new(DRAWN)));
    let other = format!("{}{}", BrowserId::new([8; 16]), &value[32..]);
    let later = value.replace(".1824560000.", ".1924560000.");
    assert_ne!(value, later);
    let seal = &value[value.len() - SEAL..];
    let rest = &value[..value.len() - SEAL];
    let altered = format!("{rest}{}A", &seal[1..]);
    let six = format!("{}{}", &value[..32], value[32..].repeat(6));
    let upper = value.replacen("07", "+7", 1);
    for odd in [
        &other,
        &later,
        &altered,
        &six,
        &upper,
        "",
        ".",
        "x",
        rest,
        &value[..32],
    ] {
        assert_eq!(read(odd), None, "{odd}");
    }
}

#[test]
fn nothing_is_known_while_it_is_off() {
    let on = policy();
    let set = Browser::default().remember(&on, &id("1"), NOW, DRAWN);
    let mut off = policy();
    off.known_browsers = false;
    let known = browser(&off, &set.unwrap());
    assert_eq!(known, Browser::default());
    assert_eq!(known.remember(&off, &id("1"), NOW, DRAWN), None);
}
