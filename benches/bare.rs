//! Pingora and nothing else: what Doorward is measured against. It forwards every request
//! and looks at none of them, with the runtime, the allocator and the flags of the gateway.
//!
//! `cargo build --release --bench bare`, then `bare LISTEN UPSTREAM THREADS`, for instance
//! `bare 127.0.0.1:8080 127.0.0.1:9000 1`. `make bench` builds and runs it.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program to measure with: it stops where something fails"
)]

use async_trait::async_trait;
use pingora::Result;
use pingora::modules::http::HttpModules;
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Bare {
    app: HttpPeer,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.app.clone()))
    }
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut next = |what: &str| args.next().unwrap_or_else(|| panic!("no {what} was given"));
    let (listen, upstream, threads) = (next("address"), next("upstream"), next("thread count"));
    let upstream: std::net::SocketAddr = upstream.parse().unwrap();
    let conf = ServerConf {
        threads: threads.parse().unwrap(),
        work_stealing: false,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    let app = HttpPeer::new(upstream, false, String::new());
    let mut proxy = http_proxy_service(&server.configuration, Bare { app });
    proxy.add_tcp(&listen);
    server.add_service(proxy);
    server.run_forever();
}
