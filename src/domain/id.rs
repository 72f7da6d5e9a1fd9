//! Names of things: users, sessions, tokens, keys.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::machine_token::TokenHash;
use super::time::Timestamp;

/// The stable id of a user, as the configuration gives it; what the app receives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Wraps an id that the configuration has checked.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So that a user is found by text that somebody else holds.
impl Borrow<str> for UserId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user name in the one spelling that is looked up and counted.
///
/// Trimmed, Unicode NFKC, lower case, and no dots or blanks at the end: `Alice`, `alice ` and
/// `ａｌｉｃｅ` are one name. Without this a lockout is evaded by re-spelling
/// (Authelia CVE-2025-24806, CVE-2026-47203).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(Arc<str>);

impl Username {
    /// The longest that the configuration takes; a guess far above any.
    pub const MAX_BYTES: usize = 256;

    /// The canonical form of what was typed.
    pub fn canonical(typed: &str) -> Self {
        // Lower-casing can denormalise (İ), and NFKC can produce capitals (℡),
        // so: normalise, lower, normalise again.
        let folded: String = typed.nfkc().collect::<String>().to_lowercase();
        let folded: String = folded.nfkc().map(one_sigma).collect();
        // Dots and blanks in any mixture, so that what is left is its own canonical form.
        let ending = |c: char| c == '.' || c.is_whitespace();
        Self(folded.trim_start().trim_end_matches(ending).into())
    }

    /// The canonical name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one letter whose lower case depends on its place in the word, and on who lowers it.
fn one_sigma(c: char) -> char {
    if c == 'ς' { 'σ' } else { c }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session: one login of one browser. A UUIDv7, so that it carries the
/// millisecond of its creation, which user and global cut-offs compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

/// The last millisecond that a UUIDv7 can say.
const END_OF_TIME: Timestamp = Timestamp::from_millis((1 << 48) - 1);

impl SessionId {
    /// Builds an id from a creation time and 10 random bytes (RFC 9562 §5.7).
    pub fn new(created: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(created.millis(), &random).into_uuid())
    }

    /// What a machine token is known by where sessions are: to the revocations, the open
    /// connections and the app. It depends on the token alone, and was created after every
    /// cut-off: what ends all sessions of a user ends none of their tokens.
    pub fn of_token(hash: &TokenHash) -> Self {
        Self::new(END_OF_TIME, hash.start())
    }

    /// Whether it stands for a machine token.
    pub fn is_of_token(self) -> bool {
        self.created() == END_OF_TIME
    }

    /// Parses the hyphenated form; `None` for anything else, other UUID versions included.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        let mut canonical = Uuid::encode_buffer();
        let canonical: &str = id.hyphenated().encode_lower(&mut canonical);
        let canonical = id.get_version_num() == 7 && canonical == text;
        canonical.then_some(Self(id))
    }

    /// When the session was created.
    pub fn created(self) -> Timestamp {
        let (secs, nanos) = self
            .0
            .get_timestamp()
            .map_or((0, 0), |stamp| stamp.to_unix());
        Timestamp::from_millis(
            secs.saturating_mul(1000)
                .saturating_add(u64::from(nanos / 1_000_000)),
        )
    }

    /// The 16 bytes, as the store keeps them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From the 16 bytes that [`Self::as_bytes`] gave.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The id of a signing key, the `kid` of RFC 7515 §4.1.4. Only ever compared with
/// the ids of our own keys: never a path, a URL or a query (RFC 8725 §3.10).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// Wraps the text of an id.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a browser: drawn at the first sign-in, the same ever after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BrowserId(u128);

impl BrowserId {
    /// From random bytes.
    pub const fn new(random: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(random))
    }

    /// The same bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// What [`std::fmt::Display`] writes, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(u128::from_str_radix(text, 16).ok()?);
        // One spelling alone.
        (id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for BrowserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_have_one_spelling() {
        for (typed, canonical) in [
            ("alice", "alice"),
            ("  Alice\t", "alice"),
            ("ALICE.", "alice"),
            ("ａｌｉｃｅ", "alice"),
            ("alice...", "alice"),
            ("alice .", "alice"),
            ("alice . .", "alice"),
            ("alice. \t..", "alice"),
            ("℡", "tel"),
            ("Jürgen", "jürgen"),
            ("Ju\u{308}rgen", "jürgen"),
            ("a.b", "a.b"),
            // Found by fuzzing: the lunate sigma, whose capital is not at the end of a word.
            ("ϲ1", "σ1"),
            ("Ϲ1", "σ1"),
            ("ΝΙΚΟΣ", "νικοσ"),
            ("νικος", "νικοσ"),
        ] {
            assert_eq!(
                Username::canonical(typed).as_str(),
                canonical,
                "{typed:?} would have a lockout counter of its own"
            );
        }
    }

    #[test]
    fn no_letter_has_a_name_of_its_own_in_the_other_case() {
        for c in char::MIN..=char::MAX {
            let upper: String = c.to_uppercase().collect();
            if !c.is_lowercase() || upper.to_lowercase() != c.to_string() {
                // The capital of another letter too, as I is of ı.
                continue;
            }
            for (typed, capital) in [
                (format!("{c}1"), format!("{upper}1")),
                (format!("a{c}"), format!("A{upper}")),
                (format!("a{c}b"), format!("A{upper}B")),
            ] {
                let (one, other) = (Username::canonical(&typed), Username::canonical(&capital));
                assert_eq!(one, other, "{typed} and {capital}");
            }
        }
    }

    #[test]
    fn canonical_is_idempotent() {
        for typed in ["İstanbul", "Ǆ", "ﬁ", "alice", "ẞ", "Σας", "a . .", " . "] {
            let once = Username::canonical(typed);
            assert_eq!(Username::canonical(once.as_str()), once, "{typed:?}");
        }
    }

    #[test]
    fn session_ids_carry_their_creation() {
        let created = Timestamp::from_millis(1_790_000_000_123);
        let sid = SessionId::new(created, [7; 10]);
        assert_eq!(sid.created(), created);
        assert_eq!(SessionId::parse(&sid.to_string()), Some(sid));
        assert_eq!(SessionId::from_bytes(*sid.as_bytes()), sid);
    }

    #[test]
    fn a_machine_token_has_the_id_of_its_hash() {
        let id = SessionId::of_token(&TokenHash::of(b"a"));
        assert!(id.is_of_token());
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        assert_ne!(id, SessionId::of_token(&TokenHash::of(b"b")));
        assert!(!SessionId::new(Timestamp::from_secs(1_790_000_000), [7; 10]).is_of_token());
    }

    #[test]
    fn foreign_session_ids_are_refused() {
        for text in [
            "",
            "x",
            "00000000-0000-4000-8000-000000000000",
            "{019a0000-0000-7000-8000-000000000000}",
            "019A0000-0000-7000-8000-00000000000A",
            "019a00000000700080000000000000ff",
        ] {
            assert_eq!(SessionId::parse(text), None, "{text:?}");
        }
    }
}
