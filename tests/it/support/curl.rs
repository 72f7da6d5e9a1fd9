//! curl, for what needs a real TLS or HTTP/2 client; and certificates from openssl.

use std::path::PathBuf;
use std::process::Command;

use super::process::run;
use super::{Response, TempDir};

/// Runs curl quietly and gives the last answer; the exit code when there was none.
#[track_caller]
pub fn curl(arguments: &[&str]) -> Result<Response, i32> {
    let output = run(
        Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "15"])
            .args(["--proxy", ""])
            .args(arguments),
        "",
    );
    if !output.status.success() {
        return Err(output.status.code().unwrap_or(-1));
    }
    let mut rest = &output.stdout[..];
    loop {
        let end = rest
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("curl shows a head")
            + 4;
        let mut response = Response::from_head(&rest[..end]);
        rest = &rest[end..];
        if !(100..200).contains(&response.status) {
            response.body = rest.to_vec();
            return Ok(response);
        }
    }
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// PEM, its own CA.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Makes a self-signed certificate for `localhost` and `127.0.0.1`.
#[track_caller]
pub fn certificate(dir: &TempDir, name: &str) -> Certificate {
    let cert = dir.join(&format!("{name}.crt"));
    let key = dir.join(&format!("{name}.key"));
    let output = run(
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-subj", &format!("/CN={name}")])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            // OpenSSL's default says CA:TRUE, which rustls refuses of a server.
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&cert),
        "",
    );
    assert!(
        output.status.success(),
        "openssl makes no certificate: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Certificate { cert, key }
}
