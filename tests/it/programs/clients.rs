//! The real programs that people point at an app, with nothing but a token: curl, git, a WebDAV
//! client, a docker registry, Python and Node.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::programs::{basic, gateway_with, made, section};
use crate::support::process::{run, run_for};
use crate::support::temp::free_port;
use crate::support::{Builder, Gateway, Process, Request, TempDir, optional, until};

/// How long one of the programs may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the clients need that answer a challenge alone.
const CHALLENGE: &str = "api: { accept: [bearer, basic, header], header: X-API-Key }
rules: [{ path: /**, access: authenticated, challenge: basic }]
";

/// A gateway before a server at this port, with a token of Alice.
#[track_caller]
fn before(port: u16, server: &mut Process) -> (Gateway, String) {
    until("the server to answer", || {
        if let Some(status) = server.ended() {
            panic!("the server ended with {status}:\n{}", server.output());
        }
        Request::new(port, "GET", "/").try_send().is_ok()
    });
    let (token, entry) = made("ci", "alice", &[]);
    let setup = Builder::before(&format!("http://127.0.0.1:{port}"));
    let gateway = setup.yaml(&section(&[&entry])).yaml(CHALLENGE).start();
    (gateway, token)
}

/// The CGI server of Python, which as root would run programs as nobody.
const CGI: &str = "
import http.server, os, sys
http.server.nobody_uid = os.getuid
http.server.test(http.server.CGIHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')
";

fn git(dir: &Path, home: &TempDir, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("git");
    command.current_dir(dir).args(arguments);
    command
        .env("HOME", home.path())
        .env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_CONFIG_NOSYSTEM", "1");
    let output = run_for(&mut command, "", PATIENCE);
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn git_clones_and_pushes() {
    if !optional::has("git") || !optional::has("python3") {
        return;
    }
    let (server_dir, home, work) = (TempDir::new(), TempDir::new(), TempDir::new());
    let (_, place) = git(work.path(), &home, &["--exec-path"]);
    let backend = Path::new(place.trim()).join("git-http-backend");
    if !backend.is_file() {
        optional::skip("git-http-backend is not installed");
        return;
    }
    let cgi = server_dir.join("cgi-bin");
    std::fs::create_dir(&cgi).unwrap();
    std::os::unix::fs::symlink(backend, cgi.join("git")).unwrap();
    let repository = server_dir.join("repo.git");
    let (repository, config) = (repository.to_str().unwrap(), repository.join("config"));
    for arguments in [
        &["init", "--quiet", "--bare", "-b", "main", repository][..],
        &[
            "config",
            "--file",
            config.to_str().unwrap(),
            "http.receivepack",
            "true",
        ],
        &["config", "--global", "user.name", "A"],
        &["config", "--global", "user.email", "a@example.com"],
        &["config", "--global", "init.defaultBranch", "main"],
    ] {
        let (done, said) = git(work.path(), &home, arguments);
        assert!(done, "{arguments:?}: {said}");
    }
    let port = free_port();
    let mut command = Command::new("python3");
    command
        .args(["-c", CGI, &port.to_string()])
        .current_dir(server_dir.path());
    command.env("GIT_PROJECT_ROOT", server_dir.path());
    command.env("GIT_HTTP_EXPORT_ALL", "1");
    let mut server = Process::spawn(command);
    let (gateway, token) = before(port, &mut server);
    let url = |credentials: &str| {
        let port = gateway.port();
        format!("http://{credentials}127.0.0.1:{port}/cgi-bin/git/repo.git")
    };
    let (without, said) = git(work.path(), &home, &["clone", &url(""), "none"]);
    assert!(!without, "a clone without a token: {said}");
    let with = url(&format!("alice:{token}@"));
    let (done, said) = git(work.path(), &home, &["clone", &with, "mine"]);
    assert!(done, "{said}");
    let mine = work.join("mine");
    std::fs::write(mine.join("file"), "by a token").unwrap();
    for arguments in [
        &["checkout", "-B", "main"][..],
        &["add", "file"],
        &["commit", "--quiet", "-m", "One"],
        &["push", "origin", "main"],
    ] {
        let (done, said) = git(&mine, &home, arguments);
        assert!(done, "{arguments:?}: {said}\n{}", server.output());
    }
    let (done, said) = git(work.path(), &home, &["clone", &with, "again"]);
    assert!(done, "{said}");
    let file = std::fs::read_to_string(work.join("again/file")).unwrap();
    assert_eq!(file, "by a token");
    assert!(
        gateway.log().contains("event=token_used"),
        "{}",
        gateway.log()
    );
}

#[test]
fn a_webdav_client_writes_lists_and_moves() {
    if !optional::is_installed("cadaver") {
        return;
    }
    let Some(python) = optional::python_with_wsgidav() else {
        return;
    };
    let (root, home) = (TempDir::new(), TempDir::new());
    let port = free_port();
    let mut command = Command::new(python);
    command.args([
        "-m",
        "wsgidav.server.server_cli",
        "--host=127.0.0.1",
        "--auth=anonymous",
    ]);
    command
        .arg(format!("--port={port}"))
        .arg("--root")
        .arg(root.path());
    command.current_dir(home.path());
    let mut server = Process::spawn(command);
    let (gateway, token) = before(port, &mut server);
    home.write("local.txt", "by a token");
    let netrc = format!("machine 127.0.0.1\nlogin alice\npassword {token}\n");
    let netrc = home.write(".netrc", netrc);
    let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(netrc, only_ours).unwrap();
    let mut command = Command::new("cadaver");
    command.arg(format!("http://127.0.0.1:{}/", gateway.port()));
    command.current_dir(home.path()).env("HOME", home.path());
    let script = "mkcol folder\nput local.txt\nmove local.txt folder/there.txt\nls folder\nget folder/there.txt back.txt\nquit\n";
    let output = run_for(&mut command, script, PATIENCE);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("there.txt"),
        "{output:?}\n{}",
        server.output()
    );
    let back = std::fs::read_to_string(home.join("back.txt"));
    assert_eq!(back.ok().as_deref(), Some("by a token"), "{said}");
    let there = std::fs::read_to_string(root.join("folder/there.txt")).unwrap();
    assert_eq!(there, "by a token");
}

#[test]
fn an_image_is_pushed_to_a_registry_and_pulled() {
    if !optional::has("curl") || !optional::is_installed("docker-registry") {
        return;
    }
    let dir = TempDir::new();
    let port = free_port();
    let config = dir.write(
        "registry.yml",
        format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {:?} }} }}\nhttp: {{ addr: \"127.0.0.1:{port}\" }}\n",
            dir.join("images")
        ),
    );
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(config);
    let mut server = Process::spawn(command);
    let (gateway, token) = before(port, &mut server);
    let (_, basic) = basic("alice", &token);
    let curl = |credentials: bool, arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-s", "-i", "--max-time", "30"]);
        if credentials {
            command.args(["-H", &format!("Authorization: {basic}")]);
        }
        let output = run(command.args(arguments), "");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let base = format!("http://127.0.0.1:{}", gateway.port());
    // A docker client begins so, and sends its password only when it is asked for Basic.
    let asked = curl(false, &[&format!("{base}/v2/")]);
    assert!(asked.starts_with("HTTP/1.1 401"), "{asked}");
    assert!(asked.contains("Basic realm="), "{asked}");
    let greeted = curl(true, &[&format!("{base}/v2/")]);
    assert!(greeted.starts_with("HTTP/1.1 200"), "{greeted}");
    let digest = |bytes: &[u8]| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let hex: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("sha256:{hex}")
    };
    let put_blob = |blob: &str| {
        let begun = curl(
            true,
            &["-X", "POST", &format!("{base}/v2/a/b/blobs/uploads/")],
        );
        let location = begun.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location")
                .then(|| value.trim().to_owned())
        });
        let location = location.unwrap_or_else(|| panic!("{begun}"));
        let path = location.strip_prefix(&base).unwrap_or(&location);
        let joint = if path.contains('?') { '&' } else { '?' };
        let url = format!("{base}{path}{joint}digest={}", digest(blob.as_bytes()));
        let octets = "Content-Type: application/octet-stream";
        let done = curl(
            true,
            &["-X", "PUT", "-H", octets, "--data-binary", blob, &url],
        );
        assert!(done.contains("201 Created"), "{done}\n{}", gateway.log());
    };
    let (settings, layer) = ("{\"architecture\":\"amd64\",\"os\":\"linux\"}", "a layer");
    put_blob(settings);
    put_blob(layer);
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": settings.len(),
            "digest": digest(settings.as_bytes()),
        },
        "layers": [{
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "size": layer.len(),
            "digest": digest(layer.as_bytes()),
        }],
    });
    let url = format!("{base}/v2/a/b/manifests/latest");
    let (kind, manifest) = (format!("Content-Type: {kind}"), manifest.to_string());
    let done = curl(
        true,
        &["-X", "PUT", "-H", &kind, "--data-binary", &manifest, &url],
    );
    assert!(done.contains("201 Created"), "{done}");
    let accept = kind.replace("Content-Type", "Accept");
    let pulled = curl(true, &["-H", &accept, &url]);
    assert!(pulled.ends_with(&manifest), "{pulled}");
    let blob = format!("{base}/v2/a/b/blobs/{}", digest(layer.as_bytes()));
    assert!(curl(true, &["-L", &blob]).ends_with(layer));
    assert!(curl(false, &[&blob]).starts_with("HTTP/1.1 401"));
}

const PYTHON: &str = r#"
import json, sys, urllib.error, urllib.request
url, token = sys.argv[1:]
def ask(opener, method="GET", headers={}, data=None):
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        return opener.open(request).status
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)["code"]
plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))
passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, url, "alice", token)
challenged = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(passwords))
assert ask(plain) == (401, "session_required")
assert ask(plain, headers={"Authorization": "Bearer " + token}) == 200
assert ask(plain, "POST", {"X-API-Key": token, "Content-Type": "application/json"}, b"{}") == 200
assert ask(challenged) == 200
assert ask(plain, headers={"Authorization": "Bearer " + token[:-1]}) == (401, "token_invalid")
"#;

const NODE: &str = r#"
const [url, token] = process.argv.slice(1);
const ask = async (init) => {
  const answer = await fetch(url, { redirect: "error", ...init });
  return answer.ok ? answer.status : `${answer.status} ${(await answer.json()).code}`;
};
const same = (seen, expected) => {
  if (seen !== expected) throw new Error(`${seen} instead of ${expected}`);
};
const headers = { Authorization: `Bearer ${token}` };
same(await ask(), "401 session_required");
same(await ask({ headers }), 200);
same(await ask({ headers, method: "POST", body: JSON.stringify({}) }), 200);
same(await ask({ headers: { "X-API-Key": token }, method: "DELETE" }), 200);
same(await ask({ headers: { Authorization: "Bearer dw_0" } }), "401 token_invalid");
"#;

#[test]
fn scripts_in_python_and_node_ask_with_a_token() {
    let (token, entry) = made("ci", "alice", &[]);
    let (gateway, app) = gateway_with(&[&entry], CHALLENGE);
    let url = format!("http://127.0.0.1:{}/x", gateway.port());
    let mut node = Command::new("node");
    node.args(["--input-type=module", "-e", NODE, &url, &token]);
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON, &url, &token]);
    for (program, mut command) in [("node", node), ("python3", python)] {
        if optional::has(program) {
            let output = run_for(&mut command, "", PATIENCE);
            assert!(output.status.success(), "{program}: {output:?}");
            let seen = app.last();
            assert_eq!(seen.all("x-user-id"), ["1001"]);
            assert!(!seen.text().contains(&token), "{}", seen.text());
        }
    }
}
