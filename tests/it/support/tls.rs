//! A TLS client that sends exact bytes, and asks for the protocol that it is told.
//!
//! It trusts whatever it is shown: `tests/it/upstream/tls.rs` looks at certificates.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::{Gateway, Request, Response};

/// The longest wait for a byte.
const READ: Duration = Duration::from_secs(10);

/// One connection.
#[derive(Debug)]
pub struct Tls {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Tls {
    /// Connects to a port on the loopback, for HTTP/1.1.
    pub fn http1(port: u16) -> io::Result<Self> {
        Self::over(TcpStream::connect(("127.0.0.1", port))?, &[])
    }

    /// The same for HTTP/2. Nothing is sent yet.
    pub fn http2(port: u16) -> io::Result<Self> {
        Self::over(TcpStream::connect(("127.0.0.1", port))?, &[b"h2"])
    }

    /// Shakes hands.
    pub fn over(mut tcp: TcpStream, protocols: &[&[u8]]) -> io::Result<Self> {
        tcp.set_read_timeout(Some(READ))?;
        tcp.set_write_timeout(Some(READ))?;
        tcp.set_nodelay(true)?;
        let mut connection = client(protocols);
        connection.complete_io(&mut tcp)?;
        let protocol = connection.alpn_protocol();
        assert_eq!(protocol, protocols.first().copied(), "another protocol");
        let stream = StreamOwned::new(connection, tcp);
        Ok(Self { stream })
    }

    /// Waits so long for each byte.
    pub fn patience(&self, patience: Duration) {
        self.stream.sock.set_read_timeout(Some(patience)).unwrap();
    }

    /// Gives up a write that the other side does not take for so long.
    pub fn write_patience(&self, patience: Duration) {
        self.stream.sock.set_write_timeout(Some(patience)).unwrap();
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Reads so many bytes.
    pub fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads what comes next; nothing at the end.
    pub fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 16_384];
        let count = self.stream.read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Reads until the other side closes, however it does that.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(e),
            _ => Ok(rest),
        }
    }

    /// Asks over HTTP/1.1 and reads the one answer.
    pub fn ask(&mut self, request: &Request) -> io::Result<Response> {
        let request = request.clone().header("Connection", "close");
        self.send(&request.bytes())?;
        let answer = self.rest()?;
        if answer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Response::whole(&answer))
    }
}

/// Alice's cookie, from a gateway that speaks TLS.
#[track_caller]
pub fn alice(gateway: &Gateway) -> String {
    login(gateway, "alice", super::users::ALICE_PASSWORD)
}

/// Somebody's cookie, from a gateway that speaks TLS.
#[track_caller]
pub fn login(gateway: &Gateway, username: &str, password: &str) -> String {
    let origin = format!("https://127.0.0.1:{}", gateway.port());
    let form = format!("username={username}&password={password}");
    let login = gateway.request("POST", "/login").header("Origin", origin);
    let mut tls = Tls::http1(gateway.port()).unwrap();
    let answer = tls.ask(&login.form(&form)).unwrap();
    let cookie = answer
        .cookie("__Host-doorward")
        .unwrap_or_else(|| panic!("{username} cannot log in: {answer}"));
    format!("__Host-doorward={}", cookie.value)
}

/// What a client says first.
pub fn client_hello() -> Vec<u8> {
    let mut hello = Vec::new();
    client(&[]).write_tls(&mut hello).unwrap();
    hello
}

fn client(protocols: &[&[u8]]) -> ClientConnection {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap()
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
