//! Which headers of a client reach the app.
//!
//! The request that reaches the app is to be the one that was judged: its method, path,
//! query, host, scheme, client and user, as common servers and frameworks derive them. So
//! three things never pass:
//!
//! - a name with `_`, which CGI-like servers read as another name with `-` (nginx drops them
//!   too);
//! - a name of the table, in every spelling that some server folds to it: CGI, WSGI and PHP
//!   read `X_User_Id` as `X-User-Id` (oauth2-proxy CVE-2025-64484), others the dot too (Traefik
//!   CVE-2026-88011), and lighttpd all that is no letter or digit;
//! - an odd spelling of a field that frames or routes a request.
//!
//! A trusted proxy is believed about what it knows, never about what its client wrote: what it
//! says in `X-Forwarded-For`, `-Proto` and `-Host` is read, and written anew; other names about
//! the client pass only where the operator names them, and in their one spelling.

use std::str::FromStr;
use std::sync::LazyLock;

use super::headers::IdentityHeaders;

/// The table: name, what is taken from it, source.
const TABLE: &str = include_str!("client_headers/table.tsv");

/// Fields that frame, route or admit a request: in their own spelling they are judged, in
/// another nobody looks at them but the app.
const JUDGED: [&str; 17] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "destination",
    "expect",
    "host",
    "origin",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whose headers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Anybody.
    Stranger,
    /// One of `trusted_proxies`.
    TrustedProxy,
}

/// What an app takes from a header of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// What the gate decides: nobody outside knows better.
    Decided,
    /// Where the client is and how it came: a trusted proxy may know.
    Way,
}

impl FromStr for Takes {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "method" | "path" | "prefix" | "query" | "host" | "file" | "proxy" | "user" => {
                Ok(Self::Decided)
            }
            "client" | "scheme" | "port" | "tls" | "family" => Ok(Self::Way),
            _ => Err(()),
        }
    }
}

/// The operator's part, `forward_headers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardHeaders {
    /// Names with `_` that may pass.
    pub underscores: Vec<String>,
    /// Names about the client that a trusted proxy may pass on.
    pub from_trusted: Vec<String>,
    /// Further names that never pass.
    pub drop: Vec<String>,
}

/// The choice in force.
#[derive(Clone, Debug)]
pub struct ClientHeaders {
    decided: FoldedNames,
    way: FoldedNames,
    judged: FoldedNames,
    /// Lower case.
    underscores: Vec<String>,
    /// Lower case.
    from_trusted: Vec<String>,
}

impl ClientHeaders {
    /// `identity` is what we set ourselves.
    pub fn new(identity: &IdentityHeaders, operators: &ForwardHeaders) -> Self {
        let table = |takes: Takes| {
            let rows = ROWS.iter().filter(move |(_, row)| *row == takes);
            rows.map(|(name, _)| name.as_str())
        };
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let decided = table(Takes::Decided).chain(identity.names());
        let dropped = operators.drop.iter().map(String::as_str);
        Self {
            decided: FoldedNames::new(decided.chain(dropped)),
            way: FoldedNames::new(table(Takes::Way)),
            judged: FoldedNames::new(JUDGED.into_iter()),
            underscores: lower(&operators.underscores),
            from_trusted: lower(&operators.from_trusted),
        }
    }

    /// Whether a header of this name must not reach the app as it came. What is written anew
    /// (`X-Forwarded-For` and its two siblings) is among them.
    pub fn drops(&self, name: &str, sender: Sender) -> bool {
        let Some(folded) = Folded::of(name) else {
            // Longer than any name that is known; what remains are the families.
            return name.contains('_') || starts_known(name, self);
        };
        if folded.has_underscore && !is_among(&self.underscores, name) {
            return true;
        }
        if self.decided.has(&folded) || (folded.is_odd && self.judged.has(&folded)) {
            return true;
        }
        self.way.has(&folded) && (sender == Sender::Stranger || !is_among(&self.from_trusted, name))
    }
}

/// A name beyond the longest that can be folded: judged by its begin.
fn starts_known(name: &str, headers: &ClientHeaders) -> bool {
    let start: String = name.chars().take(LONGEST).collect();
    Folded::of(&start).is_none_or(|start| headers.decided.has(&start) || headers.way.has(&start))
}

fn is_among(names: &[String], name: &str) -> bool {
    names.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}

/// What an app takes from a header of this name, in whatever spelling; `None` for a name that
/// is not in the table.
pub fn takes(name: &str) -> Option<Takes> {
    let folded = folded(name);
    let row = ROWS.iter().find(|(row, _)| match row.strip_suffix('*') {
        Some(begin) => folded.starts_with(&self::folded(begin)),
        None => folded == self::folded(row),
    });
    row.map(|(_, takes)| *takes)
}

static ROWS: LazyLock<Vec<(String, Takes)>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut columns = row.split('\t');
        let (name, takes) = (columns.next()?, columns.next()?);
        Some((name.to_owned(), takes.parse().ok()?))
    })
    .collect()
});

/// The longest name that is looked for.
const LONGEST: usize = 64;

/// A name in the one spelling that all others fold to.
struct Folded {
    bytes: [u8; LONGEST],
    length: usize,
    /// Whether it has a `_`.
    has_underscore: bool,
    /// Whether it is spelled with anything but letters, digits and `-`.
    is_odd: bool,
}

impl Folded {
    fn of(name: &str) -> Option<Self> {
        let mut folded = Self {
            bytes: [0; LONGEST],
            length: name.len(),
            has_underscore: false,
            is_odd: false,
        };
        for (to, from) in folded
            .bytes
            .get_mut(..name.len())?
            .iter_mut()
            .zip(name.bytes())
        {
            *to = fold(from);
            folded.has_underscore |= from == b'_';
            folded.is_odd |= !from.is_ascii_alphanumeric() && from != b'-';
        }
        Some(folded)
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Names in every spelling, to be asked for each header of each request.
#[derive(Clone, Debug)]
struct FoldedNames {
    /// By their lengths.
    names: Vec<Vec<Box<[u8]>>>,
    /// Those that end in `*`: what a name may begin with.
    begins: Vec<Box<[u8]>>,
}

impl FoldedNames {
    /// Names as anybody spells them.
    fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self {
            names: vec![Vec::new(); LONGEST.saturating_add(1)],
            begins: Vec::new(),
        };
        for name in names {
            match name.strip_suffix('*') {
                Some(begin) => all.begins.push(folded(begin).into_bytes().into()),
                None => {
                    let name: Box<[u8]> = folded(name).into_bytes().into();
                    if let Some(of_length) = all.names.get_mut(name.len())
                        && !of_length.contains(&name)
                    {
                        of_length.push(name);
                    }
                }
            }
        }
        all
    }

    fn has(&self, name: &Folded) -> bool {
        let name = name.as_bytes();
        let of_length = self.names.get(name.len());
        of_length.is_some_and(|names| names.iter().any(|ours| **ours == *name))
            || self.begins.iter().any(|begin| name.starts_with(begin))
    }
}

/// Lower case, with `_`, `.` and all else that is no letter or digit read as `-`.
fn folded(name: &str) -> String {
    name.bytes().map(|b| char::from(fold(b))).collect()
}

fn fold(byte: u8) -> u8 {
    match byte {
        other if other.is_ascii_alphanumeric() => other.to_ascii_lowercase(),
        _ => b'-',
    }
}

#[cfg(test)]
mod tests;
