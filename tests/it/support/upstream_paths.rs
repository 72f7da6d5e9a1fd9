//! What the app answers, by path. Everything unknown is an echo of the head.

use std::io;
use std::time::Duration;

use super::upstream::{Recorded, Shared, Wire};

/// Answers one request whose body has been read.
pub fn answer(wire: &mut dyn Wire, shared: &Shared, request: &Recorded) -> io::Result<()> {
    let target = request.target();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let is_head = request.line().starts_with("HEAD ");
    match path {
        "/sse" => events(wire, shared),
        "/quiet-events" => quiet_events(wire),
        "/late-events" => {
            shared.hold();
            quiet_events(wire)
        }
        "/big" => big(wire, query),
        "/hold" => {
            shared.hold();
            whole(wire, is_head, "Content-Type: text/plain\r\n", b"released")
        }
        "/half" => {
            wire.write_all(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            )?;
            wire.flush()?;
            shared.hold();
            wire.write_all(b"6\r\n whole\r\n0\r\n\r\n")
        }
        "/half-length" => {
            wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")?;
            wire.flush()?;
            shared.hold();
            wire.write_all(b" whole")
        }
        "/pieces" => pieces(wire, shared, query),
        "/until-close" => until_close(wire, shared),
        "/hint-and-hold" => {
            wire.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")?;
            wire.flush()?;
            shared.hold();
            whole(wire, is_head, "", b"released")
        }
        "/cache-headers" => whole(
            wire,
            is_head,
            "Cache-Control: max-age=3600\r\nX-Accel-Expires: 3600\r\n",
            b"cache",
        ),
        "/garbage" => wire.write_all(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: app=appsecret\r\nno field\r\n\r\n",
        ),
        "/close" => Err(io::ErrorKind::ConnectionAborted.into()),
        "/early" => {
            wire.write_all(
                b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\
                  Cache-Control: public\r\nSurrogate-Control: max-age=9\r\n\r\n",
            )?;
            whole(wire, is_head, "Content-Type: text/plain\r\n", b"late")
        }
        // Handshakes that the app does not want.
        "/no-upgrade/400" => wire.write_all(
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno",
        ),
        "/no-upgrade/404" => wire
            .write_all(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"),
        "/no-upgrade/200" => whole(wire, is_head, "Content-Type: text/plain\r\n", b"no"),
        "/own-request-id" => whole(
            wire,
            is_head,
            "X-Request-Id: of-the-app\r\nContent-Type: text/plain\r\n",
            b"named",
        ),
        "/set-cookie" => whole(
            wire,
            is_head,
            "Set-Cookie: app=1; Path=/\r\n\
             Set-Cookie: __Host-doorward=evil; Path=/; Secure\r\n\
             Set-Cookie: =__Host-doorward=evil; Path=/; Secure\r\n\
             Set-Cookie: __host-doorward-refresh=evil; Path=/; Secure\r\n\
             Set-Cookie: __Host-doorward-csrf=evil; Path=/; Secure\r\n",
            b"cookies",
        ),
        "/hop" => whole(
            wire,
            is_head,
            "Connection: X-Hop, keep-alive\r\n\
             X-Hop: between us\r\n\
             Keep-Alive: timeout=5\r\n\
             Upgrade: h2c\r\n\
             X-Stays: yes\r\n",
            b"hop",
        ),
        "/cors" => whole(
            wire,
            is_head,
            "Access-Control-Allow-Origin: *\r\n\
             Access-Control-Allow-Credentials: true\r\n\
             Access-Control-Allow-Methods: BREW\r\n\
             Access-Control-Expose-Headers: X-Secret\r\n\
             Vary: Accept-Encoding\r\n",
            b"cors",
        ),
        "/public/cache" => public_cache(wire, is_head),
        _ if path.ends_with("/public-cache") => public_cache(wire, is_head),
        // An app with a login of its own.
        "/own" | "/own/" if !request.cookies().windows(4).any(|part| part == b"own=") => {
            wire.write_all(b"HTTP/1.1 302 Found\r\nLocation: /own/login?next=%2Fown\r\nContent-Length: 0\r\n\r\n")
        }
        "/own/login" if request.line().starts_with("POST ") => wire.write_all(
            b"HTTP/1.1 302 Found\r\nLocation: /own\r\nSet-Cookie: own=1; Path=/\r\nContent-Length: 0\r\n\r\n",
        ),
        "/own/login" => whole(
            wire,
            is_head,
            "Content-Type: text/html; charset=utf-8\r\n",
            b"<!doctype html><title>The app's login</title>\
              <form method=post><input name=password type=password><button>In</button></form>",
        ),
        "/page" => page(wire, is_head, request),
        "/other" => whole(
            wire,
            is_head,
            "Content-Type: text/html; charset=utf-8\r\n",
            b"<!doctype html><title>Other</title><p id=other>other page</p><a id=back href=/page>page</a>",
        ),
        // A page with a service worker that asks the network first.
        "/with-worker" => whole(
            wire,
            is_head,
            "Content-Type: text/html; charset=utf-8\r\n",
            b"<!doctype html><title>Installing</title><script>\
              navigator.serviceWorker.register('/worker.js')\
                .then(() => navigator.serviceWorker.ready)\
                .then(() => { document.title = 'Installed' })</script>",
        ),
        "/worker.js" => whole(
            wire,
            is_head,
            "Content-Type: text/javascript\r\nCache-Control: max-age=600\r\n",
            b"self.addEventListener('install', () => self.skipWaiting());\
              self.addEventListener('activate', e => e.waitUntil(clients.claim()));\
              self.addEventListener('fetch', e => e.respondWith(fetch(e.request)));",
        ),
        "/around" => whole(
            wire,
            is_head,
            "Content-Type: text/html; charset=utf-8\r\n",
            b"<!doctype html><title>Around</title><iframe id=frame src=/page></iframe>",
        ),
        "/link" => {
            let to = query.strip_prefix("to=").unwrap_or_default();
            let page = format!(
                "<!doctype html><title>Elsewhere</title><a id=link href=\"{to}\">to the app</a>"
            );
            let html = "Content-Type: text/html; charset=utf-8\r\n";
            whole(wire, is_head, html, page.as_bytes())
        }
        _ => {
            let count = shared.count();
            let fields =
                format!("Content-Type: text/plain\r\nX-Upstream-Request-Count: {count}\r\n");
            whole(wire, is_head, &fields, &request.head)
        }
    }
}

fn public_cache(wire: &mut dyn Wire, is_head: bool) -> io::Result<()> {
    whole(
        wire,
        is_head,
        "Cache-Control: public, s-maxage=600, max-age=60\r\n\
         Surrogate-Control: max-age=600\r\n\
         CDN-Cache-Control: max-age=600\r\n\
         Cloudflare-CDN-Cache-Control: max-age=600\r\n\
         Vercel-CDN-Cache-Control: max-age=600\r\n\
         Edge-Control: cache-maxage=600\r\n\
         Fastly-Surrogate-Control: max-age=600\r\n\
         X-Varnish-Ttl: 600\r\n",
        b"cache",
    )
}

fn whole(wire: &mut dyn Wire, is_head: bool, fields: &str, body: &[u8]) -> io::Result<()> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if !is_head {
        bytes.extend(body);
    }
    wire.write_all(&bytes)?;
    wire.flush()
}

/// One event every tenth of a second until nobody listens.
fn events(wire: &mut dyn Wire, shared: &Shared) -> io::Result<()> {
    wire.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
          Transfer-Encoding: chunked\r\n\r\n",
    )?;
    for number in 0_u32.. {
        if shared.is_stopped() {
            break;
        }
        let event = format!("data: {number}\n\n");
        write!(wire, "{:x}\r\n{event}\r\n", event.len())?;
        wire.flush()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// A piece every tenth of a second of whatever media type, until nobody listens.
fn pieces(wire: &mut dyn Wire, shared: &Shared, media_type: &str) -> io::Result<()> {
    write!(
        wire,
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )?;
    while !shared.is_stopped() {
        wire.write_all(b"7\r\n--a\r\n\r\n\r\n")?;
        wire.flush()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The same without chunks: a body that is as long as its connection.
fn until_close(wire: &mut dyn Wire, shared: &Shared) -> io::Result<()> {
    wire.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
    while !shared.is_stopped() {
        wire.write_all(b"more")?;
        wire.flush()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// One event, and then nothing until nobody listens.
fn quiet_events(wire: &mut dyn Wire) -> io::Result<()> {
    wire.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
          Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 0\n\n\r\n",
    )?;
    wire.flush()?;
    listen(wire)
}

/// Reads until the other side has gone.
pub fn listen(wire: &mut dyn Wire) -> io::Result<()> {
    let mut nothing = [0; 1024];
    while wire.read(&mut nothing)? > 0 {}
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// `n` bytes of `x`.
fn big(wire: &mut dyn Wire, query: &str) -> io::Result<()> {
    let mut left: usize = query
        .strip_prefix("n=")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    write!(wire, "HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n")?;
    let chunk = [b'x'; 65_536];
    while left > 0 {
        let count = left.min(chunk.len());
        wire.write_all(&chunk[..count])?;
        left -= count;
    }
    wire.flush()
}

/// A page that greets the user by the name in the identity header.
fn page(wire: &mut dyn Wire, is_head: bool, request: &Recorded) -> io::Result<()> {
    let name = request.all("x-user-name").join(" and ");
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\"><title>The app</title>\
         <h1 id=name>{name}</h1><a id=other href=/other>other</a>\
         <form method=post action=/logout><button id=logout>Sign out</button></form></html>"
    );
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    whole(wire, is_head, html, page.as_bytes())
}
