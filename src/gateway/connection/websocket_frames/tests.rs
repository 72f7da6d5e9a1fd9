use proptest::prelude::*;

use super::*;

const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

/// A frame with a payload of this many bytes.
fn frame(opcode: u8, len: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut bytes = vec![0x80 | opcode];
    match len {
        0..=125 => bytes.push(mask | u8::try_from(len).unwrap()),
        126..=65_535 => {
            bytes.push(mask | 126);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend(u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    if masked {
        bytes.extend([0xff; 4]);
    }
    // What looks like a close frame and an empty line, so that a slip is seen.
    bytes.extend([0x88, 0x00, b'\r', b'\n'].iter().cycle().take(len));
    bytes
}

fn after(bytes: &[u8]) -> WebSocketFrames {
    let mut frames = WebSocketFrames::new();
    frames.pass(bytes);
    frames
}

#[test]
fn every_length_is_counted_to_its_last_byte() {
    for masked in [false, true] {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let whole = [HEAD, &frame(2, len, masked)].concat();
            assert!(after(&whole).at_boundary(), "{len} bytes, masked: {masked}");
            let (last, most) = whole.split_last().unwrap();
            let mut frames = after(most);
            assert!(
                !frames.at_boundary(),
                "{len} bytes, masked: {masked}, without the last"
            );
            frames.pass(&[*last]);
            assert!(frames.at_boundary(), "{len} bytes, byte by byte");
        }
    }
}

#[test]
fn there_is_no_place_before_the_head_has_ended() {
    for end in 0..HEAD.len() {
        assert!(!after(&HEAD[..end]).at_boundary(), "after {end} bytes");
    }
    assert!(after(HEAD).at_boundary());
}

#[test]
fn a_head_that_announces_another_is_passed_over() {
    let early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    assert!(!after(early).at_boundary(), "a 103 opens no WebSocket");
    assert!(after(&[early, HEAD].concat()).at_boundary());
}

#[test]
fn an_answer_that_is_no_101_never_has_a_place() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno",
        "",
    ] {
        assert!(!after(head.as_bytes()).at_boundary(), "{head:?}");
    }
}

#[test]
fn nothing_follows_a_close_frame() {
    for len in [0, 2, 125] {
        let closed = [HEAD, &frame(CLOSE, len, false)].concat();
        assert!(!after(&closed).at_boundary(), "the app has said goodbye");
    }
}

#[test]
fn a_length_that_nobody_could_send_breaks_nothing() {
    let huge = [
        HEAD,
        &[0x82, 127],
        &[0xff; 8],
        &frame(1, 3, false),
        &[0; 100],
    ];
    assert!(!after(&huge.concat()).at_boundary());
}

proptest! {
    /// However the bytes are cut into pieces, a boundary is where a frame has ended and
    /// nowhere else.
    #[test]
    fn boundaries_are_found_in_any_pieces(
        lens in proptest::collection::vec((0u8..8, 0usize..300, any::<bool>()), 0..6),
        cuts in proptest::collection::vec(1usize..90, 1..40),
    ) {
        let mut bytes = HEAD.to_vec();
        let mut ends = vec![bytes.len()];
        for (opcode, len, masked) in lens {
            bytes.extend(frame(opcode, len, masked));
            ends.push(bytes.len());
        }
        let mut frames = WebSocketFrames::new();
        let mut at = 0;
        for cut in cuts.iter().cycle() {
            let next = (at + cut).min(bytes.len());
            frames.pass(&bytes[at..next]);
            at = next;
            prop_assert_eq!(frames.at_boundary(), ends.contains(&at), "after {} bytes", at);
            if at == bytes.len() {
                break;
            }
        }
    }

    /// Whatever an app sends, it is taken.
    #[test]
    fn any_bytes_are_taken(head in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut frames = WebSocketFrames::new();
        if head {
            frames.pass(HEAD);
        }
        let mut same = WebSocketFrames::new();
        if head {
            same.pass(HEAD);
        }
        frames.pass(&bytes);
        for byte in bytes {
            same.pass(&[byte]);
        }
        prop_assert_eq!(frames.at_boundary(), same.at_boundary());
    }
}

#[test]
fn data_is_told_from_the_protocol_piece_by_piece() {
    for (opcode, is_data) in [
        (0, true),
        (1, true),
        (2, true),
        (3, false),
        (8, false),
        (9, false),
        (10, false),
        (15, false),
    ] {
        for len in [0, 1, 300] {
            let mut frames = WebSocketFrames::without_head();
            let bytes = frame(opcode, len, true);
            let head = bytes.len() - len;
            frames.pass(&bytes[..head - 1]);
            assert!(!frames.take_data(), "half a head of {opcode}");
            frames.pass(&bytes[head - 1..head]);
            assert_eq!(frames.take_data(), is_data, "{opcode}, {len} bytes");
            assert!(!frames.take_data(), "told twice");
            for byte in &bytes[head..] {
                frames.pass(&[*byte]);
                assert_eq!(frames.take_data(), is_data, "payload of {opcode}");
            }
            frames.pass(&frame(9, 5, true));
            assert!(!frames.take_data(), "a ping after {opcode}");
        }
    }
}
