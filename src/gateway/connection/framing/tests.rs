//! Requests one behind the other, in one piece and byte by byte.

use proptest::prelude::*;

use super::*;

type Fields = &'static [(&'static str, &'static str)];

/// A head as pingora parsed it.
fn head(fields: &[(&'static str, &'static str)]) -> RequestHeader {
    let mut head = RequestHeader::build("POST", b"/", None).unwrap();
    for (name, value) in fields {
        head.append_header(*name, *value).unwrap();
    }
    head
}

/// Takes from the front of what is there, in pieces, until nothing belongs to it.
fn taken(framing: &mut Framing, bytes: &mut &[u8], piece: usize) -> Result<Vec<u8>, Doubt> {
    let mut all = Vec::new();
    loop {
        let here = framing.take(&bytes[..piece.min(bytes.len())])?;
        all.extend(&bytes[..here]);
        *bytes = &bytes[here..];
        if here == 0 || matches!(framing, Framing::Head { end: 4, .. }) {
            return Ok(all);
        }
    }
}

#[test]
fn requests_come_one_by_one() {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nA: \r\r\nHost: a\r\n\r\n";
    let requests: [(Fields, &[u8]); 4] = [
        (&[], b""),
        (&[("Content-Length", "5")], b"\r\n\r\nx"),
        (&[("Transfer-Encoding", "chunked")], b"1\r\nx\r\n0\r\n\r\n"),
        (&[("Content-Length", "0")], b""),
    ];
    let all = requests.map(|(_, body)| [HEAD, body].concat()).concat();
    for piece in [1, 2, 3, 5, 100] {
        let mut bytes = &all[..];
        let mut framing = Framing::head();
        for (fields, body) in requests {
            framing.next();
            assert_eq!(taken(&mut framing, &mut bytes, piece).unwrap(), HEAD);
            framing.begin(&head(fields), HEAD).unwrap();
            assert_eq!(taken(&mut framing, &mut bytes, piece).unwrap(), body);
            assert!(matches!(framing, Framing::Whole), "{framing:?}");
        }
        assert_eq!(bytes, b"");
    }
}

#[test]
fn empty_lines_before_a_request_are_part_of_its_head() {
    let mut bytes = &b"\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"[..];
    let mut framing = Framing::head();
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.extend(taken(&mut framing, &mut bytes, 100).unwrap());
    }
    assert_eq!(all, b"\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    framing.begin(&head(&[]), &all).unwrap();
    assert!(matches!(framing, Framing::Whole), "{framing:?}");
}

#[test]
fn doubts_break_the_connection() {
    let whole = b"GET / HTTP/1.1\r\n\r\n";
    for (what, bytes, raw, fields) in [
        (
            "LF",
            &b"GET / HTTP/1.1\n\n"[..],
            &b"GET / HTTP/1.1\n\n"[..],
            &[][..],
        ),
        (
            "LF, then more",
            b"GET / HTTP/1.1\n\nGET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\n\n",
            &[],
        ),
        (
            "a blank that was escaped",
            b"GET /a b HTTP/1.1\r\n\r\n",
            b"GET /a%20b HTTP/1.1\r\n\r\n",
            &[],
        ),
        ("a head that goes on", b"GET / HTTP/1.1\r\n", whole, &[]),
        (
            "two lengths",
            whole,
            whole,
            &[("Content-Length", "5"), ("Content-Length", "5")],
        ),
        ("a list", whole, whole, &[("Content-Length", "5, 5")]),
        ("a sign", whole, whole, &[("Content-Length", "+5")]),
        (
            "too many bytes",
            whole,
            whole,
            &[("Content-Length", "9223372036854775808")],
        ),
        ("no number", whole, whole, &[("Content-Length", "")]),
    ] {
        let mut framing = Framing::head();
        let _ = taken(&mut framing, &mut &bytes[..], 100).unwrap();
        assert!(framing.begin(&head(fields), raw).is_err(), "{what}");
        assert!(framing.take(b"x").is_err(), "{what}: {framing:?}");
        framing.next();
        assert!(framing.take(b"x").is_err(), "{what}: {framing:?}");
    }
}

#[test]
fn a_line_that_ends_in_lf_alone_is_seen_however_it_is_cut() {
    for (head_of, is_bare) in [
        (&b"GET / HTTP/1.1\r\nA: b\r\n\r\n"[..], false),
        (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", true),
        (b"GET / HTTP/1.1\nA: b\r\n\r\n", true),
        (b"\nGET / HTTP/1.1\r\n\r\n", true),
        (b"\r\n\nGET / HTTP/1.1\r\n\r\n", true),
        (b"GET / HTTP/1.1\r\nA: \r\r\n\r\n", false),
    ] {
        for piece in [1, 2, 3, 5, 100] {
            let mut framing = Framing::head();
            let mut rest = head_of;
            let mut all = Vec::new();
            while !rest.is_empty() {
                all.extend(taken(&mut framing, &mut rest, piece).unwrap());
            }
            assert_eq!(all, head_of);
            let begun = framing.begin(&head(&[]), head_of);
            assert_eq!(begun.is_err(), is_bare, "{head_of:?} by {piece}");
        }
    }
}

#[test]
fn a_body_that_was_not_read_is_no_head() {
    for fields in [("Content-Length", "5"), ("Transfer-Encoding", "chunked")] {
        let mut framing = Framing::head();
        framing.take(EMPTY_LINE).unwrap();
        framing.begin(&head(&[fields]), EMPTY_LINE).unwrap();
        framing.next();
        assert!(framing.take(b"GET ").is_err(), "{fields:?}");
    }
}

proptest! {
    /// Most heads are told by one look at all of it, which must see the same.
    #[test]
    fn a_head_in_one_piece_ends_where_it_ends_byte_by_byte(lines in "(a|\r|\n|\r\n){0,8}") {
        let bytes = format!("{lines}\r\n\r\n").into_bytes();
        let (mut whole, mut bare_whole) = (0, false);
        let end = end_of_head(&mut whole, &mut bare_whole, &bytes);
        let (mut seen, mut bare, mut taken) = (0, false, 0);
        for byte in bytes.chunks(1) {
            taken += end_of_head(&mut seen, &mut bare, byte);
            if seen == EMPTY_LINE.len() {
                break;
            }
        }
        prop_assert_eq!((end, whole, bare_whole), (taken, seen, bare));
    }
}
