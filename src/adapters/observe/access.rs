//! Access and audit lines: one a request, one an event, each under a target of its
//! own (`access`, `audit`), so that they can be filtered and shipped apart.
//!
//! The wording is an interface: log watchers match on it. Never a token, a cookie
//! value, a password, or the query of the login.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use crate::adapters::config::settings::LogFormat;
use crate::auth::event::Event;
use crate::domain::id::{SessionId, UserId};

/// The target of access lines.
pub const ACCESS: &str = "access";
/// The target of audit lines.
pub const AUDIT: &str = "audit";

/// One request that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The client.
    pub client: Option<IpAddr>,
    /// As sent.
    pub method: &'a str,
    /// As sent, without the query.
    pub path: &'a str,
    /// As sent, if it shall be logged.
    pub query: Option<&'a str>,
    /// The status that the client got; 499: none, it was gone.
    pub status: u16,
    /// Bytes of the body that the client got.
    pub bytes: usize,
    /// From the head of the request to the end of the answer.
    pub took: Duration,
    /// How it ended.
    pub verdict: &'a str,
    /// Who was admitted.
    pub user: Option<&'a UserId>,
    /// With which session.
    pub session: Option<SessionId>,
    /// By which rule, counted from 0.
    pub rule: Option<usize>,
}

/// Writes the lines in one format.
#[derive(Clone, Copy, Debug)]
pub struct Lines(LogFormat);

impl Lines {
    /// In this format.
    pub fn new(format: LogFormat) -> Self {
        Self(format)
    }

    /// Writes an access line.
    pub fn access(&self, access: &Access<'_>) {
        if !log::log_enabled!(target: ACCESS, log::Level::Info) {
            return;
        }
        let mut line = Line::new(self.0);
        line.optional("client", access.client);
        line.text("method", access.method);
        match access.query {
            Some(query) => line.text("path", &format!("{}?{query}", access.path)),
            None => line.text("path", access.path),
        }
        line.number("status", access.status);
        line.number("bytes", access.bytes);
        line.number("duration_us", access.took.as_micros());
        line.text("verdict", access.verdict);
        line.optional("user", access.user);
        line.optional("session", access.session);
        if let Some(rule) = access.rule {
            line.number("rule", rule);
        }
        log::info!(target: ACCESS, "{}", line.0);
    }

    /// Writes an audit line.
    pub fn audit(&self, event: &Event) {
        let mut line = Line::new(self.0);
        line.text("event", event.kind.name());
        line.optional("user", event.user.as_ref());
        line.optional("session", event.session);
        line.optional("client", event.client);
        line.optional("other_client", event.other_client);
        line.optional("reason", event.reason);
        log::info!(target: AUDIT, "{}", line.0);
    }
}

/// Fields in the making: `a=1 b="x y"`, or `"a":1,"b":"x y"` for the JSON object that
/// `logger` closes around them.
struct Line(String, LogFormat);

impl Line {
    fn new(format: LogFormat) -> Self {
        Self(String::with_capacity(192), format)
    }

    fn optional(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.text(name, &value.to_string());
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\' && b != b'=';
        let value = match self.1 {
            LogFormat::Text if !value.is_empty() && value.bytes().all(plain) => value.to_owned(),
            // JSON's quoting leaves no line end and no control character.
            LogFormat::Text | LogFormat::Json => serde_json::Value::from(value).to_string(),
        };
        self.field(name, &value);
    }

    fn number(&mut self, name: &str, value: impl ToString) {
        self.field(name, &value.to_string());
    }

    fn field(&mut self, name: &str, value: &str) {
        let separator = match (self.0.is_empty(), self.1) {
            (true, _) => "",
            (false, LogFormat::Text) => " ",
            (false, LogFormat::Json) => ",",
        };
        // Writing to a string cannot fail.
        let _written = match self.1 {
            LogFormat::Text => write!(self.0, "{separator}{name}={value}"),
            LogFormat::Json => write!(self.0, "{separator}\"{name}\":{value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_forge_a_field_or_a_line() {
        let of = |format| {
            let mut line = Line::new(format);
            line.text("path", "/a user=admin\n2026 INFO audit event=login");
            line.text("empty", "");
            line.number("status", 200);
            line.0
        };
        assert_eq!(
            of(LogFormat::Text),
            r#"path="/a user=admin\n2026 INFO audit event=login" empty="" status=200"#
        );
        let json: serde_json::Value =
            serde_json::from_str(&format!("{{{}}}", of(LogFormat::Json))).unwrap();
        assert_eq!(json["path"], "/a user=admin\n2026 INFO audit event=login");
        assert_eq!(json["status"], 200);
    }
}
