//! A network that can be cut: connections to one port, passed on to another.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

const OPEN: u8 = 0;
const CUT: u8 = 1;
const SILENT: u8 = 2;
const GONE: u8 = 3;

/// How often a waiting thread looks at the state.
const TICK: Duration = Duration::from_millis(20);

/// A relay on the loopback; it ends with its guard.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub port: u16,
    state: Arc<AtomicU8>,
}

impl Relay {
    /// Passes connections on to this port.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(AtomicU8::new(OPEN));
        let relay = Self {
            port,
            state: Arc::clone(&state),
        };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                // In a silent network a connection is not even refused.
                while state.load(Ordering::Relaxed) == SILENT {
                    std::thread::sleep(TICK);
                }
                match (client, state.load(Ordering::Relaxed)) {
                    (_, GONE) => return,
                    (Ok(client), OPEN) => connect(&client, target, &state),
                    _ => {}
                }
            }
        });
        relay
    }

    /// Ends every connection and every attempt at one.
    pub fn cut(&self) {
        self.state.store(CUT, Ordering::Relaxed);
    }

    /// Lets nothing through and tells nobody.
    pub fn silence(&self) {
        self.state.store(SILENT, Ordering::Relaxed);
    }

    /// Passes on again.
    pub fn heal(&self) {
        self.state.store(OPEN, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.store(GONE, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn connect(client: &TcpStream, target: u16, state: &Arc<AtomicU8>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
        return;
    };
    for (from, to) in [(client, &server), (&server, client)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let state = Arc::clone(state);
        std::thread::spawn(move || pass_on(from, to, &state));
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    from.set_read_timeout(Some(TICK)).unwrap();
    let mut chunk = [0; 16_384];
    loop {
        let read = from.read(&mut chunk);
        // What was on its way when the network fell silent arrives when it speaks again.
        while state.load(Ordering::Relaxed) == SILENT {
            std::thread::sleep(TICK);
        }
        let passed = match read {
            _ if state.load(Ordering::Relaxed) != OPEN => false,
            Ok(0) => false,
            Ok(count) => to.write_all(&chunk[..count]).is_ok(),
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        if !passed {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}
