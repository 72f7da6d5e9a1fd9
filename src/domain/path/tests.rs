//! The grammar of paths, their doubts and their readings.

use proptest::prelude::*;

use super::*;

#[test]
fn what_no_rule_may_tolerate() {
    use PathError::*;
    for (raw, error) in [
        (&b""[..], NotAbsolute),
        (b"admin", NotAbsolute),
        (b"*", NotAbsolute),
        (b"/a#b", NotAbsolute),
        (b"/a?b", NotAbsolute),
        (b"/.", DotSegment),
        (b"/..", DotSegment),
        (b"/a/../b", DotSegment),
        (b"/a/./b", DotSegment),
        (b"/a/%2e%2e/b", DotSegment),
        (b"/a/.%2E/b", DotSegment),
        (b"/a%2f..%2fb", DotSegment),
        (b"/public/..;/admin", DotSegment),
        (b"/public/..;x=1/admin", DotSegment),
        (b"/public/%2e%2e%3b/admin", DotSegment),
        (b"/a\\b", Backslash),
        (b"/a\x00", Control),
        (b"/a%00", Control),
        (b"/a%0d%0aX: y", Control),
        (b"/a\x7f", Control),
        (b"/a%7f", Control),
        (b"/%", BrokenEscape),
        (b"/%2", BrokenEscape),
        (b"/%zz", BrokenEscape),
        (b"/%u0041", BrokenEscape),
        (b"/caf\xc3\xa9", HighByte),
        (b"/public/%c0%ae%c0%ae/admin", Overlong),
        (b"/a%C0%AFb", Overlong),
        (b"/a%e0%80%afb", Overlong),
        (b"/a%f0%80%80%afb", Overlong),
        // What is refused in one reading is refused.
        (b"/a/%252e%252e/b", DotSegment),
        (b"/a/%25252e%25252e/b", DotSegment),
        (b"/a/..%20/b", DotSegment),
        (b"/a/%20../b", DotSegment),
        (b"/a/..%20./b", DotSegment),
        (b"/a/.%20", DotSegment),
        (b"/a/..%3fx", DotSegment),
        (b"/a/..%23x", DotSegment),
        (b"/a%5c..%5cb", DotSegment),
        (b"/a%2f..%252fb", DotSegment),
        (b"/a/..%253bx/b", DotSegment),
        (b"/a%2500", Control),
        (b"/a%25250d", Control),
        (b"/a%25c0%25ae", Overlong),
        (b"/a%252525252561", TooManyReadings),
    ] {
        assert_eq!(
            RequestPath::parse(raw).map(|_| ()),
            Err(error),
            "{:?} would reach a rule",
            String::from_utf8_lossy(raw)
        );
    }
}

#[test]
fn decoded_once_and_doubts_marked() {
    use Ambiguity::*;
    for (raw, decoded, marks) in [
        (&b"/"[..], &b"/"[..], &[][..]),
        (b"/a/b", b"/a/b", &[]),
        (b"/%61dmin", b"/admin", &[]),
        (b"/%2561dmin", b"/%61dmin", &[DoubleEncoding]),
        (b"/caf%C3%A9", b"/caf\xc3\xa9", &[]),
        (b"/%E0%A4%85", b"/\xe0\xa4\x85", &[]),
        (b"/%C0", b"/\xc0", &[]),
        (b"/a/...", b"/a/...", &[Trailing]),
        (b"/a%2fb", b"/a/b", &[EncodedSlash]),
        (b"//a", b"//a", &[DoubleSlash]),
        (b"/%2fa", b"//a", &[EncodedSlash, DoubleSlash]),
        (b"/a;v=1", b"/a;v=1", &[Semicolon]),
        (b"/a%3Bv", b"/a;v", &[Semicolon]),
        (b"/a%5cb", b"/a\\b", &[EncodedBackslash]),
        (b"/a%5Cb", b"/a\\b", &[EncodedBackslash]),
        (b"/a%3fb", b"/a?b", &[EncodedQuery]),
        (b"/a%23b", b"/a#b", &[EncodedQuery]),
        (b"/a%2561", b"/a%61", &[DoubleEncoding]),
        (b"/100%25", b"/100%", &[]),
        (b"/a%20/b", b"/a /b", &[Trailing]),
        (b"/a/%20b", b"/a/ b", &[Trailing]),
        (b"/a./b", b"/a./b", &[Trailing]),
        (b"/a/b.", b"/a/b.", &[Trailing]),
        (b"/a%2e", b"/a.", &[Trailing]),
        (b"/a%20b", b"/a b", &[]),
        (b"/.a/b.c", b"/.a/b.c", &[]),
    ] {
        let path = RequestPath::parse(raw).unwrap();
        assert_eq!(path.decoded(), decoded);
        assert_eq!(path.raw(), raw);
        for mark in Ambiguity::ALL {
            assert_eq!(path.has(mark), marks.contains(&mark), "{raw:?} {mark:?}");
        }
    }
}

/// What other programs make of a path, decoded.
fn readings(raw: &str) -> Vec<String> {
    let path = RequestPath::parse(raw.as_bytes()).unwrap();
    let readings = path.other_readings().iter();
    readings
        .map(|reading| String::from_utf8_lossy(&reading.decoded).into_owned())
        .collect()
}

#[test]
fn a_path_without_doubts_has_one_reading() {
    for path in [
        "/",
        "/a/b",
        "/a%20b",
        "/caf%C3%A9",
        "/.well-known/x",
        "/a.b/c",
        "/100%25",
    ] {
        assert!(readings(path).is_empty(), "{path}: {:?}", readings(path));
    }
}

/// Each with programs that are known to read so.
#[test]
fn every_reading_of_another_program_is_among_them() {
    for (raw, expected, who) in [
        ("/admin;x/y", "/admin/y", "servlets cut parameters off"),
        ("/a;x/admin", "/a", "others cut to the end"),
        ("/a%3bx/admin", "/a", "after decoding, too"),
        ("/a;b/c%3bd", "/a/c;d", "or of plain ones alone"),
        ("//admin", "/admin", "nginx merges slashes"),
        (
            "//host/admin",
            "/admin",
            "`new URL` and `urlsplit` take a host",
        ),
        ("///host/admin", "/admin", "with more slashes too"),
        ("//host", "/", "and nothing behind it"),
        ("/;x/admin", "/admin", "what is cut off leaves two slashes"),
        ("/a%2fb", "/a/b", "decoded before it is split"),
        ("/a%2fb", "/a\u{1}b", "or part of the name"),
        ("/a%5cb", "/a/b", "a slash on Windows"),
        ("/a%5cb", "/a\\b", "part of the name elsewhere"),
        ("//a;x%2fb", "/a/b", "several at once"),
        (
            "/admin.php%3fx",
            "/admin.php",
            "decoded before the query is cut off",
        ),
        ("/admin%23x", "/admin", "or the fragment"),
        ("/a%23b%3fc", "/a#b", "or but one of them"),
        ("/%2561dmin", "/admin", "decoded twice"),
        ("/%25252561dmin", "/admin", "or four times"),
        ("/a%252fb", "/a/b", "a slash that comes out at last"),
        ("/a%255cb", "/a/b", "or a backslash"),
        ("/admin%253fx", "/admin", "or a query"),
        ("/admin%20/x", "/admin/x", "blanks are trimmed"),
        ("/%20admin/x", "/admin/x", "in front too"),
        ("/admin./x", "/admin/x", "dots are nothing on Windows"),
        ("/admin.%20.", "/admin", "nor both"),
        ("/admin%20;x", "/admin", "before a parameter"),
        ("/a%20%2fb", "/a/b", "before an encoded slash"),
    ] {
        let of = RequestPath::parse(raw.as_bytes()).unwrap();
        let own = String::from_utf8_lossy(of.decoded()).into_owned();
        let all = readings(raw);
        assert!(
            own == expected || all.contains(&expected.to_owned()),
            "{raw} is {expected} to some ({who}), not among {all:?}"
        );
    }
}

#[test]
fn what_a_public_rule_sees_of_a_reading_is_decoded_no_further_than_that() {
    let sent = |raw: &str| -> Vec<String> {
        let path = RequestPath::parse(raw.as_bytes()).unwrap();
        let readings = path.other_readings().iter();
        let sent = readings.map(|reading| String::from_utf8_lossy(&reading.sent).into_owned());
        sent.collect()
    };
    assert_eq!(sent("/%70ublic//x"), ["/%70ublic/x"]);
    assert_eq!(sent("/%2570ublic/x"), ["/%70ublic/x"]);
    assert_eq!(sent("/a%2fb%20c"), ["/a%2fb%20c", "/a/b%20c"]);
}

/// A path of a hundred doubts must not cost a second.
#[test]
fn what_would_cost_too_much_is_refused() {
    let long = format!(
        "/{}",
        "a%2f;b%3b%5c%3f%23 ./".replace(' ', "%20").repeat(3000)
    );
    assert!(matches!(
        RequestPath::parse(long.as_bytes()),
        Err(PathError::TooManyReadings | PathError::DotSegment)
    ));
    let short = "/@scope%2fname;v=1//x%20";
    assert!(RequestPath::parse(short.as_bytes()).is_ok());
}

proptest! {
    #[test]
    fn no_reading_of_an_accepted_path_has_dots_or_controls(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut raw = raw;
        raw.insert(0, b'/');
        if let Ok(path) = RequestPath::parse(&raw) {
            let others = path.other_readings().iter().map(|reading| &reading.decoded[..]);
            for text in others.chain([path.decoded()]) {
                prop_assert!(text.starts_with(b"/"));
                prop_assert!(!text.iter().any(|&b| b != 1 && b.is_ascii_control()));
                prop_assert!(!text.split(|&b| b == b'/').any(|s| s == b"." || s == b".."));
            }
            prop_assert!(!path.decoded().contains(&1));
        }
    }

    #[test]
    fn a_plain_path_is_what_a_close_look_finds(raw in "/?([a./;%#2f5ce\u{1}\u{7f}é\\\\ ]{0,3}/?){0,4}") {
        let raw = raw.as_bytes();
        let looked = RequestPath::examine(raw);
        if is_plain(raw) {
            let looked = looked.unwrap();
            prop_assert_eq!(looked.decoded(), raw);
            prop_assert!(!looked.is_doubtful());
        } else if let Ok(looked) = looked {
            let parsed = RequestPath::parse(raw).unwrap();
            prop_assert_eq!(parsed.decoded(), looked.decoded());
        }
    }

    #[test]
    fn encoding_a_path_does_not_change_what_rules_see(text in "/[a-z0-9]{0,8}(/[a-z0-9]{1,8}){0,3}") {
        let encoded: String = text.bytes().map(|b| if b == b'/' { "/".to_owned() } else { format!("%{b:02x}") }).collect();
        let path = RequestPath::parse(encoded.as_bytes()).unwrap();
        prop_assert_eq!(path.decoded(), text.as_bytes());
    }
}
