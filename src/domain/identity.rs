//! Who a user is.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::id::{UserId, Username};

/// A user as the operator wrote them down, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The stable id; `sub` of the token.
    pub id: UserId,
    /// The canonical name that is typed at login.
    pub username: Username,
    /// The name for people.
    pub name: String,
    /// The e-mail address, if any.
    pub email: Option<String>,
    /// The roles that rules ask for.
    pub roles: Vec<String>,
}

impl Identity {
    /// Whether one of `wanted` is among the user's roles.
    pub fn has_any_role(&self, wanted: &[String]) -> bool {
        self.roles.iter().any(|role| wanted.contains(role))
    }
}

/// Percent-encoded when the text is not printable ASCII; `%` too, so that it can be undone.
const NOT_PRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

/// The text as a header value: as it stands when it is printable ASCII,
/// else percent-encoded UTF-8. Never holds a control byte, so a name with a
/// line end cannot add a header.
///
/// A `%` is always `%25`, so that an app can decode every value alike.
pub(crate) fn header_text(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_PRINTABLE).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_text_is_printable_ascii() {
        for (text, expected) in [
            ("Alice Example", "Alice Example"),
            ("Zoë", "Zo%C3%AB"),
            ("100%", "100%25"),
            ("a\r\nX-User-Id: 1", "a%0D%0AX-User-Id: 1"),
            ("tab\t", "tab%09"),
            ("del\u{7f}", "del%7F"),
            ("日本", "%E6%97%A5%E6%9C%AC"),
        ] {
            assert_eq!(header_text(text), expected);
        }
    }
}
