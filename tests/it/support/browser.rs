//! A real Chromium, driven over WebDriver by a client of a few lines.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::process::Process;
use super::temp::{TempDir, free_port};
use super::wait::{until, until_some};
use super::{Conn, Request, optional};

/// The longest wait for an answer; on two busy cores a browser takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a profile of its own; it ends with its guard.
pub struct Browser {
    port: u16,
    session: String,
    chromium: Option<u64>,
    _driver: Process,
    profile: TempDir,
}

impl Browser {
    /// Starts one; `None` where there is no Chromium.
    #[track_caller]
    pub fn start() -> Option<Self> {
        if !optional::has("chromedriver") {
            return None;
        }
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        // The guard first, for whatever fails from here on.
        let mut browser = Self {
            port,
            session: String::new(),
            chromium: None,
            _driver: Process::spawn(command),
            profile: TempDir::new(),
        };
        until("chromedriver to be ready", || {
            Request::new(port, "GET", "/status")
                .try_send()
                .is_ok_and(|answer| answer.status == 200)
        });
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
            "--window-size=1200,800",
            &format!("--user-data-dir={}", browser.profile.path().display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
        }}});
        let answer = call(port, "POST", "/session", &wanted);
        browser.session = answer["sessionId"].as_str().expect("a session").into();
        browser.chromium = answer["capabilities"]["goog:processID"].as_u64();
        Some(browser)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        call(
            self.port,
            "POST",
            &format!("/session/{}{path}", self.session),
            body,
        )
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let path = format!("/session/{}{path}", self.session);
        call(self.port, "GET", &path, &Value::Null)
    }

    /// Goes to an address and waits until it is loaded.
    #[track_caller]
    pub fn goto(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// The back button.
    #[track_caller]
    pub fn back(&self) {
        self.post("/back", &json!({}));
    }

    #[track_caller]
    fn find(&self, css: &str) -> String {
        until_some(
            &format!("{css} on {}:\n{}", self.url(), self.source()),
            || {
                let found = self.post(
                    "/elements",
                    &json!({ "using": "css selector", "value": css }),
                );
                found[0][ELEMENT].as_str().map(String::from)
            },
        )
    }

    /// Opens a tab and goes to it; its handle.
    pub fn new_tab(&self) -> String {
        let made = self.post("/window/new", &json!({ "type": "tab" }));
        let handle = made["handle"].as_str().expect("a handle").to_owned();
        self.switch_to(&handle);
        handle
    }

    /// Goes to a tab.
    pub fn switch_to(&self, handle: &str) {
        self.post("/window", &json!({ "handle": handle }));
    }

    /// Whether the page has such an element now.
    #[track_caller]
    pub fn has(&self, css: &str) -> bool {
        let wanted = json!({ "using": "css selector", "value": css });
        self.post("/elements", &wanted)[0].is_object()
    }

    /// Types into an element.
    #[track_caller]
    pub fn type_into(&self, css: &str, text: &str) {
        let element = self.find(css);
        self.post(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    /// Clicks an element.
    #[track_caller]
    pub fn click(&self, css: &str) {
        let element = self.find(css);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// What an element says, once it is there.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        let element = self.find(css);
        let text = self.get(&format!("/element/{element}/text"));
        text.as_str().unwrap_or_default().into()
    }

    /// The page's title.
    #[track_caller]
    pub fn title(&self) -> String {
        self.get("/title").as_str().unwrap_or_default().into()
    }

    /// The page's address.
    #[track_caller]
    pub fn url(&self) -> String {
        self.get("/url").as_str().unwrap_or_default().into()
    }

    /// The page's HTML.
    #[track_caller]
    pub fn source(&self) -> String {
        self.get("/source").as_str().unwrap_or_default().into()
    }

    /// All cookies of the page's site, those hidden from scripts too.
    #[track_caller]
    pub fn cookies(&self) -> Vec<Value> {
        self.get("/cookie").as_array().cloned().unwrap_or_default()
    }

    /// Runs a script and gives what it returns.
    #[track_caller]
    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    /// Pretends that the person prefers `light` or `dark`.
    #[track_caller]
    pub fn prefer(&self, scheme: &str) {
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
    }

    /// Pretends to have a screen of this size.
    #[track_caller]
    pub fn screen(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 }),
        );
    }

    /// Writes what is seen as PNG and gives the bytes.
    #[track_caller]
    pub fn screenshot(&self, path: &Path) -> Vec<u8> {
        let answer = self.get("/screenshot");
        let png = STANDARD.decode(answer.as_str().unwrap()).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &png).unwrap();
        png
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver ends Chromium with the session, and leaves it behind when it is
        // ended itself; what it does not end within the minute is killed.
        let path = format!("/session/{}", self.session);
        let ended = Conn::open(self.port).and_then(|mut connection| {
            connection.patience(PATIENCE);
            connection.send(Request::new(self.port, "DELETE", path).bytes())?;
            connection.answer("DELETE")
        });
        if let (Err(_), Some(pid)) = (ended, self.chromium) {
            let _ = Command::new("sh")
                .args(["-c", &format!("kill -s KILL {pid}")])
                .status();
        }
    }
}

#[track_caller]
fn call(port: u16, method: &str, path: &str, body: &Value) -> Value {
    let mut request = Request::new(port, method, path).header("Connection", "close");
    if method == "POST" {
        request = request.json(body);
    }
    let mut connection = Conn::open(port).unwrap();
    connection.patience(PATIENCE);
    let answer = request.send_on(&mut connection);
    assert_eq!(answer.status, 200, "{method} {path} {body}: {answer}");
    answer.json()["value"].clone()
}
