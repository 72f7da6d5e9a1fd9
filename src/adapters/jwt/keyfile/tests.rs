//! Tests of the key file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::file::{DRAFT, FILE};
use super::*;
use crate::adapters::jwt::Keyring;
use crate::adapters::store::scratch::Scratch;

const ALL: [Algorithm; 4] = [
    Algorithm::Hs256,
    Algorithm::Es256,
    Algorithm::Rs256,
    Algorithm::EdDsa,
];
const LIFE: Duration = Duration::from_secs(60);

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn ids(keys: &[StoredKey]) -> Vec<&str> {
    keys.iter().map(|key| key.id.as_str()).collect()
}

fn ring(keys: &[StoredKey]) -> Keyring {
    let secrets: Vec<_> = keys.iter().map(|key| key.secret.clone()).collect();
    Keyring::new(keys[0].algorithm, &secrets).unwrap()
}

#[test]
fn the_first_start_makes_a_key_and_the_next_finds_it() {
    for algorithm in ALL {
        let scratch = Scratch::new();
        let dir = scratch.path().join("data");
        let made = load_or_generate(&dir, algorithm, at(1)).unwrap();
        let found = load_or_generate(&dir, algorithm, at(2)).unwrap();
        assert_eq!(ids(&made), ids(&found), "{algorithm:?}: sessions would end");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].created, at(1));
        assert_eq!(ring(&found).ids().next(), Some(&made[0].id));
    }
}

#[test]
fn the_file_is_private_and_leaves_no_draft() {
    let scratch = Scratch::new();
    load_or_generate(scratch.path(), Algorithm::Hs256, at(1)).unwrap();
    rotate(scratch.path(), Algorithm::Hs256, at(2), LIFE).unwrap();
    let mode = fs::metadata(scratch.path().join(FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!scratch.path().join(DRAFT).exists());
}

#[test]
fn a_draft_of_a_crashed_write_is_in_nobodys_way() {
    let scratch = Scratch::new();
    fs::write(scratch.path().join(DRAFT), "half").unwrap();
    let made = load_or_generate(scratch.path(), Algorithm::Hs256, at(1)).unwrap();
    let listed = list(scratch.path(), at(1)).unwrap();
    assert_eq!(ids(&made), ids(&listed));
}

#[test]
fn rotation_keeps_a_retired_key_as_long_as_its_tokens_can_live() {
    let scratch = Scratch::new();
    let dir = scratch.path();
    let load = |secs| load_or_generate(dir, Algorithm::Hs256, at(secs)).unwrap();
    let first = load(100)[0].id.clone();
    let second = rotate(dir, Algorithm::Hs256, at(200), LIFE).unwrap().id;
    let keys = load(201);
    assert_eq!(ids(&keys), [second.as_str(), first.as_str()]);
    assert_eq!(keys[1].retired, Some(at(200)));
    assert_eq!(keys[1].expires, Some(at(260)));

    let third = rotate(dir, Algorithm::Hs256, at(230), LIFE).unwrap().id;
    assert_eq!(
        ids(&load(259)),
        [third.as_str(), second.as_str(), first.as_str()],
        "tokens of the first key would end too early"
    );
    let keys = load(260);
    assert_eq!(ids(&keys), [third.as_str(), second.as_str()]);
    assert_eq!(keys[1].expires, Some(at(290)));

    rotate(dir, Algorithm::Hs256, at(300), LIFE).unwrap();
    let text = fs::read_to_string(dir.join(FILE)).unwrap();
    assert!(!text.contains(first.as_str()), "{text}");
    assert!(!text.contains(second.as_str()), "{text}");
    assert!(text.contains(third.as_str()), "{text}");
}

#[test]
fn a_retired_key_never_signs_wherever_it_stands() {
    let scratch = Scratch::new();
    let dir = scratch.path();
    let first = load_or_generate(dir, Algorithm::Hs256, at(1)).unwrap()[0]
        .id
        .clone();
    let second = rotate(dir, Algorithm::Hs256, at(2), LIFE).unwrap().id;
    let path = dir.join(FILE);
    let mut contents: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    contents["keys"].as_array_mut().unwrap().reverse();
    fs::write(&path, contents.to_string()).unwrap();
    let keys = load_or_generate(dir, Algorithm::Hs256, at(3)).unwrap();
    assert_eq!(ids(&keys), [second.as_str(), first.as_str()]);
}

#[test]
fn algorithms_do_not_disturb_each_other() {
    let scratch = Scratch::new();
    let dir = scratch.path();
    let symmetric = load_or_generate(dir, Algorithm::Hs256, at(1)).unwrap();
    let edwards = load_or_generate(dir, Algorithm::EdDsa, at(2)).unwrap();
    assert_eq!(edwards.len(), 1);
    rotate(dir, Algorithm::EdDsa, at(3), LIFE).unwrap();
    let again = load_or_generate(dir, Algorithm::Hs256, at(4)).unwrap();
    assert_eq!(ids(&again), ids(&symmetric));
    assert_eq!(list(dir, at(4)).unwrap().len(), 3);
}

#[test]
fn generate_makes_only_the_first() {
    let scratch = Scratch::new();
    assert_eq!(list(scratch.path(), at(1)).unwrap().len(), 0);
    let made = generate(scratch.path(), Algorithm::Es256, at(1)).unwrap();
    match generate(scratch.path(), Algorithm::Es256, at(2)) {
        Err(KeyFileError::Exists { id, .. }) => assert_eq!(id, made.id),
        other => panic!("{other:?}"),
    }
    generate(scratch.path(), Algorithm::EdDsa, at(3)).unwrap();
    assert_eq!(list(scratch.path(), at(4)).unwrap().len(), 2);
}

#[test]
fn two_rotations_at_once_lose_none() {
    let scratch = Scratch::new();
    let dir = scratch.path();
    load_or_generate(dir, Algorithm::Hs256, at(1)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| rotate(dir, Algorithm::Hs256, at(2), LIFE).unwrap());
        }
    });
    let keys = list(dir, at(3)).unwrap();
    assert_eq!(keys.len(), 9);
    assert_eq!(keys.iter().filter(|key| key.retired.is_none()).count(), 1);
}

#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    type Damage = fn(String) -> String;
    let cases: [(&str, Damage); 9] = [
        ("empty", |_| String::new()),
        ("not JSON", |_| "keys".into()),
        ("cut off", |text| text[..text.len() / 2].into()),
        ("a format of the future", |text| {
            text.replace("\"format\": 1", "\"format\": 2")
        }),
        ("an unknown member", |text| {
            text.replacen('{', "{\"more\": 1,", 1)
        }),
        ("an unknown algorithm", |text| {
            text.replace("HS256", "HS512")
        }),
        ("another algorithm", |text| text.replace("HS256", "ES256")),
        ("another key", |text| {
            let place = text.find("\"key\": \"").unwrap() + 8;
            let other = if text[place..].starts_with('A') {
                "B"
            } else {
                "A"
            };
            format!("{}{other}{}", &text[..place], &text[place + 1..])
        }),
        ("another id", |text| {
            text.replace("\"kid\": \"", "\"kid\": \"x")
        }),
    ];
    for (name, damage) in cases {
        let scratch = Scratch::new();
        load_or_generate(scratch.path(), Algorithm::Hs256, at(1)).unwrap();
        let path = scratch.path().join(FILE);
        let text = damage(fs::read_to_string(&path).unwrap());
        fs::write(&path, &text).unwrap();
        let results = [
            load_or_generate(scratch.path(), Algorithm::Hs256, at(2)).map(drop),
            rotate(scratch.path(), Algorithm::Hs256, at(2), LIFE).map(drop),
            generate(scratch.path(), Algorithm::EdDsa, at(2)).map(drop),
            list(scratch.path(), at(2)).map(drop),
        ];
        for result in results {
            match result {
                Err(KeyFileError::Damaged { path: named, .. }) => assert_eq!(named, path),
                other => panic!("{name}: {other:?}"),
            }
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}: replaced");
    }
}

#[test]
fn a_file_that_others_can_read_is_narrowed_and_goes_on() {
    let scratch = Scratch::new();
    let before = load_or_generate(scratch.path(), Algorithm::Hs256, at(1)).unwrap();
    let path = scratch.path().join(FILE);
    for mode in [0o640, 0o660, 0o604, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let after = load_or_generate(scratch.path(), Algorithm::Hs256, at(2)).unwrap();
        assert_eq!(after[0].id, before[0].id, "a mode ended every session");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn errors_and_debug_say_no_key() {
    let scratch = Scratch::new();
    let keys = load_or_generate(scratch.path(), Algorithm::Hs256, at(1)).unwrap();
    let encoded = STANDARD.encode(keys[0].secret.expose());
    assert!(!format!("{keys:?}").contains(&encoded));
    let path = scratch.path().join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&encoded));
    for damage in [
        text.replace(&encoded, &encoded[1..]),
        text.replace(": 1", ": \"1\""),
    ] {
        fs::write(&path, damage).unwrap();
        let error = list(scratch.path(), at(1)).unwrap_err().to_string();
        assert!(!error.contains(&encoded[1..]), "{error}");
    }
}
