//! Heads in every coding and every cut.

use proptest::prelude::*;

use super::*;

const END_HEADERS: u8 = 4;

/// Appendix B of RFC 7541 as far as it is written here: letters of targets, and of names.
const CODES: [(char, Code); 25] = [
    ('#', HASH),
    ('/', (6, 0x18)),
    ('.', (6, 0x17)),
    ('1', (5, 0x1)),
    (':', (7, 0x5c)),
    ('>', (12, 0xffb)),
    ('a', (5, 0x3)),
    ('c', (5, 0x4)),
    ('e', (5, 0x5)),
    ('f', (6, 0x25)),
    ('h', (6, 0x27)),
    ('i', (5, 0x6)),
    ('k', (7, 0x75)),
    ('l', (6, 0x28)),
    ('n', (6, 0x2a)),
    ('o', (5, 0x7)),
    ('p', (6, 0x2b)),
    ('r', (6, 0x2c)),
    ('s', (5, 0x8)),
    ('t', (5, 0x9)),
    ('x', (7, 0x79)),
    ('{', (15, 0x7ffe)),
    ('\0', (13, 0x1ff8)),
    ('\n', (30, 0x3fff_fffc)),
    ('ÿ', (26, 0x3ff_ffee)),
];

fn number(first: u8, mask: u8, value: usize) -> Vec<u8> {
    let most = usize::from(mask);
    if value < most {
        return vec![first | u8::try_from(value).unwrap()];
    }
    let mut bytes = vec![first | mask];
    let mut left = value - most;
    while left >= 128 {
        bytes.push(u8::try_from(left % 128).unwrap() | 128);
        left /= 128;
    }
    bytes.push(u8::try_from(left).unwrap());
    bytes
}

fn plain(text: &str) -> Vec<u8> {
    [&number(0, 0x7f, text.len())[..], text.as_bytes()].concat()
}

fn huffman(text: &str) -> Vec<u8> {
    let mut bits = Vec::new();
    for letter in text.chars() {
        let (_, (length, code)) = CODES.iter().find(|(known, _)| *known == letter).unwrap();
        bits.extend((0..*length).rev().map(|bit| code >> bit & 1));
    }
    bits.resize(bits.len().next_multiple_of(8), 1);
    let bytes: Vec<u8> = bits
        .chunks(8)
        .map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit))
        .map(|byte: u64| u8::try_from(byte).unwrap())
        .collect();
    [number(0x80, 0x7f, bytes.len()), bytes].concat()
}

/// A literal with a name of its own: 0 as it passes, 0x40 to be inserted.
fn literal(first: u8, name: Vec<u8>, value: Vec<u8>) -> Vec<u8> {
    [vec![first], name, value].concat()
}

/// `:path` by its number.
fn path(first: u8, value: Vec<u8>) -> Vec<u8> {
    [vec![first | 4], value].concat()
}

fn head(heads: &mut H2Heads, block: &[u8]) -> Result<(), Fault> {
    framed(heads, 0, block, usize::MAX)
}

fn framed(heads: &mut H2Heads, flags: u8, bytes: &[u8], cut: usize) -> Result<(), Fault> {
    heads.begin(flags, 1, bytes.len())?;
    for part in bytes.chunks(cut.min(bytes.len()).max(1)) {
        heads.pass(part)?;
    }
    heads.end()
}

#[track_caller]
fn assert_refused(block: &[u8]) {
    for cut in [1, 2, 3, 7, usize::MAX] {
        let mut heads = H2Heads::new();
        assert_eq!(
            framed(&mut heads, 0, block, cut),
            Err(Fault::Cut),
            "in parts of {cut}"
        );
    }
}

#[track_caller]
fn assert_passes(block: &[u8]) {
    for cut in [1, 2, 3, 7, usize::MAX] {
        let mut heads = H2Heads::new();
        assert_eq!(
            framed(&mut heads, 0, block, cut),
            Ok(()),
            "in parts of {cut}"
        );
    }
}

#[test]
fn a_fragment_is_seen_in_every_coding_and_cut() {
    let target = "/files/report#1.txt";
    for first in [0, 0x10, 0x40] {
        for value in [plain(target), huffman(target)] {
            assert_refused(&path(first, value.clone()));
            assert_refused(&literal(first, plain(":path"), value.clone()));
            assert_refused(&literal(first, huffman(":path"), value));
        }
    }
    for other in ["#", "/#", "/?x#", &"/x".repeat(4000)] {
        let value = plain(&format!("{other}#"));
        assert_refused(&[vec![0x82, 0x87], path(0, value)].concat());
    }
}

#[test]
fn what_has_none_passes_and_so_does_another_field_with_one() {
    for value in ["/", "/files/report1.txt", "/>{x", "/\0\n", ""] {
        assert_passes(&path(0, plain(value)));
        assert_passes(&path(0x40, huffman(value)));
    }
    for name in [":pat", ":path/", ":pathx", "path", "x"] {
        for first in [0, 0x40] {
            assert_passes(&literal(first, plain(name), plain("/#")));
            assert_passes(&literal(first, huffman(name), huffman("/#")));
        }
    }
    assert_passes(&huffman_of("ÿ"));
    // Index 4 and 5 as they stand, and all of the rest.
    assert_passes(&(0x81..=0xbd).collect::<Vec<u8>>());
}

fn huffman_of(text: &str) -> Vec<u8> {
    path(0x40, huffman(text))
}

#[test]
fn the_code_is_the_one_of_the_rfc() {
    // How many codes there are of each length, whose first ones follow from them.
    let counts = [
        10, 26, 32, 6, 5, 3, 2, 6, 2, 3, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 4_u64,
    ];
    assert_eq!(counts.iter().sum::<u64>(), 257);
    let (mut next, mut before) = (0, 0);
    for ((length, end), count) in ENDS.iter().chain(&[(LONGEST, 1 << LONGEST)]).zip(counts) {
        next = (next << (length - before)) + count;
        assert_eq!(next, *end, "{length} bits");
        before = *length;
    }
}

#[test]
fn the_examples_of_the_rfc_leave_its_tables() {
    // RFC 7541 appendix C.3 and C.4: three requests, without and with Huffman.
    let plainly = [
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ];
    let coded = [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ];
    for blocks in [plainly, coded] {
        let mut heads = H2Heads::new();
        for (block, size) in blocks.iter().zip([57, 110, 164]) {
            head(&mut heads, &bytes(block)).unwrap();
            assert_eq!(heads.fields.table.size, size);
        }
    }
    // C.6: answers, with a table of 256 bytes that evicts.
    let answers = [
        "3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ];
    let mut heads = H2Heads::new();
    for (block, size) in answers.iter().zip([222, 222, 215]) {
        head(&mut heads, &bytes(block)).unwrap();
        assert_eq!(heads.fields.table.size, size);
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn a_path_in_the_table_is_known_by_its_number() {
    // Under the name of the table: a `:path` whose value comes with it, and as it stands.
    let mut heads = H2Heads::new();
    head(&mut heads, &path(0x40, plain("/x"))).unwrap();
    head(&mut heads, &[0xbe]).unwrap();
    let by_name = [number(0, 0x0f, 62), plain("/x#y")].concat();
    assert_eq!(head(&mut heads, &by_name), Err(Fault::Cut));
    // A name of the table that is another.
    let mut heads = H2Heads::new();
    head(&mut heads, &literal(0x40, plain("x-path"), plain("/#"))).unwrap();
    head(&mut heads, &[0xbe]).unwrap();
    head(&mut heads, &by_name).unwrap();
    // One that was refused would still be one when it is asked for again.
    let mut fields = Fields::new();
    fields.table.insert(Entry {
        name: 5,
        size: 40,
        is_path: true,
        is_cut: true,
    });
    assert!(matches!(fields.read(&[0xbe]), Err(Fault::Cut)));
}

#[test]
fn the_table_lets_go_of_the_oldest() {
    let mut heads = H2Heads::new();
    head(&mut heads, &path(0x40, plain("/old"))).unwrap();
    // 32 and 1 and 95: 128, of which 31 go in beside the first one, and no more.
    for _ in 0..31 {
        let field = literal(0x40, plain("x"), plain(&"v".repeat(95)));
        head(&mut heads, &field).unwrap();
    }
    let oldest = number(0, 0x0f, 62 + 31);
    let by_name = [oldest, plain("#")].concat();
    let mut other = H2Heads::new();
    std::mem::swap(&mut heads, &mut other);
    assert_eq!(head(&mut other, &by_name), Err(Fault::Cut));
    // A size of nothing empties it, what is larger than it too.
    for emptying in [
        vec![0x20],
        literal(0x40, plain("x"), plain(&"v".repeat(5000))),
    ] {
        let mut heads = H2Heads::new();
        head(&mut heads, &path(0x40, plain("/old"))).unwrap();
        head(&mut heads, &emptying).unwrap();
        assert_eq!(heads.fields.table.size, 0);
        assert_eq!(
            head(&mut heads, &[0xbe]),
            Err(Fault::Undecodable),
            "an index of nothing"
        );
    }
}

#[test]
fn padding_and_priority_are_not_fields() {
    let block = path(0, plain("/#"));
    let pad = [3_u8];
    let filling = path(0, plain("/#"))[..3].to_vec();
    let priority = [0x80, 0, 0, 3, 16];
    let good = path(0, plain("/"));
    for (flags, front, back) in [
        (PADDED, &pad[..], &filling[..]),
        (PRIORITY, &priority[..], &[][..]),
        (PADDED | PRIORITY, &[&pad[..], &priority].concat(), &filling),
    ] {
        for cut in [1, 2, usize::MAX] {
            let frame = [front, &block, back].concat();
            let read = framed(&mut H2Heads::new(), flags | END_HEADERS, &frame, cut);
            assert_eq!(read, Err(Fault::Cut));
            let frame = [front, &good, back].concat();
            let mut heads = H2Heads::new();
            framed(&mut heads, flags | END_HEADERS, &frame, cut).unwrap();
        }
    }
    // More padding than there is, or no room for it.
    for (flags, frame) in [
        (PADDED, vec![9, 0x82]),
        (PADDED, vec![]),
        (PRIORITY, vec![0, 0, 0, 3]),
    ] {
        let mut heads = H2Heads::new();
        let read = framed(&mut heads, flags, &frame, 1);
        assert_eq!(read, Err(Fault::Undecodable));
    }
    // A stream that depends on itself: its block is passed over.
    let frame = [&[0x80, 0, 0, 1, 16][..], &block].concat();
    let mut heads = H2Heads::new();
    framed(&mut heads, PRIORITY, &frame, 1).unwrap();
}

#[test]
fn a_block_goes_on_in_its_continuations() {
    let block = [
        vec![0x82],
        literal(0x40, huffman(":path"), huffman("/file#1")),
    ]
    .concat();
    for at in 0..block.len() {
        for step in [1, 3, usize::MAX] {
            let (first, rest) = block.split_at(at);
            let mut heads = H2Heads::new();
            heads.begin(0, 1, first.len()).unwrap();
            heads.pass(first).unwrap();
            let read = rest.chunks(step.min(rest.len())).try_for_each(|part| {
                heads.go_on(part.len());
                heads.pass(part)
            });
            assert_eq!(read, Err(Fault::Cut), "at {at} in steps of {step}");
        }
    }
}

#[test]
fn what_cannot_be_decoded_or_has_no_end_is_refused() {
    for block in [
        &[0x80][..],
        &[0xbe],
        &[0xff, 0x80, 0x80, 0x80, 0x80, 0],
        &[0x3f, 0xe2, 0x1f],
        // EOS, and padding of zeros or of a whole byte.
        &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0x04, 0x81, 0x18],
        &[0x04, 0x82, 0x1f, 0xff],
        // No end.
        &[0x04],
        &[0x04, 0x05, b'/'],
        &[0xff],
        &[0x00, 0x2c],
        &[0x00, 0x01, b'x', 0x7f],
        &[0x00, 0x01, b'x', 0x84, 0xff],
    ] {
        for cut in [1, usize::MAX] {
            let mut heads = H2Heads::new();
            let read = framed(&mut heads, 0, block, cut);
            assert_eq!(read, Err(Fault::Undecodable), "{block:02x?}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(
        frames in proptest::collection::vec(
            (any::<u8>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)),
            0..8,
        ),
        cut in 1_usize..20,
    ) {
        let (mut heads, mut other) = (H2Heads::new(), H2Heads::new());
        for (flags, goes_on, bytes) in &frames {
            for (heads, cut) in [(&mut heads, cut), (&mut other, 60)] {
                if *goes_on {
                    heads.go_on(bytes.len());
                } else {
                    let _ = heads.begin(*flags, 1, bytes.len());
                }
                for part in bytes.chunks(cut) {
                    let _ = heads.pass(part);
                }
            }
            prop_assert!(heads.fields.table.size <= TABLE);
            prop_assert!(heads.fields.table.entries.len() <= TABLE / OVERHEAD);
        }
    }

    #[test]
    fn a_hash_is_seen_wherever_it_is(
        before in "[/a-z.1]{0,300}",
        after in "[/a-z#]{0,300}",
        cut in 1_usize..40,
    ) {
        let block = path(0x40, plain(&format!("{before}#{after}")));
        prop_assert_eq!(framed(&mut H2Heads::new(), 0, &block, cut), Err(Fault::Cut));
        let block = [path(0x40, plain(&before)), vec![0xbe]].concat();
        let mut heads = H2Heads::new();
        prop_assert_eq!(framed(&mut heads, 0, &block, cut), Ok(()));
    }
}
