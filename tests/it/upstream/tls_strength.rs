//! What the TLS listener agrees to: two versions, six suites, nothing renegotiated or compressed.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::support::curl::certificate;
use crate::support::process::run;
use crate::support::{Builder, Gateway, Upstream, optional};

/// Everything that OpenSSL can do but what we mean.
const WEAK: &str = "ALL:COMPLEMENTOFALL:!ECDHE+AESGCM:!ECDHE+CHACHA20:@SECLEVEL=0";

fn behind_tls() -> Option<(Gateway, Upstream)> {
    if !optional::has("openssl") {
        return None;
    }
    let app = Upstream::start();
    let builder = Builder::new(&app);
    certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        // A client that says nothing is not kept for long.
        .yaml("limits: { keepalive_idle: 2s }")
        .start();
    Some((gateway, app))
}

/// What `openssl s_client` shows of a handshake; `Err` when there was none.
fn handshake(gateway: &Gateway, offer: &[&str]) -> Result<String, String> {
    let output = run(
        Command::new("openssl")
            .args(["s_client", "-connect"])
            .arg(format!("127.0.0.1:{}", gateway.port()))
            .args(["-servername", "localhost"])
            .args(offer),
        "",
    );
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

#[test]
fn the_strong_suites_are_there_and_no_weak_one() {
    let Some((gateway, _app)) = behind_tls() else {
        return;
    };
    for suite in [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ] {
        let shown = handshake(&gateway, &["-tls1_2", "-cipher", suite]);
        assert!(shown.is_ok_and(|said| said.contains(suite)), "{suite}");
    }
    for suite in [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ] {
        let shown = handshake(&gateway, &["-tls1_3", "-ciphersuites", suite]);
        assert!(shown.is_ok_and(|said| said.contains(suite)), "{suite}");
    }
    let listed = run(Command::new("openssl").args(["ciphers", WEAK]), "");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let weak: Vec<&str> = listed
        .trim()
        .split(':')
        .filter(|name| !name.starts_with("TLS_"))
        .collect();
    assert!(weak.len() > 100, "openssl offers little: {weak:?}");
    for (offer, what) in [
        (["-tls1_2", "-cipher", WEAK], "a weak suite"),
        (["-tls1_1", "-cipher", WEAK], "TLS 1.1"),
        (["-tls1", "-cipher", WEAK], "TLS 1.0"),
        (
            ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            "TLS 1.1 with any suite",
        ),
        (
            ["-tls1_2", "-sigalgs", "ECDSA+SHA1:RSA+SHA1"],
            "a SHA-1 signature",
        ),
        (
            ["-tls1_2", "-curves", "secp224r1:secp521r1"],
            "another curve",
        ),
        (
            ["-tls1_3", "-groups", "ffdhe2048:ffdhe3072"],
            "a finite field",
        ),
        (
            ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"],
            "a short tag",
        ),
    ] {
        let shown = handshake(&gateway, &offer);
        assert!(shown.is_err(), "{what} is agreed to: {shown:?}");
    }
}

#[test]
fn nothing_is_compressed_or_sent_early() {
    let Some((gateway, _app)) = behind_tls() else {
        return;
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let said = handshake(&gateway, &[version, "-comp"]).expect(version);
        assert!(said.contains("Compression: NONE"), "{version}: {said}");
        let early = said.lines().find_map(|line| {
            let bytes = line.trim().strip_prefix("Max Early Data: ")?;
            Some(bytes != "0")
        });
        assert_ne!(early, Some(true), "a request could be replayed: {said}");
    }
    let said = handshake(&gateway, &["-tls1_2"]).unwrap();
    assert!(said.contains("Secure Renegotiation IS supported"), "{said}");
}

/// `R` makes `s_client` ask for another handshake over the connection that there is. It shows
/// the depth of each certificate whenever it verifies one.
#[test]
fn a_client_cannot_make_us_renegotiate() {
    let Some((gateway, _app)) = behind_tls() else {
        return;
    };
    let mut client = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect"])
        .arg(format!("127.0.0.1:{}", gateway.port()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    let mut output = client.stderr.take().unwrap();
    input.write_all(b"R\n").unwrap();
    // Its input stays open; the gateway ends the connection.
    let mut said = String::new();
    output.read_to_string(&mut said).unwrap();
    client.wait().unwrap();
    drop(input);
    let after = said.split("RENEGOTIATING").nth(1).expect("it did not ask");
    assert!(!after.contains("depth="), "a second handshake: {said}");
}
