//! Both ends of a WebSocket: the app's echo and a test's client.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::response::Response;
use super::upstream::Wire;
use super::upstream_paths::listen;
use super::{Conn, Request};

/// What opens a WebSocket.
pub fn request(port: u16, target: &str) -> Request {
    Request::new(port, "GET", target)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// Opens a WebSocket, or says how that was refused.
pub fn open(request: &Request, port: u16) -> Result<WebSocket<TcpStream>, Response> {
    let mut connection = Conn::open(port).unwrap();
    let response = request.send_on(&mut connection);
    if response.status != 101 {
        return Err(response);
    }
    let stream = connection.into_stream();
    Ok(WebSocket::from_raw_socket(stream, Role::Client, None))
}

/// Reads text messages until one comes that is not a control frame.
#[track_caller]
pub fn text(socket: &mut WebSocket<TcpStream>) -> String {
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => return text.to_string(),
            Ok(_) => {}
            Err(error) => panic!("the WebSocket broke: {error}"),
        }
    }
}

struct Both<'a>(&'a mut dyn Wire);

impl Read for Both<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Both<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A frame of 60 000 bytes.
pub static FLOOD: [u8; 60_004] = {
    let mut frame = [b'x'; 60_004];
    [frame[0], frame[1], frame[2], frame[3]] = [0x82, 126, 0xea, 0x60];
    frame
};

/// The app's side: accepts the upgrade and sends everything back; by path half a frame,
/// or frames without an end.
pub fn echo(wire: &mut dyn Wire, head: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(head);
    let key = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .map(|(_, value)| value.trim())
        .unwrap_or_default();
    write!(
        wire,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )?;
    wire.flush()?;
    match text.split(' ').nth(1) {
        Some("/ws-half") => {
            wire.write_all(b"\x82\x05ab")?;
            wire.flush()?;
            return listen(wire);
        }
        Some("/ws-flood") => loop {
            wire.write_all(&FLOOD)?;
        },
        _ => {}
    }
    let mut socket = WebSocket::from_raw_socket(Both(wire), Role::Server, None);
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                socket.send(message).map_err(io::Error::other)?;
            }
            Ok(_) => {}
            Err(Error::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
