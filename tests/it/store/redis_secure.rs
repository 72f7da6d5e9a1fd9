//! The way to Redis: passwords and TLS.

use crate::support::curl::{certificate, curl};
use crate::support::gateway::UNAVAILABLE;
use crate::support::{Jar, RedisServer, Upstream, optional};

#[test]
fn a_password_is_used_and_never_shown() {
    let Some(redis) = RedisServer::with_password("sesame-0815") else {
        return;
    };
    let app = Upstream::start();
    let one = redis.gateway(&app, "").start();
    let two = redis.gateway(&app, "").start();
    let jar = Jar::alice(&one);
    assert_eq!(jar.without_access().get(&two, "/").status, 200);

    let wrong = redis.url_at(redis.port).replace("sesame", "wrong");
    let section = format!("session: {{ store: {{ redis: {{ url: {wrong:?} }} }} }}\n");
    let mut refused = redis.gateway(&app, "").yaml(&section).write();
    let (code, output) = refused
        .try_start()
        .expect_err("a wrong password is accepted");
    assert_eq!(code, Some(UNAVAILABLE), "{output}");
    for log in [output, one.log(), two.log()] {
        assert!(!log.contains("0815"), "a password is in the log:\n{log}");
    }
}

#[test]
fn tls_is_spoken_to_a_server_whose_certificate_is_trusted_and_no_other() {
    let Some((redis, ours)) = RedisServer::with_tls() else {
        return;
    };
    if !optional::has("curl") {
        return;
    }
    let app = Upstream::start();
    let trusted = ours.cert.display().to_string();
    let start = || {
        redis
            .gateway(&app, "")
            .env("SSL_CERT_FILE", &trusted)
            .start()
    };
    let (one, two) = (start(), start());
    let jar = Jar::alice(&one);
    assert_eq!(jar.without_access().get(&two, "/").status, 200);

    // One that speaks TLS on both sides.
    let builder = redis.gateway(&app, "").env("SSL_CERT_FILE", &trusted);
    certificate(builder.dir(), "gateway");
    let three = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }\n")
        .start();
    let url = format!("https://localhost:{}/", three.port());
    let cookies = format!("Cookie: {}", jar.without_access().cookies());
    let answer = curl(&["--insecure", "-H", &cookies, &url]).expect("no answer over TLS");
    assert_eq!(answer.status, 200, "{answer}");

    let mut stranger = redis.gateway(&app, "").write();
    let (code, output) = stranger.try_start().expect_err("any certificate will do");
    assert_eq!(code, Some(UNAVAILABLE), "{output}");
    assert!(output.contains("certificate"), "{output}");
}
