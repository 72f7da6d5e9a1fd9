//! `doorward doctor`: each thing that is wrong is found, and nothing where nothing is.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::operations::cli::{assert_code, said, written};
use crate::support::namespace::is_inside;
use crate::support::process::run;
use crate::support::temp::free_port;
use crate::support::users::User;
use crate::support::{Builder, Gateway, TempDir, Upstream, doorward, optional};

pub fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub fn openssl(dir: &TempDir, arguments: &str) {
    let mut command = Command::new("openssl");
    command.current_dir(dir.path());
    let output = run(command.args(arguments.split(' ')), "");
    assert_code(&output, 0, arguments);
}

/// A certificate authority, and a certificate of it for this host and so many days.
pub fn issue(dir: &TempDir, host: &str, days: u32) {
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    if !dir.join("ca.crt").exists() {
        openssl(
            dir,
            &format!("req -x509 {ec} -days 90 -subj /CN=Tests -keyout ca.key -out ca.crt"),
        );
    }
    let kind = if host.parse::<IpAddr>().is_ok() {
        "IP"
    } else {
        "DNS"
    };
    dir.write("ext", format!("subjectAltName={kind}:{host}\n"));
    openssl(
        dir,
        &format!("req {ec} -subj /CN=x -keyout tls.key -out tls.csr"),
    );
    openssl(
        dir,
        &format!(
            "x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days {days} -extfile ext -out tls.crt"
        ),
    );
    chmod(&dir.join("tls.key"), 0o600);
}

/// Somebody whose hash is as `doorward hash-password` makes it.
fn users_file(dir: &TempDir) {
    let hash = run(doorward().arg("hash-password"), "wonderland\n");
    let hash = String::from_utf8(hash.stdout).unwrap();
    let text = format!(
        "- {{ id: \"1\", username: alice, name: Alice, roles: [admin], password_hash: \"{}\" }}\n",
        hash.trim()
    );
    chmod(&dir.write("users.yml", text), 0o600);
}

/// A set-up with which nothing is wrong: TLS, keys and users in files of their own.
pub fn well(app: &Upstream) -> Builder {
    let builder = Builder::new(app);
    let dir = builder.dir();
    issue(dir, "localhost", 60);
    users_file(dir);
    openssl(dir, "genpkey -algorithm ed25519 -out signing.pem");
    chmod(&dir.join("signing.pem"), 0o600);
    let ca = dir.join("ca.crt").display().to_string();
    let port = builder.port;
    builder
        .yaml(&format!("public_url: https://localhost:{port}\n"))
        .yaml("tls: { cert: tls.crt, key: tls.key }\n")
        .yaml("users: { file: users.yml }\n")
        .yaml("signing: { algorithm: EdDSA, key: \"file:signing.pem\" }\n")
        .yaml("limits: { connections: 100 }\n")
        .yaml("rules: [{ path: /assets/**, access: public }, { path: /admin/**, access: { roles: [admin] } }]\n")
        .env("SSL_CERT_FILE", &ca)
}

pub fn doctor(gateway: &Gateway) -> (Vec<Value>, Output) {
    let output = gateway.command(&["doctor", "--json"], "");
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    (told["findings"].as_array().unwrap().clone(), output)
}

pub fn ids(findings: &[Value]) -> Vec<String> {
    let id = |finding: &Value| finding["id"].as_str().unwrap().to_owned();
    findings.iter().map(id).collect()
}

#[track_caller]
pub fn assert_found(gateway: &Gateway, severity: &str, id: &str) {
    if let Err(why) = found(gateway, severity, id) {
        panic!("{why}");
    }
}

/// Whether it is found, so bad, with all that a finding needs, and with its exit code.
fn found(gateway: &Gateway, severity: &str, id: &str) -> Result<(), String> {
    let (findings, output) = doctor(gateway);
    let is_it = |finding: &&Value| finding["id"] == id && finding["severity"] == severity;
    let Some(found) = findings.iter().find(is_it) else {
        return Err(format!("no {severity} {id}, only {:?}", ids(&findings)));
    };
    for part in ["what", "why", "mend"] {
        if found[part].as_str().is_none_or(str::is_empty) {
            return Err(format!("{id} has no {part}: {found}"));
        }
    }
    let any = |severity: &str| findings.iter().any(|f| f["severity"] == severity);
    let code = match () {
        () if any("problem") => 78,
        () if any("unavailable") => 69,
        () => 0,
    };
    match output.status.code() {
        Some(got) if got == code => Ok(()),
        got => Err(format!(
            "{id}: exit code {got:?}, not {code}: {}",
            said(&output)
        )),
    }
}

pub fn has_openssl() -> bool {
    optional::has("openssl")
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    if !is_inside(nothing_is_found_where_nothing_is_wrong) {
        return;
    }
    if !has_openssl() {
        return;
    }
    let app = Upstream::start();
    let gateway = well(&app).start();
    let (findings, output) = doctor(&gateway);
    assert!(findings.is_empty(), "{findings:#?}");
    assert_code(&output, 0, "a good set-up");
    let text = gateway.command(&["doctor"], "");
    assert_code(&text, 0, "a good set-up");
    assert!(said(&text).contains("nothing is wrong"), "{}", said(&text));
}

#[test]
fn what_the_configuration_gets_wrong_is_found() {
    if !is_inside(what_the_configuration_gets_wrong_is_found) {
        return;
    }
    let port = free_port();
    let https = format!("public_url: https://localhost:{port}\n");
    let mut missed = Vec::new();
    for (severity, id, yaml) in [
        (
            "problem",
            "cookies.insecure_over_https",
            format!("{https}insecure: {{ cookies_over_http: true }}\n"),
        ),
        (
            "problem",
            "cors.plain_origin",
            format!("{https}cors: {{ allowed_origins: [\"http://spa.example.com\"] }}\n"),
        ),
        (
            "problem",
            "cookies.no_public_url",
            format!("listen: [\"0.0.0.0:{port}\"]\n"),
        ),
        (
            "problem",
            "cookies.in_the_clear",
            format!("listen: [\"0.0.0.0:{port}\"]\ninsecure: {{ cookies_over_http: true }}\n"),
        ),
        (
            "note",
            "cookies.no_public_url",
            "trusted_proxies: [127.0.0.1]\n".into(),
        ),
        ("note", "cookies.no_public_url", String::new()),
        ("problem", "csrf.off", "csrf: { mode: off }\n".into()),
        (
            "note",
            "cookies.domain",
            format!(
                "public_url: https://app.site.localhost:{port}\ncookies: {{ domain: site.localhost }}\n"
            ),
        ),
        (
            "problem",
            "keys.guessable",
            "signing: { key: abcdefghijklmnopqrstuvwxyz0123456789 }\n".into(),
        ),
        (
            "note",
            "keys.literal",
            "signing: { key: \"base64:kX2pB7qLr0Vd9mTzYw4cNf8sHj1aGe6ukX7pB2qLr1U=\" }\n".into(),
        ),
        (
            "problem",
            "network.proxies_wide",
            "trusted_proxies: [0.0.0.0/0]\n".into(),
        ),
        ("problem", "users.weak_hash", String::new()),
        (
            "note",
            "users.role_of_nobody",
            "rules: [{ path: /x, access: { roles: [amdin] } }]\n".into(),
        ),
        (
            "problem",
            "rules.never_reached",
            "rules: [{ path: /a/**, access: authenticated }, { path: /A/b, access: { roles: [admin] } }]\n"
                .into(),
        ),
        (
            "problem",
            "rules.all_public",
            "rules: [{ path: /**, access: public }]\n".into(),
        ),
        (
            "note",
            "rules.all_public",
            "rules: [{ path: /admin/**, access: { roles: [admin] } }, { path: /**, access: public }]\n"
                .into(),
        ),
        (
            "problem",
            "rules.default_public",
            "default_access: public\n".into(),
        ),
        ("note", "log.query", "log: { query: true }\n".into()),
        ("note", "store.memory", "session: { store: memory }\n".into()),
        (
            "problem",
            "files.world_readable",
            String::new(),
        ),
    ] {
        missed.extend(found(&written(&yaml), severity, id).err());
    }
    assert!(missed.is_empty(), "{missed:#?}");
    let disabled = User::alice().with("disabled: true");
    let gateway = Builder::before("http://127.0.0.1:9")
        .users(&[disabled])
        .write();
    assert_found(&gateway, "problem", "users.nobody");
}

#[test]
fn a_weak_admin_token_and_a_short_rsa_key_are_found_and_not_shown() {
    if !is_inside(a_weak_admin_token_and_a_short_rsa_key_are_found_and_not_shown) {
        return;
    }
    if !has_openssl() {
        return;
    }
    let builder = Builder::before("http://127.0.0.1:9");
    let admin = builder.admin;
    openssl(
        builder.dir(),
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem",
    );
    let gateway = builder
        .yaml(&format!(
            "admin: {{ listen: \"127.0.0.1:{admin}\", token: hunter2hunter2hunter2 }}\n"
        ))
        .yaml("signing: { algorithm: RS256, key: \"file:rsa.pem\" }\n")
        .write();
    assert_found(&gateway, "problem", "keys.admin_token");
    assert_found(&gateway, "note", "keys.short_rsa");
    for arguments in [&["doctor"][..], &["doctor", "--json"]] {
        let output = gateway.command(arguments, "");
        assert!(!said(&output).contains("hunter2"), "{}", said(&output));
        assert!(!said(&output).contains("$argon2id$"), "{}", said(&output));
    }
}

#[test]
fn secrets_that_others_can_read_are_found() {
    if !is_inside(secrets_that_others_can_read_are_found) {
        return;
    }
    if !has_openssl() {
        return;
    }
    let app = Upstream::start();
    let gateway = well(&app).start();
    let dir = gateway.dir();
    for (name, mode, severity, id) in [
        ("users.yml", 0o644, "problem", "files.world_readable"),
        ("users.yml", 0o640, "note", "files.group_readable"),
        ("users.yml", 0o620, "problem", "files.group_writable"),
        ("signing.pem", 0o604, "problem", "files.world_readable"),
        ("tls.key", 0o606, "problem", "files.world_writable"),
        ("data", 0o755, "problem", "files.world_readable"),
    ] {
        let path = dir.join(name);
        let before = std::fs::metadata(&path).unwrap().permissions();
        chmod(&path, mode);
        let (findings, _) = doctor(&gateway);
        assert_eq!(ids(&findings), [id], "{name} with {mode:o}");
        assert_eq!(findings[0]["severity"], severity, "{name} with {mode:o}");
        let what = findings[0]["what"].as_str().unwrap();
        assert!(what.contains(name), "{what}");
        std::fs::set_permissions(&path, before).unwrap();
    }
}

/// As from a container of its own, where the gateway's listeners are not, nor its data.
#[test]
fn from_beside_the_gateway_public_url_is_enough() {
    if !is_inside(from_beside_the_gateway_public_url_is_enough) {
        return;
    }
    if !has_openssl() {
        return;
    }
    let app = Upstream::start();
    let gateway = well(&app).start();
    let ours = format!("listen: [\"127.0.0.1:{}\"]", gateway.port());
    let nobodys = format!("listen: [\"127.0.0.1:{}\"]", free_port());
    let text = gateway.text().replace(&ours, &nobodys);
    assert!(text.contains(&nobodys), "{text}");
    let text = text.replace("/data\"", "/not-mounted\"");
    let file = gateway.dir().write("beside.yaml", text);
    let mut command = doorward();
    command.args(["doctor", "--config"]).arg(file);
    let output = run(
        command.env("SSL_CERT_FILE", gateway.dir().join("ca.crt")),
        "",
    );
    assert_code(&output, 0, "from beside");
    assert!(
        said(&output).contains("nothing is wrong"),
        "{}",
        said(&output)
    );
    assert!(
        !gateway.dir().join("not-mounted").exists(),
        "doctor made a data_dir"
    );
}

#[test]
fn a_gateway_that_is_not_there_is_unavailable() {
    if !is_inside(a_gateway_that_is_not_there_is_unavailable) {
        return;
    }
    if !has_openssl() {
        return;
    }
    let app = Upstream::start();
    let mut gateway = well(&app).start();
    gateway.kill();
    let (findings, output) = doctor(&gateway);
    assert_eq!(
        ids(&findings),
        ["network.silent", "network.public_silent"],
        "{findings:#?}"
    );
    assert_code(&output, 69, "a gateway that does not run");
}
