//! Tables of chunks, in one piece and byte by byte.

use proptest::prelude::*;

use super::*;

/// How much is taken of these bytes, given in pieces; `None` if they are refused, `Err` if
/// more must come.
fn read(bytes: &[u8], piece: usize) -> Option<Result<usize, ()>> {
    let mut chunks = Chunks::new();
    let mut taken = 0;
    for piece in bytes.chunks(piece) {
        let here = chunks.take(piece).ok()?;
        taken += here;
        if here < piece.len() {
            assert!(chunks.are_done(), "it stops in the middle");
            break;
        }
    }
    Some(chunks.are_done().then_some(taken).ok_or(()))
}

#[test]
fn what_follows_the_grammar_is_measured() {
    let long = format!("1;a={}\r\nx\r\n0\r\n\r\n", "b".repeat(1000));
    let trailers = format!("0\r\nX: {}\r\n\r\n", "b".repeat(8000));
    for body in [
        "0\r\n\r\n",
        "000\r\n\r\n",
        "5\r\nabcde\r\n0\r\n\r\n",
        "A\r\n0123456789\r\na\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
        "000000000000005\r\nabcde\r\n0\r\n\r\n",
        "5;a\r\nabcde\r\n0;a=b;c\r\n\r\n",
        "5;a=b\r\nabcde\r\n0\r\n\r\n",
        "5 ; a = b \t;c=\"d\"\r\nabcde\r\n0\r\n\r\n",
        "5;a=\"b;\\\"c\"\r\nabcde\r\n0\r\n\r\n",
        "5\r\nabcde\r\n0\r\nX: y\r\nZ:\r\n\r\n",
        &long,
        &trailers,
    ] {
        for behind in ["", "GET / HTTP/1.1\r\n", "\r\n", "0\r\n\r\n"] {
            let all = format!("{body}{behind}");
            for piece in [1, 2, 3, 7, all.len()] {
                let taken = read(all.as_bytes(), piece);
                assert_eq!(taken, Some(Ok(body.len())), "{all:?} in pieces of {piece}");
            }
        }
        for end in 0..body.len() {
            let part = &body.as_bytes()[..end];
            assert_eq!(
                read(part, body.len()),
                Some(Err(())),
                "{body:?} up to {end}"
            );
        }
    }
}

#[test]
fn whatever_does_not_is_refused() {
    let long = format!("1;a={}\r\nx\r\n0\r\n\r\n", "b".repeat(1100));
    let trailers = format!("0\r\nX: {}\r\n\r\n", "b".repeat(8200));
    for body in [
        "2;\nxx\r\n45\r\n0\r\n\r\n",
        "5;a\nabcde\r\n0\r\n\r\n",
        "5;a\rabcde\r\n0\r\n\r\n",
        "5\nabcde\r\n0\r\n\r\n",
        "5\rabcde\r\n0\r\n\r\n",
        "5\r\rabcde\r\n0\r\n\r\n",
        "5 \r\nabcde\r\n0\r\n\r\n",
        "5;\r\nabcde\r\n0\r\n\r\n",
        "5;=b\r\nabcde\r\n0\r\n\r\n",
        "5;a=\r\nabcde\r\n0\r\n\r\n",
        "5;a=b \r\nabcde\r\n0\r\n\r\n",
        "5;a b\r\nabcde\r\n0\r\n\r\n",
        "5;a=\"b\r\nabcde\r\n0\r\n\r\n",
        "5;a=\"b\"c\r\nabcde\r\n0\r\n\r\n",
        "5;a=\0\r\nabcde\r\n0\r\n\r\n",
        "5;a=\"\x01\"\r\nabcde\r\n0\r\n\r\n",
        "5;a=\"\x7f\"\r\nabcde\r\n0\r\n\r\n",
        "\r\nabcde\r\n0\r\n\r\n",
        ";a\r\nabcde\r\n0\r\n\r\n",
        " 5\r\nabcde\r\n0\r\n\r\n",
        "+5\r\nabcde\r\n0\r\n\r\n",
        "-5\r\nabcde\r\n0\r\n\r\n",
        "0x5\r\nabcde\r\n0\r\n\r\n",
        "5_0\r\nabcde\r\n0\r\n\r\n",
        "g\r\nabcde\r\n0\r\n\r\n",
        "0000000000000005\r\nabcde\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nabcde\r\n0\r\n\r\n",
        "5\r\nabcdef\r\n0\r\n\r\n",
        "5\r\nabcde\n0\r\n\r\n",
        "5\r\nabcde\r0\r\n\r\n",
        "5\r\nabcde0\r\n\r\n",
        "0\r\n\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX: y\r\n z\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\rZ: a\r\n\r\n",
        "0\r\nX: \0\r\n\r\n",
        "0\r\nGET /inside HTTP/1.1\r\nHost: x\r\n\r\n",
        &long,
        &trailers,
    ] {
        for piece in [1, 2, 3, body.len()] {
            assert_eq!(read(body.as_bytes(), piece), None, "{body:?} in {piece}");
        }
    }
}

proptest! {
    #[test]
    fn the_pieces_make_no_difference(
        bytes in "[0-9a-f;=\" \r\n:x\\\\]{0,40}",
        piece in 1_usize..10,
    ) {
        prop_assert_eq!(read(bytes.as_bytes(), piece), read(bytes.as_bytes(), 40));
    }

    #[test]
    fn what_was_cut_into_chunks_is_taken_whole(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..5),
        piece in 1_usize..50,
    ) {
        let mut body = Vec::new();
        for data in &pieces {
            body.extend(format!("{:x}\r\n", data.len()).bytes());
            body.extend(data);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let length = body.len();
        body.extend(b"rest");
        prop_assert_eq!(read(&body, piece), Some(Ok(length)));
    }
}
