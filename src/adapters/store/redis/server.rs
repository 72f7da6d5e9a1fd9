//! A real Redis for one test, on a socket of its own; gone with its guard.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Client, FromRedisValue, cmd};

use super::Redis;
use super::RedisAddress;
use crate::adapters::store::scratch::Scratch;
use crate::auth::ports::Store;
use crate::domain::secret::Secret;

pub(crate) struct Server {
    child: Child,
    dir: Scratch,
}

impl Server {
    /// Starts one and waits for it. `None`, loudly, if this machine has none.
    pub(crate) async fn start() -> Option<Self> {
        let dir = Scratch::new();
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(dir.path().join("redis.sock"))
            .arg("--dir")
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            #[allow(clippy::disallowed_methods, reason = "the tests' own switch")]
            let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!ci, "CI must run every test, but there is no redis-server");
            #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
            {
                eprintln!("\n*** SKIPPED: redis-server is not installed ***\n");
            }
            return None;
        };
        let server = Self { child, dir };
        for _ in 0..500 {
            if server.store("").ready().await.is_ok() {
                return Some(server);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("redis-server does not answer");
    }

    pub(crate) fn url(&self) -> String {
        let socket = self.dir.path().join("redis.sock");
        format!("redis+unix://{}", socket.display())
    }

    /// A store on it; it may take a moment until it is connected.
    pub(crate) fn store(&self, prefix: &str) -> Redis {
        let store = Redis::new(&RedisAddress {
            url: Secret::new(self.url()),
            prefix: prefix.into(),
        });
        let store = store.unwrap();
        store.link.wait();
        store
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> T {
        let client = Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        command.query_async(&mut connection).await.unwrap()
    }

    pub(crate) async fn keys(&self, pattern: &str) -> Vec<String> {
        self.ask(cmd("KEYS").arg(pattern)).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
