//! What a login sends, and the session that it opens.

use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use super::claims::Claims;
use super::denial::Denial;
use super::policy::Policy;
use super::ports::SignError;
use super::session::Principal;
use crate::domain::id::{SessionId, Username};
use crate::domain::request::RequestView;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

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
    /// As typed.
    pub password: Secret,
    /// Where to go afterwards, not yet judged.
    pub back_to: Option<String>,
}

#[derive(Deserialize)]
struct JsonLogin {
    username: String,
    password: String,
    // Accepted for clients that send it already; it acts with refresh tokens.
    #[serde(default, rename = "remember_me")]
    _remember_me: Option<bool>,
}

impl Credentials {
    /// Reads the body of a login.
    ///
    /// # Errors
    /// [`Denial::BadRequest`] if name or password is missing or given twice.
    pub fn parse(body: &[u8], format: LoginFormat) -> Result<Self, Denial> {
        let (username, password, back_to) = match format {
            LoginFormat::Json => {
                // serde reads a list as a struct too; an object was asked for.
                let object = body.trim_ascii_start().starts_with(b"{");
                let Ok(login) = serde_json::from_slice::<JsonLogin>(body) else {
                    return Err(Denial::BadRequest);
                };
                if !object {
                    return Err(Denial::BadRequest);
                }
                (login.username, login.password, None)
            }
            LoginFormat::Form => {
                let password = form_field(body, "password")?.ok_or(Denial::BadRequest)?;
                let username = form_field(body, "username")?.ok_or(Denial::BadRequest)?;
                (username, password, way_back(body)?)
            }
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
            password: Secret::new(password),
            back_to,
        })
    }
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

/// A session that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// Its id.
    pub session: SessionId,
    /// The `Set-Cookie` that carries it.
    pub cookie: HeaderValue,
    /// How long the access token lives.
    pub expires_in: Duration,
}

/// Opens a new session for a user whose password was right. The id is always fresh:
/// nothing that the browser brought can fix it (session fixation).
///
/// # Errors
/// [`SignError`] if the token cannot be signed or put into a cookie.
pub fn open_session(
    policy: &Policy,
    principal: &Principal,
    now: Timestamp,
    random: [u8; 26],
) -> Result<Opened, SignError> {
    let mut for_session = [0; 10];
    let mut for_token = [0; 16];
    for (to, from) in for_session.iter_mut().chain(&mut for_token).zip(random) {
        *to = from;
    }
    let session = SessionId::new(now, for_session);
    let identity = &principal.user.identity;
    let lifetime = policy.lifetimes.token();
    let version = principal.versions.first();
    let claims = Claims {
        iss: policy.issuer.clone(),
        aud: policy.audience.clone(),
        sub: identity.id.as_str().to_owned(),
        name: identity.name.clone(),
        roles: identity.roles.clone(),
        iat: now.secs(),
        nbf: now.secs(),
        exp: now.after(lifetime).secs(),
        jti: uuid::Builder::from_random_bytes(for_token)
            .into_uuid()
            .to_string(),
        sid: session.to_string(),
        generation: 0,
        ver: version
            .ok_or_else(|| SignError("no signing key".into()))?
            .clone(),
    };
    let token = policy.tokens.sign(&claims)?;
    let cookie = policy
        .cookies
        .set_access(&token, policy.lifetimes.session())
        .ok_or_else(|| SignError("the cookie holds a forbidden byte".into()))?;
    Ok(Opened {
        session,
        cookie,
        expires_in: Duration::from_secs(claims.exp.saturating_sub(now.secs())),
    })
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
