//! The cookies of the http-state corpus on their way to the app: what browsers were found to
//! send passes byte for byte, wherever ours stands.

use serde_json::Value;

use crate::support::{Upstream, vectors, world};

/// What a browser sends after each case, names and values as they are joined for `Cookie`.
fn sent() -> Option<Vec<(String, Vec<Vec<u8>>)>> {
    let all = vectors::json("http-state/parser.json")?;
    let cases = all.as_array().unwrap().iter().map(|case| {
        let cookies = case["sent"].as_array().unwrap();
        (
            case["test"].as_str().unwrap().to_owned(),
            cookies.iter().map(pair).collect(),
        )
    });
    Some(cases.collect())
}

fn pair(cookie: &Value) -> Vec<u8> {
    let [name, value] = ["name", "value"].map(|part| cookie[part].as_str().unwrap());
    format!("{name}={value}").into_bytes()
}

/// What each case was set with, as some script may send it back unparsed; without those
/// that no header field can hold.
fn received() -> Option<Vec<(String, Vec<Vec<u8>>)>> {
    let all = vectors::json("http-state/parser.json")?;
    let cases = all.as_array().unwrap().iter().map(|case| {
        let lines = case["received"].as_array().unwrap();
        let lines = lines.iter().map(|line| line.as_str().unwrap().trim());
        let is_field = |line: &&str| {
            let control = |letter: char| letter.is_control() && letter != '\t';
            !line.is_empty() && !line.contains(control)
        };
        let lines = lines.filter(is_field).map(|line| line.as_bytes().to_vec());
        (case["test"].as_str().unwrap().to_owned(), lines.collect())
    });
    Some(cases.collect())
}

#[track_caller]
fn assert_seen(app: &Upstream, expected: &[u8], case: &str) {
    let seen = app.last().cookies();
    assert!(
        seen == expected,
        "{case}: {} became {}",
        expected.escape_ascii(),
        seen.escape_ascii()
    );
}

#[test]
fn cookies_of_the_corpus_pass_wherever_ours_stands() {
    let (Some(sent), Some(received)) = (sent(), received()) else {
        return;
    };
    let (gateway, app) = world();
    let ours = gateway.alice().into_bytes();
    let refresh = b"__Host-doorward-refresh=r".to_vec();
    let mut count = 0;
    for (case, cookies) in sent
        .iter()
        .chain(&received)
        .filter(|(_, cookies)| !cookies.is_empty())
    {
        let expected = cookies.join(&b"; "[..]);
        for place in 0..=cookies.len() {
            let mut all = cookies.clone();
            all.insert(place, ours.clone());
            all.insert(0, refresh.clone());
            let field = all.join(&b"; "[..]);
            let answer = gateway.request("GET", "/").header("Cookie", &field).send();
            assert_eq!(
                answer.status, 200,
                "{case}: ours at {place} is not found: {answer}"
            );
            assert_seen(&app, &expected, case);
            count += 1;
        }
        let mut fields = gateway.request("GET", "/");
        for cookie in cookies {
            fields = fields.header("Cookie", cookie);
        }
        let answer = fields.header("Cookie", &ours).send();
        assert_eq!(answer.status, 200, "{case}, a field each: {answer}");
        let alone = gateway
            .request("GET", "/")
            .header("Cookie", &expected)
            .send();
        assert_eq!(alone.code(), "session_required", "{case} alone: {alone}");
    }
    assert!(count > 500, "only {count} requests were sent");
}

/// The corpus' names and values with ours in their place: none of them is a session.
#[test]
fn values_of_the_corpus_are_no_sessions() {
    let Some(sent) = sent() else {
        return;
    };
    let (gateway, app) = world();
    for (case, cookies) in &sent {
        for cookie in cookies {
            let value = cookie.splitn(2, |&byte| byte == b'=').nth(1).unwrap();
            let field = [b"__Host-doorward=", value].concat();
            let answer = gateway.request("GET", "/").header("Cookie", field).send();
            assert_eq!(answer.status, 401, "{case}: {answer}");
            let code = if value.trim_ascii().is_empty() {
                "session_required"
            } else {
                "session_invalid"
            };
            assert_eq!(answer.code(), code, "{case}: {answer}");
        }
    }
    assert_eq!(app.count(), 0, "the app was asked");
}
