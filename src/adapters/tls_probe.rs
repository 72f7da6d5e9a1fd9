//! A look at a TLS server from outside: what it shows, whoever it is, and what this
//! machine would say of that. For looking only: nothing secret may be sent over it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, StreamOwned,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::domain::time::Timestamp;

/// A chain of certificates as a server shows it or a file holds it, and what is said of it.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The first day of the first certificate, in seconds since the epoch.
    pub begins: i64,
    /// The last.
    pub ends: i64,
    /// Whether it is good for the host; `None`: nobody asked.
    pub fits_host: Option<bool>,
    /// What this machine would say of who issued it.
    pub trust: Trust,
}

/// Whether a chain leads to somebody whom this machine trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It does.
    Trusted,
    /// The certificate is its own issuer.
    SelfSigned,
    /// It ends before: an intermediate certificate is missing, or the authority is private.
    UnknownIssuer,
    /// It cannot be told: out of date, not of a kind that is verified.
    Unclear,
}

/// Opens a TLS connection to whoever it is.
///
/// # Errors
/// In words, what the handshake failed of.
pub fn open(
    stream: TcpStream,
    host: &str,
    now: Timestamp,
) -> Result<(impl Read + Write, Option<Chain>), String> {
    let name = server_name(host).ok_or("not a name that TLS knows")?;
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Onlooker(provider)))
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream
            .conn
            .complete_io(&mut stream.sock)
            .map_err(|e| e.to_string())?;
    }
    let shown = stream.conn.peer_certificates().unwrap_or_default();
    let shown: Vec<Vec<u8>> = shown.iter().map(|der| der.to_vec()).collect();
    let chain = judge(&shown, Some(host), now);
    Ok((stream, chain))
}

/// What is said of a chain of certificates in DER, the server's own first; `None` if that
/// is none.
pub fn judge(chain: &[Vec<u8>], host: Option<&str>, now: Timestamp) -> Option<Chain> {
    let (first, rest) = chain.split_first()?;
    let (_, parsed) = X509Certificate::from_der(first).ok()?;
    let der = CertificateDer::from(first.as_slice());
    let known = ParsedCertificate::try_from(&der);
    let fits_host = host.map(|host| match (&known, server_name(host)) {
        (Ok(known), Some(name)) => verify_server_name(known, &name).is_ok(),
        _ => false,
    });
    let trust = match &known {
        _ if parsed.issuer() == parsed.subject() => Trust::SelfSigned,
        Ok(known) => trust(known, rest, now),
        Err(_) => Trust::Unclear,
    };
    Some(Chain {
        begins: parsed.validity().not_before.timestamp(),
        ends: parsed.validity().not_after.timestamp(),
        fits_host,
        trust,
    })
}

/// Whether each certificate of a chain in DER, the server's own first, was issued by the next
/// one, as a client of TLS 1.2 expects it (RFC 5246 §7.4.2). Names are compared as bytes, as
/// clients do; where the chain ends is not asked. Signatures are left to clients.
///
/// # Errors
/// The first that was not, in words.
pub fn in_order<'a>(chain: impl IntoIterator<Item = &'a [u8]>) -> Result<(), String> {
    let mut before: Option<(&[u8], X509Certificate<'_>)> = None;
    for (number, der) in chain.into_iter().enumerate() {
        let (_, next) = X509Certificate::from_der(der).map_err(|e| e.to_string())?;
        if let Some((known, last)) = before {
            let place = format!("certificate {} ({})", number + 1, next.subject());
            if known == der {
                return Err(format!("{place} is there twice"));
            }
            if last.issuer().as_raw() != next.subject().as_raw() {
                return Err(format!(
                    "{place} did not issue the one before it ({}, issued by {}): put the server's own first and each issuer behind what it issued",
                    last.subject(),
                    last.issuer()
                ));
            }
        }
        before = Some((der, next));
    }
    Ok(())
}

fn trust(first: &ParsedCertificate<'_>, rest: &[Vec<u8>], now: Timestamp) -> Trust {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let rest: Vec<CertificateDer<'_>> = rest
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.secs()));
    let algorithms = ring::default_provider().signature_verification_algorithms;
    match verify_server_cert_signed_by_trust_anchor(first, &roots, &rest, now, algorithms.all) {
        Ok(()) => Trust::Trusted,
        // A bad signature: an authority of that name is known, and has another key.
        Err(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => Trust::UnknownIssuer,
        Err(_) => Trust::Unclear,
    }
}

fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).ok()
}

/// Lets every certificate pass, since it is to be looked at; the server must still have
/// its key.
#[derive(Debug)]
struct Onlooker(Arc<CryptoProvider>);

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        _first: &CertificateDer<'_>,
        _rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
