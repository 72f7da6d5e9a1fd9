//! Signing keys: generated, rotated with overlap, and left alone when configured.

use std::os::fd::AsFd as _;
use std::process::Output;
use std::time::{Duration, SystemTime};

use doorward::adapters::store::DataDir;
use doorward::adapters::take_over::{Ask, Conversation, Reply, SOCKET};
use tokio::net::UnixListener;

use crate::support::{
    Builder, Gateway, Jar, Upstream, assert_problem, token, until, world, world_with,
};

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn kid(cookie: &str) -> String {
    token::parts(token::of(cookie)).0["kid"]
        .as_str()
        .unwrap()
        .into()
}

fn rotate(gateway: &Gateway) {
    let output = gateway.command(&["keys", "rotate"], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_rotation_keeps_sessions_and_reaches_the_running_gateway() {
    let (gateway, _app) = world();
    let before = gateway.alice();
    rotate(&gateway);
    until("the new key to sign", || {
        kid(&gateway.alice()) != kid(&before)
    });
    let after = gateway.alice();
    assert_eq!(
        gateway.get("/", &before).status,
        200,
        "a rotation signs everybody out"
    );
    assert_eq!(
        gateway.get("/", &after).status,
        200,
        "the new key opens nothing"
    );
    let list = gateway.command(&["keys", "list"], "");
    assert_eq!(list.status.code(), Some(0), "{}", said(&list));
    for kid in [kid(&before), kid(&after)] {
        assert!(
            said(&list).contains(&kid),
            "{kid} is not listed:\n{}",
            said(&list)
        );
    }
}

#[test]
fn rotated_keys_survive_a_restart() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let before = gateway.alice();
    gateway.kill();
    rotate(&gateway);
    gateway.start_again();
    let after = gateway.alice();
    assert_ne!(kid(&before), kid(&after), "nothing was rotated");
    assert_eq!(
        gateway.get("/", &before).status,
        200,
        "a rotation while down signs everybody out"
    );
    assert_eq!(gateway.get("/", &after).status, 200);
}

/// The test is the process that is taken over from, and takes its time with the store.
#[test]
fn a_rotation_while_the_next_process_waits_for_the_store_reaches_it() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let before = kid(&gateway.alice());
    gateway.kill();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (_next, _conversation) = runtime.block_on(async {
        let claim = DataDir::claim(&gateway.data_dir()).unwrap();
        let path = gateway.data_dir().join(SOCKET);
        std::fs::remove_file(&path).unwrap();
        let listener = UnixListener::bind(&path).unwrap();
        let next = gateway.successor();
        let (stream, _) = listener.accept().await.unwrap();
        let mut conversation = Conversation::new(stream);
        let asked = conversation.hear().await.unwrap();
        assert!(matches!(asked, Some(Ask::Sockets { .. })));
        let reply = Reply::Sockets {
            pid: std::process::id(),
            names: Vec::new(),
        };
        let beside = [claim.as_fd(), listener.as_fd()];
        conversation.say(&reply, &beside).await.unwrap();
        let asked = conversation.hear().await.unwrap();
        assert!(matches!(asked, Some(Ask::Store)));
        // The one that is told to reload is the process before, which is us.
        std::fs::remove_file(gateway.data_dir().join("admin.sock")).unwrap();
        rotate(&gateway);
        conversation.say(&Reply::Store, &[]).await.unwrap();
        let said = conversation.hear().await.unwrap();
        assert!(matches!(said, Some(Ask::Serving)));
        (next, conversation)
    });
    until("the new key to sign", || kid(&gateway.alice()) != before);
}

#[test]
fn a_retired_key_goes_when_its_last_token_is_dead() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("session: { access_ttl: 1s, absolute_timeout: 3s, remember_me: null }")
        .start();
    let old = kid(&gateway.alice());
    rotate(&gateway);
    until("the new key to sign", || kid(&gateway.alice()) != old);
    until("the retired key to go", || {
        !said(&gateway.command(&["keys", "list"], "")).contains(&old)
    });
}

#[test]
fn a_retired_key_stays_while_a_refresh_token_of_it_lives() {
    let (gateway, _app) = world_with("session: { access_ttl: 1s, remember_me: 60d }");
    let jar = Jar::alice(&gateway);
    let old = token::parts(jar.access.as_ref().unwrap()).0["kid"].clone();
    rotate(&gateway);
    let list = said(&gateway.command(&["keys", "list"], ""));
    let line = list
        .lines()
        .find(|line| line.contains(old.as_str().unwrap()));
    let until_when = line.and_then(|line| line.split("verifies until ").nth(1));
    let until_when = humantime::parse_rfc3339(until_when.unwrap().trim()).unwrap();
    let kept = until_when.duration_since(SystemTime::now()).unwrap();
    assert!(
        kept > Duration::from_secs(59 * 86_400),
        "who ticked the box is signed out after {kept:?}:\n{list}"
    );
    let alone = Jar {
        refresh: None,
        ..jar.clone()
    };
    until("the access token to run out", || {
        alone.get(&gateway, "/").status == 401
    });
    let answer = jar.get(&gateway, "/");
    assert_eq!(
        answer.status, 200,
        "a rotation signs everybody out: {answer}"
    );
    let next = Jar::of(&answer);
    assert_ne!(
        token::parts(next.access.as_ref().unwrap()).0["kid"],
        old,
        "the retired key still signs"
    );
}

#[test]
fn a_retired_public_key_is_published_while_a_token_of_it_lives() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("signing: { algorithm: ES256 }\nsession: { access_ttl: 4s, absolute_timeout: 6s, remember_me: null }")
        .start();
    let published = || {
        let keys = gateway.get("/.well-known/jwks.json", "").json();
        let keys = keys["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = gateway.alice();
    let old = kid(&before);
    rotate(&gateway);
    let after = gateway.alice();
    assert_ne!(kid(&after), old, "rotate came back before it was in force");
    let both = published();
    assert!(
        both.len() == 2 && both.contains(&old) && both.contains(&kid(&after)),
        "an app that verifies by JWKS refuses tokens that live: {both:?}"
    );
    assert_eq!(gateway.get("/", &before).status, 200);
    until("the retired key to go", || !published().contains(&old));
    // Its tokens have run out, and are not taken for foreign ones meanwhile.
    let answer = gateway.get("/", &before);
    assert_eq!(answer.status, 401, "{answer}");
    assert_eq!(published(), [kid(&gateway.alice())]);
}

#[test]
fn configured_keys_are_not_ours_to_rotate() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml(&token::signing()).start();
    let output = gateway.command(&["keys", "rotate"], "");
    assert_ne!(
        output.status.code(),
        Some(0),
        "a rotation that changes nothing is called a success"
    );
    assert!(
        said(&output).contains("signing.key"),
        "why not?\n{}",
        said(&output)
    );
    assert!(
        !said(&output).contains(token::KEY),
        "the key is on the screen"
    );
}

#[test]
fn generate_makes_the_first_key_and_no_second() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).write();
    let output = gateway.command(&["keys", "generate"], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let again = gateway.command(&["keys", "generate"], "");
    assert_ne!(
        again.status.code(),
        Some(0),
        "a second key appears, or the first is lost"
    );
    let listed = said(&gateway.command(&["keys", "list"], ""));
    gateway.start_again();
    assert!(
        listed.contains(&kid(&gateway.alice())),
        "the gateway made a key of its own:\n{listed}"
    );
}

#[test]
fn a_list_of_configured_keys_overlaps() {
    let app = Upstream::start();
    let (old, new) = (
        "the-old-key-of-more-than-32-bytes-0123",
        "the-new-key-of-more-than-32-bytes-0123",
    );
    let mut gateway = Builder::new(&app)
        .yaml(&format!("signing: {{ key: {old:?} }}"))
        .start();
    let before = gateway.alice();
    gateway.rewrite(&format!("signing: {{ key: [{new:?}, {old:?}] }}"));
    gateway.hangup();
    until("the new key to sign", || {
        kid(&gateway.alice()) != kid(&before)
    });
    assert_eq!(
        gateway.get("/", &before).status,
        200,
        "the second key of the list verifies nothing"
    );
    gateway.rewrite(&format!("signing: {{ key: {new:?} }}"));
    gateway.hangup();
    until("the old key to go", || {
        gateway.get("/", &before).status == 401
    });
    assert_problem(
        &gateway.get("/", &before),
        401,
        "session_invalid",
        "a key that was taken away",
    );
}

#[test]
fn public_keys_are_published_and_secret_ones_are_not() {
    for (algorithm, kty) in [("ES256", "EC"), ("RS256", "RSA"), ("EdDSA", "OKP")] {
        let app = Upstream::start();
        let gateway = Builder::new(&app)
            .yaml(&format!("signing: {{ algorithm: {algorithm} }}"))
            .start();
        let response = gateway.get("/.well-known/jwks.json", "");
        assert_eq!(response.status, 200, "{algorithm}: {response}");
        let keys = response.json()["keys"].as_array().cloned().unwrap();
        assert_eq!(keys.len(), 1, "{response}");
        assert_eq!(keys[0]["kty"], kty, "{response}");
        assert_eq!(keys[0]["alg"], algorithm, "{response}");
        assert_eq!(keys[0]["kid"], kid(&gateway.alice()), "{response}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(
                keys[0].get(private).is_none(),
                "the private part {private} is public: {response}"
            );
        }
        assert_eq!(app.count(), 0);
        assert_eq!(
            gateway.get("/", &gateway.alice()).status,
            200,
            "{algorithm}"
        );
    }
    let (gateway, app) = world();
    assert_eq!(
        gateway.get("/.well-known/jwks.json", "").status,
        401,
        "with HS256 the path is the app's"
    );
    assert_eq!(
        gateway
            .get("/.well-known/jwks.json", &gateway.alice())
            .status,
        200
    );
    assert_eq!(app.last().target(), "/.well-known/jwks.json");
}

/// Who rotates because a key was stolen must be rid of it when the last good token is
/// dead, without a restart.
#[test]
fn a_retired_key_that_was_stolen_opens_nothing_once_its_time_is_over() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app)
        .yaml("session: { access_ttl: 3s, absolute_timeout: 3s, remember_me: null }")
        .start();
    let (header, mut claims) = token::parts(token::of(&gateway.alice()));
    let stored = std::fs::read(gateway.data_dir().join("keys.json")).unwrap();
    let stolen = secret_in(&stored);
    claims["exp"] = (claims["exp"].as_u64().unwrap() + 3600).into();
    let forged = token::cookie(&token::sign(&header, &claims, &stolen));
    assert_eq!(gateway.get("/", &forged).status, 200, "not the key");
    rotate(&gateway);
    // A file that cannot be put in force any more is no reason to keep the key.
    gateway.rewrite("nonsense: 1");
    until("the stolen key to open nothing", || {
        gateway.get("/", &forged).status == 401
    });
    assert_problem(&gateway.get("/", &forged), 401, "session_invalid", "stolen");
    assert_eq!(gateway.get("/", &gateway.alice()).status, 200);
}

/// The bytes of the one HS256 key in a key file.
fn secret_in(file: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let file: serde_json::Value = serde_json::from_slice(file).unwrap();
    let text = file.to_string();
    let longest = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-".contains(c)))
        .filter(|word| word.len() >= 43)
        .max_by_key(|word| word.len());
    let word = longest.expect("no key in the file").trim_end_matches('=');
    let engine = if word.contains(['-', '_']) {
        base64::engine::general_purpose::URL_SAFE_NO_PAD
    } else {
        base64::engine::general_purpose::STANDARD_NO_PAD
    };
    engine.decode(word).unwrap()
}
