//! HTTP/2 as a weapon: each attack ends or is bounded, the gateway does not grow, and the
//! next client is served.

use std::time::{Duration, Instant};

use crate::support::curl::certificate;
use crate::support::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, H2, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, field, frame, indexed_field,
};
use crate::support::{Builder, Gateway, Upstream, memory, optional, tls, until};

/// What an attack may cost, in KiB. What it must not cost is a multiple of this.
const GROWTH: u64 = 128 * 1024;
/// What a connection may cost whose streams nobody reads, in KiB, with twice as many of
/// them as it has by default.
const UNREAD: u64 = 12 * 1024;

struct World {
    gateway: Gateway,
    app: Upstream,
    cookie: String,
    before: u64,
}

impl World {
    fn new(yaml: &str) -> Option<Self> {
        if !optional::has("openssl") {
            return None;
        }
        let app = Upstream::start();
        let builder = Builder::new(&app);
        certificate(builder.dir(), "gateway");
        let gateway = builder
            .yaml("tls: { cert: gateway.crt, key: gateway.key }")
            .yaml("log: { level: warn }")
            .yaml(yaml)
            .start();
        let cookie = tls::alice(&gateway);
        let before = memory::resident(gateway.pid());
        Some(Self {
            gateway,
            app,
            cookie,
            before,
        })
    }

    fn client(&self) -> H2 {
        let client = H2::open(self.gateway.port()).unwrap();
        client.write_patience(Duration::from_secs(5));
        client
    }

    /// Somebody else is served, and the attack was not paid for with memory.
    #[track_caller]
    fn assert_unharmed(&self) {
        self.assert_unharmed_for(GROWTH);
    }

    /// The same, where the attack may cost so much.
    #[track_caller]
    fn assert_unharmed_for(&self, growth: u64) {
        let began = Instant::now();
        assert!(
            self.client().is_served(1, "/", &self.cookie),
            "nobody else is served any more"
        );
        assert!(began.elapsed() < Duration::from_secs(9), "but slowly");
        let peak = memory::peak(self.gateway.pid());
        assert!(
            peak < self.before + growth,
            "from {} to {peak} KiB",
            self.before
        );
    }

    fn abused(&self) -> f64 {
        let name = "doorward_connections_turned_away_total";
        self.gateway.labelled(name, "abuse")
    }
}

/// Sends this again and again, a hundred at once; how often, until the connection ended.
fn flood(client: &mut H2, most: usize, mut next: impl FnMut(u32) -> Vec<u8>) -> Option<usize> {
    let mut stream = 1;
    let mut sent = 0;
    while sent < most {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            bytes.extend(next(stream));
            stream += 2;
        }
        if client.send(&bytes).is_err() {
            return Some(sent);
        }
        sent += 100;
    }
    client.is_over(Duration::from_secs(3)).then_some(sent)
}

#[test]
fn rapid_reset_cve_2023_44487_ends_the_connection() {
    let Some(world) = World::new("") else { return };
    let mut client = world.client();
    let block = client.get("/hold", &world.cookie);
    let over = flood(&mut client, 20_000, |stream| {
        let cancel = frame(RST_STREAM, 0, stream, &8u32.to_be_bytes());
        let head = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        [head, cancel].concat()
    });
    assert!(over.is_some(), "20000 requests were begun and reset");
    assert!(
        world.app.count() < 1500,
        "the app saw {}",
        world.app.count()
    );
    world.app.release();
    world.assert_unharmed();
}

/// The library ends what it never accepted; this is what it accepted before the reset.
#[test]
fn rapid_reset_cve_2023_44487_of_requests_that_have_begun_ends_the_connection() {
    let Some(world) = World::new("") else { return };
    let mut client = world.client();
    let block = client.get("/hold", &world.cookie);
    let mut over = false;
    for round in 0..130u32 {
        let streams = (0..60).map(|n| (round * 60 + n) * 2 + 1);
        let head = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        let cancel = |stream| frame(RST_STREAM, 0, stream, &8u32.to_be_bytes());
        let heads: Vec<u8> = streams.clone().flat_map(head).collect();
        let cancels: Vec<u8> = streams.flat_map(cancel).collect();
        client.send(&heads).unwrap();
        let begun = usize::try_from(round * 60 + 60).unwrap();
        until("the app to be asked", || world.app.count() == begun);
        over = client.send(&cancels).is_err() || client.is_over(Duration::from_millis(100));
        if over {
            break;
        }
    }
    assert!(over, "7800 requests were begun and reset");
    until("it to be counted", || world.abused() == 1.0);
    world.app.release();
    world.assert_unharmed();
}

#[test]
fn made_you_reset_cve_2025_8671_ends_the_connection() {
    // Each makes the server reset a stream that is being served, in another way.
    type Provoke = fn(u32) -> Vec<u8>;
    let ways: [(&str, Provoke); 4] = [
        ("an increment of nothing", |stream| {
            frame(WINDOW_UPDATE, 0, stream, &[0; 4])
        }),
        ("a window that overflows", |stream| {
            frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffffu32.to_be_bytes())
        }),
        ("data after the end", |stream| frame(DATA, 0, stream, b"x")),
        ("a stream that depends on itself", |stream| {
            let payload = [&stream.to_be_bytes()[..], &[0]].concat();
            frame(PRIORITY, 0, stream, &payload)
        }),
    ];
    for (way, provoke) in ways {
        let Some(world) = World::new("") else { return };
        let mut client = world.client();
        let block = client.get("/hold", &world.cookie);
        let over = flood(&mut client, 10_000, |stream| {
            let head = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
            [head, provoke(stream)].concat()
        });
        assert!(over.is_some(), "{way}: 10000 times");
        let seen = world.app.count();
        assert!(seen < 2500, "{way}: the app saw {seen}");
        world.app.release();
        world.assert_unharmed();
    }
}

#[test]
fn continuation_flood_rustsec_2024_0332_ends_the_connection() {
    let Some(world) = World::new("") else { return };
    for (what, fragment) in [("large", 16_000), ("small", 1), ("empty", 0)] {
        let mut client = world.client();
        let block = client.get("/", "");
        client.frame(HEADERS, END_STREAM, 1, &block).unwrap();
        // Fields that are never indexed, in fragments that fit no field.
        let fields = field("x-a", "b".repeat(fragment));
        let over = flood(&mut client, 20_000, |_| {
            frame(CONTINUATION, 0, 1, &fields[..fragment])
        });
        assert!(over.is_some(), "{what}: a head without an end");
    }
    world.assert_unharmed();
}

#[test]
fn empty_data_frames_rustsec_2026_0258_end_the_connection() {
    let Some(world) = World::new("") else { return };
    for (what, payload, flags) in [
        ("empty", &b""[..], 0),
        // One byte that says that there is no padding.
        ("padded", &[0], 8),
    ] {
        let mut client = world.client();
        let block = client.request("POST", "/x", &world.cookie);
        client.headers(1, 0, &block).unwrap();
        let over = flood(&mut client, 50_000, |_| frame(DATA, flags, 1, payload));
        assert!(over.is_some(), "{what}: 50000 DATA frames without data");
    }
    world.assert_unharmed();
}

#[test]
fn floods_of_frames_that_are_answered_cve_2019_9512_and_9515_end_the_connection() {
    let Some(world) = World::new("") else { return };
    for (what, bytes) in [
        ("PING (CVE-2019-9512)", frame(PING, 0, 0, &[7; 8])),
        ("SETTINGS (CVE-2019-9515)", frame(SETTINGS, 0, 0, &[])),
        (
            "SETTINGS that change a table",
            frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 16, 0]),
        ),
        (
            "PRIORITY (CVE-2019-9513)",
            frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 9]),
        ),
    ] {
        let ended = world.abused();
        let mut client = world.client();
        let over = flood(&mut client, 50_000, |_| bytes.clone());
        assert!(over.is_some(), "{what}: 50000 of them");
        until("it to be counted", || world.abused() == ended + 1.0);
    }
    world.assert_unharmed();
}

#[test]
fn a_client_that_keeps_its_connection_alive_is_not_abusive() {
    let Some(world) = World::new("limits: { h2_streams: 128 }") else {
        return;
    };
    let mut client = world.client();
    for stream in (1..400).step_by(2) {
        client.frame(PING, 0, 0, &[1; 8]).unwrap();
        assert!(client.is_served(stream, "/", &world.cookie), "{stream}");
    }
    // A page that is left with its pictures half loaded.
    let block = client.get("/hold", &world.cookie);
    for stream in (401..601).step_by(2) {
        client.headers(stream, END_STREAM, &block).unwrap();
    }
    until("the pictures to be asked for", || world.app.count() == 300);
    for stream in (401u32..601).step_by(2) {
        client.frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]).unwrap();
    }
    assert!(client.is_served(701, "/", &world.cookie), "the next page");
    assert_eq!(world.abused(), 0.0);
    world.app.release();
}

#[test]
fn a_header_bomb_of_hpack_is_not_unpacked() {
    let Some(world) = World::new("") else { return };
    // 46 MB a head, and 1 MB: the library alone would stop at 16.
    for (earlier, fields) in [12_000, 260].into_iter().enumerate() {
        let mut client = world.client();
        // A field of 3.9 KiB is put into the table once, and named by one byte ever after.
        let bomb = [
            client.get("/", &world.cookie),
            indexed_field("x-bomb", &"b".repeat(3900)),
            vec![0xbe; fields],
        ]
        .concat();
        for stream in (1..200).step_by(2) {
            if client.headers(stream, END_STREAM, &bomb).is_err() {
                break;
            }
        }
        let over = client.is_over(Duration::from_secs(10));
        assert!(over, "{fields} fields were unpacked");
        assert_eq!(world.app.count(), earlier, "the app was asked");
        // Asks it once.
        world.assert_unharmed();
    }
}

#[test]
fn streams_over_h2_streams_are_refused_and_the_others_served() {
    let Some(world) = World::new("limits: { h2_streams: 7 }") else {
        return;
    };
    let mut client = world.client();
    let block = client.get("/hold", &world.cookie);
    for stream in (1..101).step_by(2) {
        client.headers(stream, END_STREAM, &block).unwrap();
    }
    let mut refused = 0;
    while refused < 43 {
        let frame = client.until(|frame| frame.kind == RST_STREAM).unwrap();
        // RFC 9113 section 7: REFUSED_STREAM.
        assert_eq!(frame.payload, [0, 0, 0, 7]);
        refused += 1;
    }
    until("the seven to arrive", || world.app.count() == 7);
    world.app.release();
    client.until(|frame| frame.kind == HEADERS).unwrap();
    world.assert_unharmed();
    assert_eq!(world.app.count(), 8, "more than seven at once");
}

#[test]
fn a_window_of_nothing_stalls_nobody_else_and_ends_with_idle_stream() {
    let limits = "limits: { idle_stream: 2s }";
    let Some(world) = World::new(limits) else {
        return;
    };
    // SETTINGS_INITIAL_WINDOW_SIZE of 0: the answer may not be sent.
    let mut client = H2::with_settings(world.gateway.port(), &[(4, 0)]).unwrap();
    let block = client.get("/big?n=50000000", &world.cookie);
    for stream in (1..65).step_by(2) {
        client.headers(stream, END_STREAM, &block).unwrap();
    }
    until("the app to be asked", || world.app.count() == 32);
    world.assert_unharmed();
    let began = Instant::now();
    for _ in 0..32 {
        client
            .until(|frame| frame.kind == RST_STREAM)
            .expect("a stream that nobody reads is kept");
    }
    assert!(began.elapsed() < Duration::from_secs(15));
    world.assert_unharmed();
}

#[test]
fn a_client_that_asks_and_does_not_read_does_not_fill_the_memory() {
    let Some(world) = World::new("limits: { h2_streams: 128 }") else {
        return;
    };
    // Windows of 2 GiB for every stream and the connection, and no byte is read.
    let window = (4, 0x7fff_ffff);
    let more = (0x7fff_ffffu32 - 65_535).to_be_bytes();
    let mut clients = Vec::new();
    for asked in [100, 200, 300] {
        let mut client = H2::with_settings(world.gateway.port(), &[window]).unwrap();
        client.write_patience(Duration::from_secs(5));
        client.frame(WINDOW_UPDATE, 0, 0, &more).unwrap();
        let block = client.get("/big?n=50000000", &world.cookie);
        for stream in (1..201).step_by(2) {
            client.headers(stream, END_STREAM, &block).unwrap();
        }
        until("the app to be asked", || world.app.count() == asked);
        clients.push(client);
    }
    std::thread::sleep(Duration::from_secs(2));
    world.assert_unharmed_for(3 * UNREAD);
}
