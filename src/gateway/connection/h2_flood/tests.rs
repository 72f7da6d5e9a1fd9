//! Frames in every cut, and floods of those that only cost.

use super::*;
use crate::gateway::connection::h2_frames::{FRAME_HEAD, PREFACE};

fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(length).unwrap().to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags, 0, 0, 0, 1];
    bytes.resize(FRAME_HEAD + length, 0x82);
    bytes
}

fn begun() -> H2FloodGuard {
    let mut frames = H2FloodGuard::new();
    frames.pass(PREFACE).unwrap();
    frames
}

/// How many of these are read before the connection is to end.
fn endured(kind: u8, flags: u8, length: usize, most: usize) -> usize {
    let mut frames = begun();
    let one = frame(kind, flags, length);
    (0..most).take_while(|_| frames.pass(&one).is_ok()).count()
}

#[test]
fn a_head_is_on_its_way_from_its_first_frame_to_the_end_of_its_last() {
    const SETTINGS: u8 = 4;
    let script = [
        (PREFACE.to_vec(), false),
        (frame(SETTINGS, 0, 18), false),
        (frame(HEADERS, END_HEADERS | END_STREAM, 40), false),
        (frame(HEADERS, END_STREAM, 40), true),
        (frame(CONTINUATION, 0, 300), true),
        (frame(CONTINUATION, END_HEADERS, 3), false),
        (frame(DATA, 0, 70_000), false),
        (frame(HEADERS, END_HEADERS, 0), false),
        (frame(DATA, END_STREAM, 0), false),
    ];
    for cut in [1, 2, 7, 9, 10, 1000, usize::MAX] {
        let mut frames = H2FloodGuard::new();
        for (number, (bytes, expected)) in script.iter().enumerate() {
            for part in bytes.chunks(cut.min(bytes.len())) {
                frames.pass(part).unwrap();
            }
            assert_eq!(
                frames.in_head(),
                *expected,
                "frame {number} in parts of {cut}"
            );
        }
    }
}

#[test]
fn half_a_preface_and_half_a_last_frame_are_heads() {
    let mut frames = H2FloodGuard::new();
    frames.pass(&PREFACE[..23]).unwrap();
    assert!(frames.in_head());
    frames.pass(&PREFACE[23..]).unwrap();
    assert!(!frames.in_head());
    let head = frame(HEADERS, END_HEADERS, 40);
    frames.pass(&head[..48]).unwrap();
    assert!(frames.in_head());
    frames.pass(&head[48..]).unwrap();
    assert!(!frames.in_head());
}

#[test]
fn floods_end_the_connection_and_use_does_not() {
    let enough = 20_000;
    for (name, kind, flags, length) in [
        ("PRIORITY", 2, 0, 5),
        ("RST_STREAM", 3, 0, 4),
        ("SETTINGS", 4, 0, 0),
        ("SETTINGS acknowledged", 4, 1, 0),
        ("PING", 6, 0, 8),
        ("unknown", 0xbe, 0, 0),
        ("empty DATA", DATA, 0, 0),
        ("empty CONTINUATION", CONTINUATION, 0, 0),
    ] {
        let many = endured(kind, flags, length, enough);
        let most = usize::try_from(BURST).unwrap();
        assert!(many >= most, "{name}: only {many}");
        // A slow machine may let some seconds pass.
        assert!(many < enough, "{name}: no end");
    }
    for (name, kind, flags, length) in [
        ("requests", HEADERS, END_HEADERS | END_STREAM, 40),
        ("data", DATA, 0, 100),
        ("the ends of bodies", DATA, END_STREAM, 0),
        ("windows", WINDOW_UPDATE, 0, 4),
    ] {
        assert_eq!(endured(kind, flags, length, enough), enough, "{name}");
    }
}

#[test]
fn rapid_reset_cve_2023_44487_is_seen_beside_the_requests_that_it_resets() {
    let mut frames = begun();
    let one = [frame(HEADERS, END_HEADERS | END_STREAM, 40), frame(3, 0, 4)].concat();
    let many = (0..20_000)
        .take_while(|_| frames.pass(&one).is_ok())
        .count();
    assert!(many < 20_000, "no end");
}

#[test]
fn the_allowance_comes_back_with_time_and_only_up_to_its_size() {
    let mut allowance = TokenBucket::new();
    let first = (0..100_000).take_while(|_| allowance.spend()).count();
    assert!(first < 100_000, "no end");
    let long_ago = std::time::Duration::from_secs(3600);
    allowance.at = Instant::now().checked_sub(long_ago).unwrap();
    let again = (0..100_000).take_while(|_| allowance.spend()).count();
    let most = usize::try_from(BURST).unwrap();
    assert!(again >= most && again < 100_000, "{again}");
}
