//! The fields of a line in the making: `a=1 b="x y"`, or `"a":1,"b":"x y"` for the JSON
//! object that the logger closes around them. Its memory is used again for the next line.

use std::fmt::{Display, Write as _};
use std::io::Write as _;

/// `log.format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum LogFormat {
    /// `key=value` lines.
    Text,
    /// One JSON object a line.
    Json,
}

/// The fields so far.
#[derive(Debug, Default)]
pub(super) struct Fields {
    line: Vec<u8>,
    /// One value, before it is quoted.
    value: String,
    is_json: bool,
}

impl Fields {
    /// Forgets the line before and begins one of this format.
    pub(super) fn begin(&mut self, format: LogFormat) {
        self.line.clear();
        self.is_json = format == LogFormat::Json;
    }

    pub(super) fn optional(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A text: quoted as in JSON if anything in it could be taken for another field or
    /// another line.
    pub(super) fn text(&mut self, name: &str, value: impl Display) {
        self.name(name);
        self.value.clear();
        // Writing to memory cannot fail.
        let _written = write!(self.value, "{value}");
        let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\' && b != b'=';
        if !self.is_json && !self.value.is_empty() && self.value.bytes().all(plain) {
            self.line.extend_from_slice(self.value.as_bytes());
        } else {
            // JSON's quoting leaves no line end and no control character of ASCII but DEL.
            let _written = serde_json::to_writer(&mut self.line, &self.value);
        }
    }

    pub(super) fn number(&mut self, name: &str, value: impl Display) {
        self.name(name);
        let _written = write!(self.line, "{value}");
    }

    /// What there is.
    pub(super) fn as_str(&self) -> &str {
        // Only text was written.
        std::str::from_utf8(&self.line).unwrap_or_default()
    }

    fn name(&mut self, name: &str) {
        let is_first = self.line.is_empty();
        let _written = match (self.is_json, is_first) {
            (false, true) => write!(self.line, "{name}="),
            (false, false) => write!(self.line, " {name}="),
            (true, true) => write!(self.line, "\"{name}\":"),
            (true, false) => write!(self.line, ",\"{name}\":"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_forge_a_field_or_a_line() {
        let mut fields = Fields::default();
        let mut of = |format| {
            fields.begin(format);
            fields.text("path", "/a user=admin\n2026 INFO audit event=login");
            fields.text("empty", "");
            fields.number("status", 200);
            fields.as_str().to_owned()
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

    #[test]
    fn a_value_with_an_equals_sign_is_quoted() {
        let mut fields = Fields::default();
        let mut of = |value| {
            fields.begin(LogFormat::Text);
            fields.text("path", value);
            fields.as_str().to_owned()
        };
        assert_eq!(of("user=admin"), r#"path="user=admin""#);
        assert_eq!(of("/a=b user=x"), r#"path="/a=b user=x""#);
        assert_eq!(of("/a?b=c"), r#"path="/a?b=c""#);
        assert_eq!(of("/a/b"), "path=/a/b");
    }
}
