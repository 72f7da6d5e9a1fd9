//! The service manager's watchdog: it hears that we are alive for as long as `/healthz` says
//! so, asked from outside like anybody.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::adapters::service_manager;

/// Where a listener of this address is reached from here.
pub(crate) fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Tells the watchdog every so often, while the operators' listener at this address answers.
pub(crate) async fn watch(every: Duration, admin: SocketAddr) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match timeout(every, is_healthy(admin)).await {
            Ok(Ok(true)) => service_manager::alive(),
            _ => log::error!("/healthz does not answer: the watchdog is not told"),
        }
    }
}

async fn is_healthy(admin: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(admin).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut status).await?;
    Ok(status.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listener that answers every connection with these bytes.
    async fn answering(bytes: &'static [u8]) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4];
                stream.read_exact(&mut head).await.unwrap();
                stream.write_all(bytes).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn nothing_but_a_200_is_healthy() {
        for (answer, healthy) in [
            (b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), true),
            (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            (b"HTTP/1.1", false),
            (b"", false),
        ] {
            let said = is_healthy(answering(answer).await).await;
            assert_eq!(said.unwrap_or(false), healthy, "{answer:?}");
        }
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(is_healthy(nobody).await.is_err());
    }

    #[test]
    fn a_listener_on_every_interface_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:9180", "127.0.0.1:9180"),
            ("[::]:9180", "[::1]:9180"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(from_here(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
