//! An answer as it came off the wire, and what tests ask of it.

use std::fmt;

/// One HTTP answer.
#[derive(Clone)]
pub struct Response {
    /// Of the status line.
    pub status: u16,
    /// Status line and fields, byte for byte, with the empty line.
    pub head: Vec<u8>,
    /// Fields in order, duplicates included.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The decoded body.
    pub body: Vec<u8>,
    /// Status codes of 1xx answers that came before.
    pub interim: Vec<u16>,
}

/// A `Set-Cookie` field, taken apart.
#[derive(Clone, Debug)]
pub struct SetCookie {
    /// Before the `=`.
    pub name: String,
    /// After it.
    pub value: String,
    /// The rest, in order, trimmed.
    pub attributes: Vec<String>,
}

impl SetCookie {
    /// The value of an attribute, `Some("")` for a flag.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find_map(|attribute| {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Whether this removes the cookie.
    pub fn clears(&self) -> bool {
        self.attribute("Max-Age") == Some("0") && self.value.is_empty()
    }
}

impl Response {
    /// Parses a complete head; the body is filled in by the reader.
    pub fn from_head(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {text:?}"));
        let headers = head
            .split(|&byte| byte == b'\n')
            .skip(1)
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .filter_map(|line| {
                let colon = line.iter().position(|&byte| byte == b':')?;
                let name = String::from_utf8_lossy(&line[..colon]).into_owned();
                Some((name, line[colon + 1..].trim_ascii().to_vec()))
            })
            .collect();
        Self {
            status,
            head: head.to_vec(),
            headers,
            body: Vec::new(),
            interim: Vec::new(),
        }
    }

    /// Parses a whole answer whose body ends with the bytes.
    pub fn whole(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.map_or(bytes.len(), |at| at + 4);
        Self {
            body: bytes[end..].to_vec(),
            ..Self::from_head(&bytes[..end])
        }
    }

    /// Every value of a field, in order.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// The only value of a field; panics when there are several.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<String> {
        let mut all = self.all(name);
        assert!(all.len() < 2, "{name} came more than once: {self}");
        all.pop()
    }

    /// Whether any value of a comma-separated field has this member, whatever the case.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        self.all(name)
            .iter()
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(member))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self}"))
    }

    /// The `code` of a problem, or an empty text.
    pub fn code(&self) -> String {
        serde_json::from_slice::<serde_json::Value>(&self.body)
            .ok()
            .and_then(|body| body["code"].as_str().map(String::from))
            .unwrap_or_default()
    }

    /// All cookies that it sets.
    pub fn cookies(&self) -> Vec<SetCookie> {
        self.all("set-cookie")
            .iter()
            .map(|line| {
                let mut parts = line.split(';');
                let (name, value) = parts
                    .next()
                    .and_then(|pair| pair.split_once('='))
                    .unwrap_or_else(|| panic!("no cookie: {line:?}"));
                SetCookie {
                    name: name.trim().into(),
                    value: value.trim().into(),
                    attributes: parts.map(|part| part.trim().into()).collect(),
                }
            })
            .collect()
    }

    /// The cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        self.cookies().into_iter().find(|found| found.name == name)
    }

    /// Whether the media type is this one, parameters aside.
    pub fn is(&self, media_type: &str) -> bool {
        self.all("content-type")
            .iter()
            .any(|value| value.split(';').next() == Some(media_type))
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.text();
        let shown: String = body.chars().take(2000).collect();
        write!(
            f,
            "\n-----\n{}{shown}\n-----",
            String::from_utf8_lossy(&self.head)
        )
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A refusal for a program: RFC 9457, with our stable code, never cached.
#[track_caller]
pub fn assert_problem(response: &Response, status: u16, code: &str, world: &str) {
    assert_eq!(response.status, status, "{world}: {response}");
    assert!(
        response.is("application/problem+json"),
        "{world}; and a program could not read why: {response}"
    );
    let body = response.json();
    assert_eq!(body["code"], code, "{world}: {response}");
    assert_eq!(
        body["status"], status,
        "body and status line differ: {response}"
    );
    assert!(body["title"].is_string(), "no title for people: {response}");
    assert_never_cached(response);
    assert_challenge(response);
}

/// A refusal for a person: a page with our stable code in it.
#[track_caller]
pub fn assert_page(response: &Response, status: u16, code: &str, world: &str) {
    assert_eq!(response.status, status, "{world}: {response}");
    assert!(
        response.is("text/html"),
        "{world}; and a person would read raw JSON: {response}"
    );
    assert!(
        response.text().contains(code),
        "{world}; the page does not show {code}: {response}"
    );
    assert_never_cached(response);
    assert_challenge(response);
}

#[track_caller]
fn assert_never_cached(response: &Response) {
    assert!(
        response.lists("cache-control", "no-store"),
        "a shared cache could keep a refusal: {response}"
    );
}

#[track_caller]
fn assert_challenge(response: &Response) {
    if response.status != 401 {
        return;
    }
    let challenge = response.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.starts_with("Bearer realm=\"doorward\""),
        "a 401 without its challenge breaks RFC 9110 section 15.5.2, and Basic would open a browser dialog: {response}"
    );
}
