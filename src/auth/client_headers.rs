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
    known: FoldedNames,
    /// Lower case.
    underscores: Vec<String>,
    /// Lower case.
    from_trusted: Vec<String>,
}

/// Why a name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Never passes.
    Decided,
    /// Passes from a trusted proxy, if it is listed.
    Way,
}

impl ClientHeaders {
    /// `identity` is what we set ourselves.
    pub fn new(identity: &IdentityHeaders, operators: &ForwardHeaders) -> Self {
        let table = ROWS.iter().map(|(name, takes)| {
            let known = match takes {
                Takes::Decided => Known::Decided,
                Takes::Way => Known::Way,
            };
            (name.as_str(), known)
        });
        let dropped = operators.drop.iter().map(String::as_str);
        let ours = identity.names().chain(dropped);
        let ours = ours.map(|name| (name, Known::Decided));
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self {
            known: FoldedNames::new(table.chain(ours)),
            underscores: lower(&operators.underscores),
            from_trusted: lower(&operators.from_trusted),
        }
    }

    /// Whether a header of this name must not reach the app as it came. What is written anew
    /// (`X-Forwarded-For` and its two siblings) is among them.
    pub fn drops(&self, name: &str, sender: Sender) -> bool {
        // Nearly all names are plain, and nothing that is known looks like them.
        let known = match is_plain(name) {
            true => self.known.find(name.as_bytes()),
            false if name.contains('_') && !is_among(&self.underscores, name) => return true,
            false if is_judged(name) => return true,
            false => self.known.find(folded(name).as_bytes()),
        };
        match known {
            None => false,
            Some(Known::Decided) => true,
            Some(Known::Way) => sender == Sender::Stranger || !is_among(&self.from_trusted, name),
        }
    }
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

/// Whether a name, in whatever spelling, is one that frames, routes or admits a request.
pub fn is_judged(name: &str) -> bool {
    JUDGED.contains(&folded(name).as_str())
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

/// Whether a name is spelled in small letters, digits and `-` alone, as it is once the server
/// has read it and nobody disguised it.
fn is_plain(name: &str) -> bool {
    // Without a stop in between: names are short.
    let is_plain = |byte: u8| PLAIN.get(usize::from(byte)).copied().unwrap_or_default();
    name.bytes().fold(true, |all, byte| all & is_plain(byte))
}

static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < plain.len() {
        #[allow(
            clippy::indexing_slicing,
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "below 256, and at compile time"
        )]
        {
            plain[byte] = matches!(byte as u8, b'a'..=b'z' | b'0'..=b'9' | b'-');
        }
        byte += 1;
    }
    plain
};

/// Names in every spelling, to be asked for each header of each request. They lie in drawers
/// by their first three bytes, of which all but a few are empty: most names meet none.
#[derive(Clone, Debug)]
struct FoldedNames {
    drawers: Vec<Vec<Entry>>,
    /// A bit for each drawer that is not empty: half a KiB, asked first.
    filled: Vec<u64>,
}

/// A name, or what names begin with.
#[derive(Clone, Debug)]
struct Entry {
    text: Box<[u8]>,
    and_what_begins_so: bool,
    known: Known,
}

const DRAWERS: usize = 4096;

/// The drawer of a name. Of those that begin with `x-`, as most of the table do, the three
/// bytes behind it count.
fn drawer(name: &[u8]) -> usize {
    let (telling, x) = match name {
        [b'x', b'-', rest @ ..] => (rest, 2048),
        name => (name, 0),
    };
    let [a, b, c] = match telling {
        [a, b, c, ..] => [*a, *b, *c],
        [a, b] => [*a, *b, 0],
        [a] => [*a, 0, 0],
        [] => [0, 0, 0],
    };
    let of = |byte: u8| usize::from(byte & 31);
    x + (of(a) * 37 + of(b) * 7 + of(c) * 61) % 2048
}

impl FoldedNames {
    /// Names as anybody spells them. What they begin with has three bytes at least, behind
    /// an `x-`.
    fn new<'a>(names: impl Iterator<Item = (&'a str, Known)>) -> Self {
        let mut drawers = vec![Vec::new(); DRAWERS];
        for (name, known) in names {
            let begin = name.strip_suffix('*');
            let text: Box<[u8]> = folded(begin.unwrap_or(name)).into_bytes().into();
            if let Some(drawer) = drawers.get_mut(drawer(&text)) {
                drawer.push(Entry {
                    text,
                    and_what_begins_so: begin.is_some(),
                    known,
                });
            }
        }
        // What never passes comes first.
        for drawer in &mut drawers {
            drawer.sort_by_key(|entry| entry.known);
        }
        let bits = |some: &[Vec<Entry>]| {
            let bits = some.iter().rev();
            bits.fold(0, |bits, drawer| bits << 1 | u64::from(!drawer.is_empty()))
        };
        let filled = drawers.chunks(64).map(bits).collect();
        Self { drawers, filled }
    }

    fn find(&self, name: &[u8]) -> Option<Known> {
        let fits = |entry: &&Entry| match entry.and_what_begins_so {
            true => name.starts_with(&entry.text),
            false => *entry.text == *name,
        };
        let drawer = drawer(name);
        if self.filled.get(drawer / 64)? >> (drawer % 64) & 1 == 0 {
            return None;
        }
        let entry = self.drawers.get(drawer)?.iter().find(fits);
        entry.map(|entry| entry.known)
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
