//! `login`, `limits`, `pages`, `log` and `threads`: numbers with sane bounds.

use std::time::Duration;

use crate::config::schema::reader::Section;
use crate::config::sections::values::{
    any_duration, choice, count, seconds, size, some_duration, switch, word, words,
};
use crate::config::settings::{
    AttemptLimits, Branding, Limits, LogFormat, LogSettings, Login, Logo, Sizes,
};
use crate::domain::fault::Fault;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// Pingora reads no longer head than this, and no more fields.
const MAX_HEAD: u64 = MIB - 1;
const MAX_FIELDS: usize = 256;
/// Larger than any body and far from overflow.
const MAX_BODY: u64 = 1 << 50;
/// One address has an eighth of all connections, unless the file says otherwise.
const SHARES: usize = 8;
const MAX_LOGO: usize = 256 * 1024;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Reads `login`.
pub(crate) fn login(root: &Section<'_>) -> Login {
    let s = root.section("login", "login");
    Login {
        attempts: AttemptLimits {
            max_attempts: s.or("max_attempts", 5, |t| count(t, 1..=100_000)),
            window: s.or("window", secs(120), seconds),
            lockout: s.or("lockout", secs(300), seconds),
            address_attempts: s.or("address_attempts", 20, |t| count(t, 1..=1_000_000)),
        },
        concurrent_hashes: s.or("concurrent_hashes", 2, |t| count(t, 1..=256)),
        hash_queue: s.or("hash_queue", 64, |t| count(t, 0..=100_000)),
        known_browsers: s.or("known_browsers", true, switch),
    }
}

/// Reads `limits`.
pub(crate) fn limits(root: &Section<'_>) -> Limits {
    let s = root.section("limits", "limits");
    let connections = s.or("connections", 10_000, |t| count(t, 1..=10_000_000));
    Limits {
        login_body: s.or("login_body", 16 * KIB, |t| size(t, 64..=MIB)),
        sizes: Sizes {
            request_body: s.optional("request_body", |t| size(t, 0..=MAX_BODY)),
            header_bytes: s.or("header_bytes", 32 * KIB, |t| size(t, 256..=MAX_HEAD)),
            header_count: s.or("header_count", 100, |t| count(t, 1..=MAX_FIELDS)),
            cookie_bytes: s.or("cookie_bytes", 16 * KIB, |t| size(t, 64..=MAX_HEAD)),
        },
        request_head: s.or("request_head", secs(10), some_duration),
        client_read: s.or("client_read", secs(60), some_duration),
        keepalive_idle: s.or("keepalive_idle", secs(60), any_duration),
        keepalive_requests: s.optional("keepalive_requests", |t| count(t, 1..=u32::MAX)),
        h2_streams: s.or("h2_streams", 64, |t| count(t, 1..=100_000)),
        connections,
        connections_per_address: match s.get("connections_per_address") {
            Some(_) => s.optional("connections_per_address", |t| count(t, 1..=10_000_000)),
            None => Some((connections / SHARES).max(1)),
        },
        body_min_rate: match s.get("body_min_rate") {
            Some(_) => s.optional("body_min_rate", |t| count(t, 1..=1_000_000_000)),
            None => Some(100),
        },
        unread_answers: s.or("unread_answers", 256 * MIB, |t| size(t, MIB..=MAX_BODY)),
        upstream_connect: s.or("upstream_connect", secs(5), some_duration),
        upstream_read: s.or("upstream_read", secs(60), some_duration),
        idle_stream: s.or("idle_stream", secs(3600), some_duration),
        drain: s.or("drain", secs(8), any_duration),
    }
}

/// Reads `threads`.
pub(crate) fn threads(root: &Section<'_>) -> Option<usize> {
    root.optional("threads", |t| count(t, 1..=1024))
}

/// Reads `log`.
pub(crate) fn log(root: &Section<'_>) -> LogSettings {
    use log::LevelFilter;
    let s = root.section("log", "log");
    let levels = [
        ("off", LevelFilter::Off),
        ("error", LevelFilter::Error),
        ("warn", LevelFilter::Warn),
        ("info", LevelFilter::Info),
        ("debug", LevelFilter::Debug),
        ("trace", LevelFilter::Trace),
    ];
    LogSettings {
        level: s.or("level", LevelFilter::Info, |t| choice(t, &levels)),
        format: s.or("format", LogFormat::Text, word),
        query: s.or("query", false, switch),
    }
}

/// Reads `pages`, the logo with it.
pub(crate) fn pages(root: &Section<'_>) -> Branding {
    let s = root.section("pages", "pages");
    let logo = s.some("logo").and_then(|spot| {
        let path = spot.file_path()?;
        match spot.cx.read(&path, MAX_LOGO).and_then(sniff) {
            Ok(logo) => Some(logo),
            Err(fault) => {
                spot.refuse(fault);
                None
            }
        }
    });
    Branding {
        title: s.or("title", "Sign in".to_owned(), words),
        logo,
    }
}

/// Tells the picture's type by its content: a name proves nothing.
fn sniff(bytes: Vec<u8>) -> Result<Logo, Fault> {
    let media_type = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        "image/webp"
    } else if std::str::from_utf8(&bytes).is_ok_and(is_svg) {
        "image/svg+xml"
    } else {
        return Err(Fault::new(
            "names a file that is no picture we know",
            "give an SVG, PNG, JPEG or WebP file",
        ));
    };
    Ok(Logo { media_type, bytes })
}

/// Whether the root element is `svg`, after an XML declaration, comments and a doctype.
fn is_svg(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<?") => "?>",
            _ if rest.starts_with("<!") => ">",
            _ => break,
        };
        let Some((_, after)) = rest.split_once(end) else {
            return false;
        };
        rest = after.trim_start();
    }
    rest.strip_prefix("<svg")
        .is_some_and(|after| after.starts_with([' ', '>', '\n', '\r', '\t', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_content() {
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"RIFF....WEBPVP8 ", Some("image/webp")),
            (b"<svg xmlns='x'/>", Some("image/svg+xml")),
            (
                b"<?xml version='1.0'?>\n<!-- a -->\n<!DOCTYPE svg>\n<svg>",
                Some("image/svg+xml"),
            ),
            (b"<html><svg></svg></html>", None),
            (b"<svgx>", None),
            (b"<!-- <svg> ", None),
            (b"GIF89a", None),
            (b"", None),
        ] {
            let got = sniff(bytes.to_vec()).ok().map(|logo| logo.media_type);
            assert_eq!(got, expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
