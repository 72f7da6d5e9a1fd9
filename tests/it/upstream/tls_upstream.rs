//! An app behind TLS: its certificate is verified, and it is told the right things.

use std::process::Command;

use crate::support::curl::{Certificate, certificate};
use crate::support::{Builder, Process, TempDir, assert_problem, optional, until_some};

const SERVER: &str = r#"
import http.server, ssl, sys
class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = (self.requestline + "\n" + str(self.headers)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_address[1], flush=True)
server.serve_forever()
"#;

fn app(certificate: &Certificate) -> (Process, String) {
    let mut command = Command::new("python3");
    command
        .args(["-c", SERVER])
        .arg(&certificate.cert)
        .arg(&certificate.key);
    let process = Process::spawn(command);
    let port = until_some("the TLS app", || {
        let output = process.output();
        let line = output.lines().find_map(|line| line.strip_prefix("port "));
        line.map(String::from)
    });
    (process, port)
}

#[test]
fn an_app_behind_tls() {
    if !optional::has("openssl") || !optional::has("python3") {
        return;
    }
    let dir = TempDir::new();
    let ours = certificate(&dir, "app");
    let (_app, port) = app(&ours);
    let gateway = Builder::before(&format!("https://localhost:{port}"))
        .yaml(&format!("upstream_tls: {{ ca: {:?} }}", ours.cert))
        .start();
    let response = gateway.get("/over-tls", &gateway.alice());
    assert_eq!(response.status, 200, "{response}");
    assert!(response.text().contains("X-User-Id: 1001"), "{response}");

    let named = Builder::before(&format!("https://127.0.0.1:{port}"))
        .yaml(&format!(
            "upstream_tls: {{ ca: {:?}, server_name: localhost }}",
            ours.cert
        ))
        .start();
    let response = named.get("/", &named.alice());
    assert_eq!(response.status, 200, "{response}");
}

#[test]
fn a_certificate_that_is_not_right_is_not_spoken_to() {
    if !optional::has("openssl") || !optional::has("python3") {
        return;
    }
    let dir = TempDir::new();
    let (theirs, other) = (certificate(&dir, "app"), certificate(&dir, "other"));
    let (_app, port) = app(&theirs);
    for (what, yaml) in [
        ("nobody vouches for", String::new()),
        (
            "another CA vouches for",
            format!("upstream_tls: {{ ca: {:?} }}", other.cert),
        ),
        (
            "the wrong name has",
            format!(
                "upstream_tls: {{ ca: {:?}, server_name: other.example }}",
                theirs.cert
            ),
        ),
    ] {
        let gateway = Builder::before(&format!("https://localhost:{port}"))
            .yaml(&yaml)
            .start();
        let response = gateway.get("/", &gateway.alice());
        assert_problem(
            &response,
            502,
            "upstream_unreachable",
            &format!("a certificate that {what} is believed"),
        );
    }
}
