//! A look at a TLS server from outside, whoever it is. For looking only: nothing secret may be
//! sent over it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Opens a TLS connection to whoever it is.
///
/// # Errors
/// In words, what the handshake failed of.
pub(crate) fn open(stream: TcpStream, host: &str) -> Result<impl Read + Write, String> {
    let name = server_name(host).ok_or("not a name that TLS knows")?;
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream
            .conn
            .complete_io(&mut stream.sock)
            .map_err(|e| e.to_string())?;
    }
    Ok(stream)
}

/// When a certificate in DER ends, in seconds since the epoch; `None` if it is none.
pub(crate) fn ends(der: &[u8]) -> Option<i64> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(parsed.validity().not_after.timestamp())
}

/// Whether each certificate of a chain in DER, the server's own first, was issued by the next
/// one, as a client of TLS 1.2 expects it (RFC 5246 §7.4.2). Names are compared as bytes, as
/// clients do; where the chain ends is not asked. Signatures are left to clients.
///
/// # Errors
/// The first that was not, in words.
pub(crate) fn in_order<'a>(chain: impl IntoIterator<Item = &'a [u8]>) -> Result<(), String> {
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

fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).ok()
}

/// Lets every certificate pass, since nothing secret is sent; the server must still have its
/// key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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
