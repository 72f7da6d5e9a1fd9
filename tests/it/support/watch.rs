//! A client that stays, and says when and how its connection ended.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::wait::PATIENCE;
use super::{Gateway, websocket};

/// What stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A WebSocket on which nothing happens.
    IdleSocket,
    /// One on which messages go to and fro.
    BusySocket,
    /// An event stream that is silent after its first event.
    IdleEvents,
    /// One with an event every tenth of a second.
    BusyEvents,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::IdleSocket,
        Self::BusySocket,
        Self::IdleEvents,
        Self::BusyEvents,
    ];

    /// Whether a close frame is to be expected.
    pub fn is_socket(self) -> bool {
        matches!(self, Self::IdleSocket | Self::BusySocket)
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a close frame of this code.
    Code(u16),
    /// Without a word.
    Bare,
    /// As if the app had said everything.
    Whole,
}

/// A connection under watch.
pub struct Watch {
    kind: Kind,
    end: Receiver<(Instant, End)>,
}

impl Watch {
    /// Opens it, and gives it back when the app's first word has come.
    #[track_caller]
    pub fn open(gateway: &Gateway, cookie: &str, kind: Kind) -> Self {
        let (tell, end) = channel();
        if kind.is_socket() {
            let request = websocket::request(gateway.port(), "/ws")
                .own_origin()
                .cookie(cookie);
            let mut socket = websocket::open(&request, gateway.port())
                .unwrap_or_else(|refused| panic!("no WebSocket: {refused}"));
            let patience = Some(2 * PATIENCE);
            socket.get_ref().set_read_timeout(patience).unwrap();
            socket.send("hello".into()).unwrap();
            assert_eq!(websocket::text(&mut socket), "hello");
            std::thread::spawn(move || {
                let mut end = End::Bare;
                loop {
                    if kind == Kind::BusySocket {
                        std::thread::sleep(Duration::from_millis(5));
                        let _after_the_end = socket.send("more".into());
                    }
                    match socket.read() {
                        Ok(Message::Close(Some(frame))) => end = End::Code(code(frame.code)),
                        Ok(_) => {}
                        Err(_) => break,
                    }
                }
                let _ = tell.send((Instant::now(), end));
            });
        } else {
            let path = match kind {
                Kind::BusyEvents => "/sse",
                _ => "/quiet-events",
            };
            let mut connection = gateway.connect();
            connection.patience(2 * PATIENCE);
            let request = gateway.request("GET", path).cookie(cookie);
            connection.send(request.bytes()).unwrap();
            let head = connection.head().unwrap();
            assert_eq!(head.status, 200, "no events: {head}");
            connection.chunk().unwrap().expect("a first event");
            std::thread::spawn(move || {
                let end = loop {
                    match connection.chunk() {
                        Ok(Some(_)) => {}
                        Ok(None) => break End::Whole,
                        Err(_) => break End::Bare,
                    }
                };
                let _ = tell.send((Instant::now(), end));
            });
        }
        Self { kind, end }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is still open.
    pub fn is_open(&self) -> bool {
        self.end.try_recv() == Err(TryRecvError::Empty)
    }

    /// Whether it stays open for so long.
    pub fn stays_open(&self, span: Duration) -> bool {
        self.end.recv_timeout(span) == Err(RecvTimeoutError::Timeout)
    }

    /// When and how it ended.
    #[track_caller]
    pub fn end(self) -> (Instant, End) {
        let end = self.end.recv_timeout(PATIENCE);
        end.unwrap_or_else(|_| panic!("{:?} is still open", self.kind))
    }
}

fn code(code: CloseCode) -> u16 {
    code.into()
}
