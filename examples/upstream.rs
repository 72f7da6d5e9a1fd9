//! A small app without a login: what stands behind Doorward, in the standard library alone.
//!
//! ```text
//! cargo run --example upstream              # listens on 127.0.0.1:3000
//! cargo run --example upstream 0.0.0.0:3000
//! ```
//!
//! It believes `X-User-Id`, `X-User-Name` and `X-User-Roles`, which is right for one
//! reason only: nobody can reach it but through the gateway, and the gateway removes
//! what a client sends under these names. Keep your own app as unreachable.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:3000".into());
    let listener = TcpListener::bind(&address)?;
    writeln!(
        io::stdout(),
        "upstream on http://{}",
        listener.local_addr()?
    )?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = answer(stream) {
                let _ = writeln!(io::stderr(), "a connection failed: {error}");
            }
        });
    }
    Ok(())
}

/// Reads one request, answers it and closes.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?).take(64 * 1024);
    let mut request_line = String::new();
    reader.read_line(&mut request_line)?;

    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), decode(value.trim()));
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok());
    let mut unread = reader.into_inner().take(length.unwrap_or(0));
    io::copy(&mut unread, &mut io::sink())?;

    let page = match headers.get("x-user-name") {
        Some(name) => {
            let id = headers.get("x-user-id").map_or("", String::as_str);
            let roles = headers.get("x-user-roles").map_or("none", String::as_str);
            format!(
                "<h1>Hello, {}!</h1>\n<p>Your id is {}, your roles are: {}.</p>\n\
                 <form method=\"post\" action=\"/logout\"><button>Sign out</button></form>\n",
                escape(name),
                escape(id),
                escape(roles),
            )
        }
        None => "<h1>Hello, stranger!</h1>\n<p><a href=\"/login\">Sign in</a></p>\n".into(),
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<title>Upstream</title>\n{page}<p><small>{}</small></p>\n",
        escape(request_line.trim_end())
    );
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    )
}

/// Doorward sends what is not printable ASCII percent-encoded as UTF-8, and `%` as `%25`.
fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let mut digit = || char::from(ahead.next()?).to_digit(16);
        let escaped = (byte == b'%')
            .then(|| Some(digit()? * 16 + digit()?))
            .flatten()
            .and_then(|value| u8::try_from(value).ok());
        if escaped.is_some() {
            rest.nth(1);
        }
        bytes.push(escaped.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
