//! Paths: parsed once, in agreement with a naive model, and no spelling escapes a rule.

use std::sync::LazyLock;

use doorward::auth::rules::{Access, Challenge, Openness, Rule, Rules};
use doorward::domain::path::{Ambiguity, RequestPath};
use http::Method;
use percent_encoding::percent_decode;

/// One rule of each kind. `/admin` and `/deny` are what a spelling must not get around.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rule = |path: &str, access: Access, ambiguous: &[Ambiguity]| Rule {
        path: path.into(),
        methods: vec![],
        access,
        ambiguous: ambiguous.to_vec(),
        openness: Openness::Session,
        challenge: Challenge::Bearer,
    };
    let all = Ambiguity::ALL;
    let rules = vec![
        rule("/public/**", Access::Public, &[]),
        rule("/open/*/x", Access::Public, &[]),
        rule("/admin/**", Access::Roles(vec!["admin".into()]), &[]),
        rule("/deny/**", Access::Deny, &all),
        rule("/files/**", Access::Authenticated, &all),
        rule("/files2/**", Access::Authenticated, &all[2..]),
    ];
    Rules::new(rules, Access::Authenticated)
});

/// See [`super`].
pub fn check(data: &[u8]) {
    let decoded = model(data);
    let (path, decoded) = match (RequestPath::parse(data), decoded) {
        (Ok(path), Some(decoded)) => (path, decoded),
        (Err(_), None) => return,
        (Ok(_), None) => panic!("accepted what the model refuses"),
        (Err(error), Some(decoded)) => {
            let doubtful = |b: &u8| b"%;\\?# ./".contains(b);
            let odd = decoded.iter().any(doubtful);
            assert!(odd, "refused what the model accepts: {error}");
            return;
        }
    };
    assert_eq!(path.raw(), data, "the bytes were changed");
    assert_eq!(path.decoded(), decoded, "not what one decoding gives");
    doubts(&path, data, &decoded);
    stable(&path);
    readings(&path);
    rules(&path);
}

/// One percent-decoding, where the path can mean one thing.
pub fn model(raw: &[u8]) -> Option<Vec<u8>> {
    let plain = |&b: &u8| (b' '..=b'~').contains(&b) && !b"#?\\".contains(&b);
    if !raw.starts_with(b"/") || !raw.iter().all(plain) {
        return None;
    }
    let text = str::from_utf8(raw).ok()?;
    for after in text.split('%').skip(1) {
        let digits = after.as_bytes().get(..2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
    }
    let decoded: Vec<u8> = percent_decode(raw).collect();
    let clean = |b: &u8| !b.is_ascii_control();
    let overlong = decoded.windows(2).any(|two| overlong(two[0], two[1]));
    let dots = decoded.split(|&b| b == b'/').any(is_dots);
    (decoded.iter().all(clean) && !overlong && !dots).then_some(decoded)
}

/// Whether every character that begins so would fit into fewer bytes.
fn overlong(lead: u8, next: u8) -> bool {
    let next = u32::from(next);
    let low = u32::from(lead);
    next & 0xc0 == 0x80
        && match lead {
            0xc0..=0xdf => (low & 0x1f) << 6 | (next & 0x3f) < 0x80,
            0xe0..=0xef => ((low & 0xf) << 12 | (next & 0x3f) << 6) < 0x800,
            0xf0..=0xf7 => ((low & 7) << 18 | (next & 0x3f) << 12) < 0x1_0000,
            _ => false,
        }
}

fn is_dots(segment: &[u8]) -> bool {
    let name = cut(segment);
    name == b"." || name == b".."
}

fn cut(segment: &[u8]) -> &[u8] {
    let end = segment.iter().position(|&b| b == b';');
    &segment[..end.unwrap_or(segment.len())]
}

fn doubts(path: &RequestPath<'_>, raw: &[u8], decoded: &[u8]) {
    let lower = raw.to_ascii_lowercase();
    let escaped = |escape: &[u8]| lower.windows(3).any(|three| three == escape);
    assert_eq!(path.has(Ambiguity::EncodedSlash), escaped(b"%2f"));
    assert_eq!(path.has(Ambiguity::EncodedBackslash), escaped(b"%5c"));
    let query = escaped(b"%3f") || escaped(b"%23");
    assert_eq!(path.has(Ambiguity::EncodedQuery), query);
    let double = decoded.windows(2).any(|two| two == b"//");
    assert_eq!(path.has(Ambiguity::DoubleSlash), double);
    assert_eq!(path.has(Ambiguity::Semicolon), decoded.contains(&b';'));
    let again: Vec<u8> = percent_decode(decoded).collect();
    assert_eq!(path.has(Ambiguity::DoubleEncoding), again != decoded);
}

/// Writing every byte as an escape changes nothing that a rule sees; what is decoded and
/// needs no more decoding is its own decoding.
fn stable(path: &RequestPath<'_>) {
    let mut escaped = Vec::new();
    for &byte in path.decoded() {
        match byte {
            b'/' => escaped.push(byte),
            _ => escaped.extend(format!("%{byte:02X}").bytes()),
        }
    }
    let again = RequestPath::parse(&escaped);
    let again = again.expect("another spelling of the same path is refused");
    assert_eq!(again.decoded(), path.decoded());
    if let Ok(twice) = RequestPath::parse(path.decoded())
        && !path.decoded().contains(&b'%')
    {
        assert_eq!(twice.decoded(), path.decoded());
    }
}

/// Every other reading is listed, with the readings of the readings, and none has dots.
fn readings(path: &RequestPath<'_>) {
    let others = path.other_readings();
    if !path.is_doubtful() {
        assert!(others.is_empty(), "a plain path has another reading");
    }
    let mut all: Vec<&[u8]> = others.iter().map(|reading| &reading.decoded[..]).collect();
    all.push(path.decoded());
    let missing = |changed: Vec<u8>| !all.contains(&&changed[..]);
    for reading in &all {
        assert!(reading.starts_with(b"/"));
        assert!(!reading.split(|&b| b == b'/').any(is_dots), "dots appear");
        let laxest = merged(&without_parameters(reading));
        let closed = path.has(Ambiguity::Trailing) || !missing(laxest);
        assert!(closed, "a reading of a reading is missing");
    }
    assert!(!missing(as_the_laxest_reads(path.raw())), "the laxest");
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    let names: Vec<&[u8]> = path.split(|&b| b == b'/').map(cut).collect();
    names.join(&b'/')
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|b, a| *a == b'/' && *b == b'/');
    out
}

/// What a lax app makes of it: decoded, without parameters, slashes merged, in lower case.
pub fn as_a_lax_app_reads(decoded: &[u8]) -> Vec<u8> {
    merged(&without_parameters(decoded)).to_ascii_lowercase()
}

/// What is left once everything is cut off, trimmed and merged that some app does not see:
/// decoded as long as that changes anything, both slashes alike.
pub fn as_the_laxest_reads(raw: &[u8]) -> Vec<u8> {
    let mut path = raw.to_vec();
    loop {
        let again: Vec<u8> = percent_decode(&path).collect();
        if again == path {
            break;
        }
        path = again;
    }
    let end = path.iter().position(|b| b"?#".contains(b));
    path.truncate(end.unwrap_or(path.len()));
    path.iter_mut()
        .filter(|b| **b == b'\\')
        .for_each(|b| *b = b'/');
    let trimmed = |segment: &[u8]| {
        let segment = cut(segment);
        let start = segment.iter().take_while(|b| **b == b' ').count();
        let segment = &segment[start..];
        let end = segment
            .iter()
            .rev()
            .take_while(|b| b" .".contains(b))
            .count();
        segment[..segment.len() - end].to_vec()
    };
    let segments: Vec<Vec<u8>> = path.split(|&b| b == b'/').map(trimmed).collect();
    merged(&segments.join(&b'/'))
}

/// Whether a path is `place` or below it.
pub fn is_below(path: &[u8], place: &str) -> bool {
    let rest = path.strip_prefix(place.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn rules(path: &RequestPath<'_>) {
    let selected = RULES.select(path, &Method::GET);
    let asks = |wanted: &Access| selected.readings().any(|reading| reading.access == wanted);
    let lax = as_a_lax_app_reads(path.decoded());
    for lax in [&lax, &as_the_laxest_reads(path.raw()).to_ascii_lowercase()] {
        if is_below(lax, "/admin") {
            let roles = Access::Roles(vec!["admin".into()]);
            assert!(asks(&roles), "a spelling of /admin asks for no role");
        }
        if is_below(lax, "/deny") {
            assert!(asks(&Access::Deny), "a spelling of /deny is not denied");
        }
    }
    if selected.openness() > Openness::Closed {
        let raw = path.raw();
        let segments: Vec<&[u8]> = raw.split(|&b| b == b'/').collect();
        let open = matches!(segments[..], [b"", b"open", name, b"x"] if !name.is_empty());
        assert!(is_below(raw, "/public") || open, "public, but not as sent");
        let open = matches!(&lax[..], lax if lax.starts_with(b"/open/"));
        assert!(
            is_below(&lax, "/public") || open,
            "public to us, not to the app"
        );
    }
}
