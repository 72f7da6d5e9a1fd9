//! The TLS listener: versions, certificates that change, the plain address beside it.

use std::process::Command;

use crate::support::curl::{Certificate, certificate, curl};
use crate::support::process::run;
use crate::support::temp::free_port;
use crate::support::{Builder, Gateway, Request, Upstream, optional, until};

fn behind_tls(extra: &str, yaml: &str) -> Option<(Gateway, Upstream, Certificate)> {
    if !optional::has("curl") || !optional::has("openssl") {
        return None;
    }
    let app = Upstream::start();
    let builder = Builder::new(&app);
    let ours = certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml(&format!(
            "tls: {{ cert: gateway.crt, key: gateway.key{extra} }}"
        ))
        .yaml(yaml)
        .start();
    Some((gateway, app, ours))
}

fn url(gateway: &Gateway, path: &str) -> String {
    format!("https://localhost:{}{path}", gateway.port())
}

#[test]
fn both_versions_are_spoken_and_no_older_one() {
    let Some((gateway, _app, ours)) = behind_tls("", "") else {
        return;
    };
    let ca = ours.cert.display().to_string();
    for version in ["1.2", "1.3"] {
        let (least, most) = (format!("--tlsv{version}"), version.to_owned());
        let response = curl(&[
            "--cacert",
            &ca,
            &least,
            "--tls-max",
            &most,
            &url(&gateway, "/"),
        ])
        .expect(version);
        assert_eq!(response.status, 401, "{response}");
    }
    let old = curl(&[
        "--cacert",
        &ca,
        "--tlsv1.0",
        "--tls-max",
        "1.1",
        "--ciphers",
        "DEFAULT@SECLEVEL=0",
        &url(&gateway, "/"),
    ]);
    assert!(old.is_err(), "TLS 1.1 is spoken");
    let plain = Request::new(gateway.port(), "GET", "/").try_send();
    assert!(
        plain.is_err() || plain.is_ok_and(|answer| answer.status >= 400),
        "the TLS port speaks plain HTTP"
    );
}

#[test]
fn a_login_over_tls_opens_the_app() {
    let Some((gateway, app, ours)) = behind_tls("", "") else {
        return;
    };
    let ca = ours.cert.display().to_string();
    let origin = format!("Origin: https://localhost:{}", gateway.port());
    let login = curl(&[
        "--cacert",
        &ca,
        "-H",
        &origin,
        "-d",
        "username=alice&password=wonderland",
        &url(&gateway, "/login"),
    ])
    .unwrap();
    assert_eq!(login.status, 303, "{login}");
    let cookie = format!(
        "Cookie: __Host-doorward={}",
        login.cookie("__Host-doorward").unwrap().value
    );
    let page = curl(&["--cacert", &ca, "-H", &cookie, &url(&gateway, "/x")]).unwrap();
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(
        app.last().all("x-forwarded-proto"),
        ["https"],
        "{}",
        app.last().text()
    );
    assert_eq!(
        page.header("strict-transport-security")
            .as_deref()
            .map(|value| value.starts_with("max-age=15552000")),
        Some(true),
        "{page}"
    );
}

#[test]
fn hsts_is_on_every_answer_over_tls_and_on_none_without() {
    let rules = "rules: [{ path: /public/**, access: public }]";
    let Some((gateway, app, ours)) = behind_tls(", hsts: 1d", rules) else {
        return;
    };
    let ca = ours.cert.display().to_string();
    for path in ["/", "/login", "/a//b", "/public/of-the-app"] {
        let response = curl(&["--cacert", &ca, &url(&gateway, path)]).unwrap();
        let hsts = response
            .header("strict-transport-security")
            .unwrap_or_default();
        assert!(
            hsts.starts_with("max-age=86400"),
            "{path} may be stripped of TLS: {response}"
        );
    }
    assert_eq!(app.count(), 1, "no answer of the app was among them");
    let Some((gateway, _app, ours)) = behind_tls(", hsts: 0s", "") else {
        return;
    };
    let response = curl(&[
        "--cacert",
        &ours.cert.display().to_string(),
        &url(&gateway, "/"),
    ])
    .unwrap();
    assert_eq!(
        response.header("strict-transport-security"),
        None,
        "{response}"
    );
    let (plain, _app) = crate::support::world();
    let response = plain.get("/", "");
    assert_eq!(
        response.header("strict-transport-security"),
        None,
        "RFC 6797 section 7.2: {response}"
    );
}

#[test]
fn a_renewed_certificate_is_served_without_a_restart() {
    let Some((gateway, _app, _ours)) = behind_tls("", "") else {
        return;
    };
    let subject = || {
        let output = run(
            Command::new("openssl").args([
                "s_client",
                "-connect",
                &format!("127.0.0.1:{}", gateway.port()),
                "-servername",
                "localhost",
            ]),
            "",
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .find(|line| line.trim_start().starts_with("subject="))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(subject().contains("gateway"), "{}", subject());
    let renewed = certificate(gateway.dir(), "renewed");
    std::fs::rename(&renewed.key, gateway.dir().join("gateway.key")).unwrap();
    std::fs::rename(&renewed.cert, gateway.dir().join("gateway.crt")).unwrap();
    until("the renewed certificate to be served", || {
        subject().contains("renewed")
    });
}

#[test]
fn a_torn_certificate_keeps_the_old_one() {
    let Some((gateway, _app, ours)) = behind_tls("", "") else {
        return;
    };
    let ca = gateway.dir().join("kept.crt");
    std::fs::copy(&ours.cert, &ca).unwrap();
    gateway
        .dir()
        .write("gateway.crt", "-----BEGIN CERTIFICATE-----\ntorn");
    gateway.hangup();
    gateway.wait_for_log(&["gateway.crt"]);
    let response = curl(&["--cacert", &ca.display().to_string(), &url(&gateway, "/")])
        .expect("no TLS any more");
    assert_eq!(response.status, 401, "{response}");
}

#[test]
fn the_plain_address_sends_people_to_tls() {
    let plain = free_port();
    let Some((mut gateway, app, _ours)) = behind_tls(
        &format!(", redirect_from: \"127.0.0.1:{plain}\""),
        "public_url: https://app.example.com",
    ) else {
        return;
    };
    for (method, target, location) in [
        ("GET", "/a?b=c", "https://app.example.com/a?b=c"),
        ("POST", "/login", "https://app.example.com/login"),
        (
            "GET",
            "//evil.example/x",
            "https://app.example.com//evil.example/x",
        ),
    ] {
        let response = Request::new(plain, method, target)
            .header("Host", "evil.example")
            .send();
        assert_eq!(response.status, 308, "{response}");
        assert_eq!(
            response.header("location").as_deref(),
            Some(location),
            "{response}"
        );
        assert!(response.cookies().is_empty(), "{response}");
    }
    let star = Request::new(plain, "OPTIONS", "*").send();
    assert_eq!(star.status, 400, "it is no part of an address: {star}");
    assert_eq!(app.count(), 0, "the plain address reaches the app");
    gateway.rewrite("public_url: https://new.example.com");
    gateway.reload();
    let moved = Request::new(plain, "GET", "/a").send();
    assert_eq!(
        moved.header("location").as_deref(),
        Some("https://new.example.com/a"),
        "{moved}"
    );
}

#[test]
fn redirect_from_needs_to_know_where_to() {
    let app = Upstream::start();
    let builder = Builder::new(&app);
    if !optional::has("openssl") {
        return;
    }
    certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key, redirect_from: \"127.0.0.1:1\" }")
        .write();
    let output = gateway.command(&["check"], "");
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert!(
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains("public_url")
    );
}
