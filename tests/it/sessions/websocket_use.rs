//! What a person sends over a WebSocket is use of the session; what only goes on is not.

use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;

use crate::support::watch::{Kind, Watch};
use crate::support::{Gateway, Jar, websocket, world_with};

const SHORT: &str = "session: { access_ttl: 2s, idle_timeout: 4s, absolute_timeout: 12s }";

/// How long a WebSocket stays open on which this is sent every third of a second.
fn lasts(gateway: &Gateway, cookie: &str, sent: &Message, most: Duration) -> Duration {
    let request = websocket::request(gateway.port(), "/ws");
    let request = request.own_origin().cookie(cookie);
    let begun = Instant::now();
    let mut socket = websocket::open(&request, gateway.port()).unwrap();
    let third = Some(Duration::from_millis(333));
    socket.get_ref().set_read_timeout(third).unwrap();
    while begun.elapsed() < most {
        let _after_the_end = socket.send(sent.clone());
        match socket.read() {
            Ok(Message::Close(_)) => break,
            Ok(_) => std::thread::sleep(Duration::from_millis(333)),
            Err(tokio_tungstenite::tungstenite::Error::Io(e))
                if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    begun.elapsed()
}

#[test]
fn a_terminal_in_use_goes_on_beyond_the_idle_end_and_not_beyond_the_absolute() {
    let (gateway, _app) = world_with(SHORT);
    let text = Message::text("ls\n");
    let open = lasts(&gateway, &gateway.alice(), &text, Duration::from_secs(30));
    assert!(
        open > Duration::from_secs(9),
        "cut after {open:?} while it was used"
    );
    assert!(
        open < Duration::from_secs(15),
        "the absolute end passed it by: {open:?}"
    );
}

#[test]
fn what_browsers_send_by_themselves_is_no_use() {
    let (gateway, _app) = world_with(SHORT);
    for sent in [Message::Ping("p".into()), Message::Pong("p".into())] {
        let open = lasts(&gateway, &gateway.alice(), &sent, Duration::from_secs(12));
        assert!(
            open < Duration::from_secs(8),
            "{sent:?} kept it for {open:?}"
        );
    }
    // What the app sends neither.
    let watch = Watch::open(&gateway, &gateway.alice(), Kind::BusyEvents);
    let begun = Instant::now();
    let (ended, _) = watch.end();
    assert!(ended.duration_since(begun) < Duration::from_secs(8));
}

#[test]
fn the_session_is_used_by_it_and_can_be_renewed() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s, idle_timeout: 4s }");
    let mut jar = Jar::alice(&gateway);
    let text = Message::text("x");
    let open = lasts(&gateway, &jar.cookies(), &text, Duration::from_secs(7));
    assert!(open >= Duration::from_secs(7), "cut after {open:?}");
    // A browser has forgotten the cookie by then; a program has not.
    jar.refresh(&gateway);
    assert_eq!(jar.get(&gateway, "/").status, 200);
}
