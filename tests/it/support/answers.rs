//! Every kind of answer that is ours, for what must hold of all of them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{Builder, Conn, Jar, Request, Response, Upstream};

/// An answer as it stood on the wire.
#[derive(Debug)]
pub struct Answer {
    /// What it answers.
    pub name: &'static str,
    /// When it came, in seconds of Unix time.
    pub at: f64,
    /// Head and body.
    pub bytes: Vec<u8>,
}

fn ask(name: &'static str, request: Request, port: u16) -> Answer {
    let mut connection = Conn::open(port).unwrap();
    let bytes = request.header("Connection", "close").bytes();
    connection.send(bytes).unwrap();
    let bytes = connection.rest().unwrap();
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Answer {
        name,
        at: at.as_secs_f64(),
        bytes,
    }
}

impl Answer {
    /// Whether it is the app's.
    pub fn is_the_apps(&self) -> bool {
        self.name.starts_with("the app")
    }

    /// Its head.
    pub fn head(&self) -> Response {
        let end = self.bytes.windows(4).position(|four| four == b"\r\n\r\n");
        Response::from_head(&self.bytes[..end.expect("no whole head") + 4])
    }
}

/// Every kind of answer that is ours, and two of the app.
pub fn answers() -> Vec<Answer> {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("rules: [{ path: /public/**, access: public }]")
        .yaml("cors: { allowed_origins: [https://www.example.com] }")
        .yaml("signing: { algorithm: ES256 }")
        .start();
    let gateway = &gateway;
    let mut jar = Jar::alice(gateway);
    let right = "username=alice&password=wonderland";
    let get = |path: &str| gateway.request("GET", path);
    let post = |path: &str| gateway.request("POST", path).own_origin();
    let person = |path: &str| get(path).navigate("same-origin");
    let elsewhere = "https://evil.example";
    let preflight = |origin: &str| {
        let request = gateway.request("OPTIONS", "/x").header("Origin", origin);
        request.header("Access-Control-Request-Method", "PUT")
    };
    let mine = || jar.cookies();
    let mut all = vec![
        ("login form", get("/login")),
        ("login right", post("/login").form(right)),
        (
            "login right, JSON",
            post("/login").json(&json!({"username": "alice", "password": "wonderland"})),
        ),
        (
            "login wrong",
            post("/login").form("username=alice&password=x"),
        ),
        (
            "login wrong, JSON",
            post("/login").json(&json!({"username": "alice", "password": "x"})),
        ),
        (
            "login of another type",
            post("/login")
                .header("Content-Type", "text/plain")
                .body("x"),
        ),
        (
            "login by another method",
            gateway.request("DELETE", "/login").own_origin(),
        ),
        (
            "login from elsewhere",
            gateway
                .request("POST", "/login")
                .header("Origin", elsewhere)
                .form(right),
        ),
        ("no session", get("/x")),
        ("altered session", get("/x").cookie("__Host-doorward=a.b.c")),
        ("no session, a person", person("/x?y")),
        ("from another site", get("/x").navigate("cross-site")),
        ("preflight", preflight("https://www.example.com")),
        ("preflight from elsewhere", preflight(elsewhere)),
        ("foreign origin", get("/x").header("Origin", elsewhere)),
        ("ambiguous path", get("/a/./b")),
        ("ambiguous path, a person", person("/a/./b")),
        (
            "oversized head",
            get("/x").header("X-Big", "a".repeat(40_000)),
        ),
        ("public keys", get("/.well-known/jwks.json")),
        ("who am I", get("/_doorward/session").cookie(&mine())),
        ("who am I, nobody", get("/_doorward/session")),
        ("my sessions", person("/_doorward/sessions").cookie(&mine())),
        (
            "my sessions, JSON",
            get("/_doorward/sessions")
                .cookie(&mine())
                .header("Accept", "application/json"),
        ),
        ("logout page", person("/logout").cookie(&mine())),
        ("refresh of nobody", post("/refresh")),
        ("revoke", post("/revoke").cookie(&mine()).form("token=x")),
        ("the app", get("/x").cookie(&mine())),
        ("the app in public", get("/public/x")),
    ];
    let mut found: Vec<Answer> = Vec::new();
    for (name, request) in all.drain(..) {
        found.push(ask(name, request, gateway.port()));
    }
    for name in ["/healthz", "/readyz", "/metrics"] {
        let request = Request::new(gateway.admin(), "GET", name);
        found.push(ask(name, request, gateway.admin()));
    }
    jar.refresh(gateway);
    let refresh = post("/refresh").cookie(&jar.cookies());
    found.push(ask("refresh", refresh, gateway.port()));
    for (name, jar) in [
        ("logout", Jar::alice(gateway)),
        ("logout, JSON", Jar::alice(gateway)),
    ] {
        let request = post("/logout").cookie(&jar.cookies());
        let request = match name {
            "logout" => request.form(""),
            _ => request
                .header("Accept", "application/json")
                .json(&json!({})),
        };
        found.push(ask(name, request, gateway.port()));
    }
    found
}
