//! What a login sends.

use serde::Deserialize;

use super::denial::Denial;
use crate::domain::id::Username;
use crate::domain::request::RequestView;
use crate::domain::secret::Secret;

/// How a login was written, and so how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFormat {
    /// A person's browser.
    Form,
    /// A program.
    Json,
}

impl LoginFormat {
    /// By the content type.
    ///
    /// # Errors
    /// [`Denial::UnsupportedMediaType`] for anything else.
    pub fn of(view: &RequestView<'_>) -> Result<Self, Denial> {
        if view.has_content_type("application/x-www-form-urlencoded") {
            Ok(Self::Form)
        } else if view.has_content_type("application/json") {
            Ok(Self::Json)
        } else {
            Err(Denial::UnsupportedMediaType)
        }
    }
}

/// What was typed.
#[derive(Debug)]
pub struct Credentials {
    /// In the one spelling that is looked up and counted.
    pub username: Username,
    /// As typed into the form, to stand there again; empty for what no person typed.
    pub typed_name: String,
    /// As typed.
    pub password: Secret,
    /// Where to go afterwards, not yet judged.
    pub back_to: Option<String>,
    /// Whether the session is to be remembered.
    pub remember_me: bool,
}

#[derive(Deserialize)]
struct JsonLogin {
    username: String,
    password: String,
    #[serde(default)]
    remember_me: Option<bool>,
}

impl Credentials {
    /// Reads the body of a login.
    ///
    /// # Errors
    /// [`Denial::BadRequest`] if name or password is missing or given twice.
    pub fn parse(body: &[u8], format: LoginFormat) -> Result<Self, Denial> {
        let (username, password, back_to, remember_me) = match format {
            LoginFormat::Json => {
                // Text all over (RFC 8259 §8.1), also where serde skips what it does not know.
                let text = str::from_utf8(body).map_err(|_no_text| Denial::BadRequest)?;
                // serde reads a list as a struct too; an object was asked for.
                let object = text.trim_ascii_start().starts_with('{');
                let Ok(login) = serde_json::from_str::<JsonLogin>(text) else {
                    return Err(Denial::BadRequest);
                };
                if !object {
                    return Err(Denial::BadRequest);
                }
                let remember_me = login.remember_me.unwrap_or(false);
                (login.username, login.password, None, remember_me)
            }
            LoginFormat::Form => {
                let password = form_field(body, "password")?.ok_or(Denial::BadRequest)?;
                let username = form_field(body, "username")?.ok_or(Denial::BadRequest)?;
                let ticked = form_field(body, "remember_me")?;
                let remember_me = ticked.is_some_and(|value| is_ticked(&value));
                (username, password, way_back(body)?, remember_me)
            }
        };
        let typed_name = match format {
            LoginFormat::Form if username.len() <= Username::MAX_BYTES => username.clone(),
            LoginFormat::Form | LoginFormat::Json => String::new(),
        };
        let username = Username::canonical(&username);
        // The attack: names of many kilobytes, each kept as a counter's key (NFKC makes
        // eleven times as much of U+FDFA). They all count as the empty name, which
        // nobody has either.
        let username = match username.as_str().len() {
            ..=Username::MAX_BYTES => username,
            _ => Username::canonical(""),
        };
        Ok(Self {
            username,
            typed_name,
            password: Secret::new(password),
            back_to,
            remember_me,
        })
    }
}

/// Browsers send a ticked box with its value (ours: `true`), or `on` for one without.
fn is_ticked(value: &str) -> bool {
    ["true", "on", "1", "yes"].contains(&value)
}

/// Where a form or a query wants to go afterwards: `rd`, else `next`. Not yet judged.
///
/// # Errors
/// [`Denial::BadRequest`] if one of them is there twice.
pub fn way_back(form: &[u8]) -> Result<Option<String>, Denial> {
    match form_field(form, "rd")? {
        Some(rd) => Ok(Some(rd)),
        None => form_field(form, "next"),
    }
}

/// The one value of a form field; `None` if it is absent.
///
/// # Errors
/// [`Denial::BadRequest`] if it is there twice: which one counts is luck.
pub fn form_field(body: &[u8], name: &str) -> Result<Option<String>, Denial> {
    let mut values = form_urlencoded::parse(body).filter(|(key, _)| key == name);
    let first = values.next().map(|(_, value)| value.into_owned());
    match values.next() {
        Some(_) => Err(Denial::BadRequest),
        None => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_can_have_is_not_kept() {
        let name = |typed: &str| {
            let body = serde_json::json!({ "username": typed, "password": "x" }).to_string();
            let typed = Credentials::parse(body.as_bytes(), LoginFormat::Json).unwrap();
            typed.username.as_str().to_owned()
        };
        assert_eq!(name(&"a".repeat(256)), "a".repeat(256));
        assert_eq!(name(&"a".repeat(257)), "");
        assert_eq!(name(&"\u{fdfa}".repeat(80)), "", "240 bytes become 2640");
    }

    #[test]
    fn json_is_text_where_nobody_looks_too() {
        let body = |odd: &[u8]| {
            let ends = [&b"{\"x\":\""[..], br#"","username":"a","password":"p"}"#];
            let body = [ends[0], odd, ends[1]].concat();
            Credentials::parse(&body, LoginFormat::Json).map(drop)
        };
        assert_eq!(body("é".as_bytes()), Ok(()));
        assert_eq!(body(b"\xfc"), Err(Denial::BadRequest));
    }

    #[test]
    fn bodies_of_a_login() {
        use LoginFormat::*;
        let alice = |body: &str, format| {
            Credentials::parse(body.as_bytes(), format).map(|c| {
                (
                    c.username.as_str().to_owned(),
                    c.password.expose().to_vec(),
                    c.back_to,
                )
            })
        };
        let right =
            |back: Option<&str>| Ok(("alice".to_owned(), b"p w".to_vec(), back.map(str::to_owned)));
        for (body, format, expected) in [
            ("username=Alice&password=p+w", Form, right(None)),
            (
                "username=Alice&password=p%20w&rd=%2Fa",
                Form,
                right(Some("/a")),
            ),
            (
                "username=Alice&password=p+w&next=/b",
                Form,
                right(Some("/b")),
            ),
            (
                "username=Alice&password=p+w&rd=/a&next=/b",
                Form,
                right(Some("/a")),
            ),
            ("username=Alice", Form, Err(Denial::BadRequest)),
            ("password=p+w", Form, Err(Denial::BadRequest)),
            (
                "username=a&username=b&password=p",
                Form,
                Err(Denial::BadRequest),
            ),
            ("", Form, Err(Denial::BadRequest)),
            (
                r#"{"username":"alice","password":"p w"}"#,
                Json,
                right(None),
            ),
            (
                r#"{"username":"alice","password":"p w","remember_me":true}"#,
                Json,
                right(None),
            ),
            (r#"{"username":"alice"}"#, Json, Err(Denial::BadRequest)),
            (
                r#"{"username":1,"password":"x"}"#,
                Json,
                Err(Denial::BadRequest),
            ),
            (r#"["alice","p w"]"#, Json, Err(Denial::BadRequest)),
            ("", Json, Err(Denial::BadRequest)),
            (
                r#"{"username":"a","username":"b","password":"x"}"#,
                Json,
                Err(Denial::BadRequest),
            ),
        ] {
            assert_eq!(alice(body, format), expected, "{body:?}");
        }
    }
}
