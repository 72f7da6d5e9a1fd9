//! What the stores keep of a session cannot be replayed by whoever reads it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::operations::admin_api::over_socket;
use crate::support::{Gateway, Jar, RedisServer, Upstream, assert_problem, until, world_with};

const TOKENS: &str = "csrf: { mode: token }\n";

/// A session in the middle of its life, with two generations behind it: all that its
/// browser ever held.
fn lived(gateway: &Gateway) -> Vec<String> {
    let mut jar = Jar::alice(gateway);
    let mut held = Vec::new();
    for _ in 0..2 {
        let answer = jar.post_refresh_with_token(gateway);
        assert_eq!(answer.status, 200, "{answer}");
        held.extend([&jar.access, &jar.refresh, &jar.csrf].map(|token| token.clone().unwrap()));
        jar.take(&answer);
        assert_eq!(jar.get(gateway, "/").status, 200);
    }
    held.extend([jar.access, jar.refresh, jar.csrf].map(Option::unwrap));
    held
}

/// Neither a token nor, in whatever encoding, the part of it that nobody can make.
#[track_caller]
fn assert_holds_none(bytes: &[u8], tokens: &[String], place: &str) {
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for token in tokens {
        assert!(!holds(token.as_bytes()), "{place} holds {token}");
        let last = token.rsplit('.').next().unwrap();
        assert!(!holds(last.as_bytes()), "{place} holds the end of {token}");
        let raw = URL_SAFE_NO_PAD.decode(last).unwrap();
        let seal = &raw[raw.len().saturating_sub(16)..];
        assert!(seal.len() == 16 && !holds(seal), "{place} holds its seal");
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

#[test]
fn no_file_holds_a_token() {
    let (gateway, _app) = world_with(TOKENS);
    let tokens = lived(&gateway);
    let files = files(&gateway.data_dir());
    assert!(files.len() >= 2, "keys and store: {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert_holds_none(&bytes, &tokens, &file.display().to_string());
    }
}

#[test]
fn what_ran_out_is_swept() {
    let (mut gateway, _app) = world_with("session: { access_ttl: 1s, idle_timeout: 1s }\n");
    let jar = Jar::alice(&gateway);
    assert_eq!(gateway.metric("doorward_sessions"), 1.0);
    until("the session to run out", || {
        let listed = over_socket(&gateway, "GET", "/api/sessions", None).json();
        listed["sessions"] == serde_json::json!([])
    });
    // A sweep comes with the start, and then once a minute.
    gateway.restart();
    until("the session to be swept", || {
        gateway.metric("doorward_sessions") == 0.0
    });
    let late = jar.post_refresh(&gateway);
    assert_problem(&late, 401, "session_expired", "swept, and called revoked");
}

#[test]
fn redis_holds_no_token() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    let gateway = redis.gateway(&app, "").yaml(TOKENS).start();
    let tokens = lived(&gateway);
    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "*"]);
    assert!(!keys.is_empty(), "nothing is kept");
    for key in keys {
        assert_holds_none(&key, &tokens, "a name");
        let name = String::from_utf8(key).unwrap();
        let kind: String = redis.ask(&["TYPE", &name]);
        let words: Vec<&str> = match kind.as_str() {
            "string" => vec!["GET", &name],
            "hash" => vec!["HGETALL", &name],
            "zset" => vec!["ZRANGE", &name, "0", "-1"],
            "set" => vec!["SMEMBERS", &name],
            "list" => vec!["LRANGE", &name, "0", "-1"],
            "stream" => vec!["XRANGE", &name, "-", "+"],
            other => panic!("{name} is a {other}"),
        };
        let value: redis::Value = redis.ask(&words);
        let mut bytes = Vec::new();
        flatten(&value, &mut bytes);
        assert_holds_none(&bytes, &tokens, &name);
    }
}

fn flatten(value: &redis::Value, into: &mut Vec<u8>) {
    match value {
        redis::Value::BulkString(bytes) => into.extend(bytes),
        redis::Value::Array(values) => values.iter().for_each(|one| flatten(one, into)),
        redis::Value::SimpleString(text) => into.extend(text.bytes()),
        redis::Value::Int(_) | redis::Value::Nil | redis::Value::Okay => {}
        other => panic!("an answer of another kind: {other:?}"),
    }
    into.push(b'\n');
}
