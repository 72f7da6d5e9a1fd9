//! Pingora and nothing else: what Doorward is measured against. It forwards every request
//! and looks at none of them, with the runtime, the allocator and the flags of the gateway.
//!
//! `cargo build --release --bench bare`, then `bare LISTEN UPSTREAM THREADS`, for instance
//! `bare 127.0.0.1:8080 127.0.0.1:9000 1`. `make bench` builds and runs it.
//!
//! With `dressed` behind the rest it edits the headers that Doorward has to edit, with fixed
//! values and through the same calls, and checks nothing: what then is left of the
//! difference is Doorward's own.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program to measure with: it stops where something fails"
)]

use async_trait::async_trait;
use http::{HeaderValue, header};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Bare {
    app: HttpPeer,
    dressed: bool,
}

/// What the app is told of a request.
const TOLD: [(&str, &str); 5] = [
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "127.0.0.1:8080"),
    ("X-User-Id", "1001"),
    ("X-User-Name", "Alice Example"),
];

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.app.clone()))
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        upstream: &mut RequestHeader,
        _ctx: &mut (),
    ) -> Result<()> {
        if self.dressed {
            upstream.remove_header(&header::COOKIE);
            for (name, value) in TOLD {
                upstream.insert_header(name, HeaderValue::from_static(value))?;
            }
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        answer: &mut ResponseHeader,
        _ctx: &mut (),
    ) -> Result<()> {
        if self.dressed {
            answer.append_header("Vary", HeaderValue::from_static("Origin"))?;
            answer.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("private"))?;
        }
        Ok(())
    }
}

fn main() {
    doorward::adapters::huge_pages::refuse();
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut next = |what: &str| args.next().unwrap_or_else(|| panic!("no {what} was given"));
    let (listen, upstream, threads) = (next("address"), next("upstream"), next("thread count"));
    let dressed = args.next().is_some_and(|arg| arg == "dressed");
    let upstream: std::net::SocketAddr = upstream.parse().unwrap();
    let conf = ServerConf {
        threads: threads.parse().unwrap(),
        work_stealing: false,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    let app = HttpPeer::new(upstream, false, String::new());
    let mut proxy = http_proxy_service(&server.configuration, Bare { app, dressed });
    proxy.add_tcp(&listen);
    server.add_service(proxy);
    server.run_forever();
}
