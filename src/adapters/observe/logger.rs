//! The log's shape: lines for people, or one JSON object a line. Through `log` and
//! `env_logger`; standard error.
//!
//! Libraries are capped at info whatever the level is: a proxy's trace prints whole
//! request heads, cookies included.

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use env_logger::Logger;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::access::{ACCESS, AUDIT};
use crate::adapters::clock;
use crate::adapters::config::settings;

static LOGGER: OnceLock<Doorman> = OnceLock::new();

/// Starts logging for the process. `platform` is the log target of the server library
/// below us: capped at warnings, and its errors about clients left out.
pub fn start(settings: &settings::Log, platform: &'static str) {
    let logger = LOGGER.get_or_init(|| Doorman {
        inner: ArcSwap::from_pointee(build(settings, platform)),
        platform,
    });
    // Lost if the process logs in another way already.
    let _other = log::set_logger(logger);
    renew(settings);
}

/// Puts other settings in force, if [`start`] was called before.
pub fn renew(settings: &settings::Log) {
    if let Some(logger) = LOGGER.get() {
        let renewed = build(settings, logger.platform);
        log::set_max_level(renewed.filter());
        logger.inner.store(Arc::new(renewed));
    }
}

fn build(settings: &settings::Log, platform: &'static str) -> Logger {
    let level = settings.level;
    let libraries = level.min(LevelFilter::Info);
    let json = settings.format == settings::LogFormat::Json;
    env_logger::Builder::new()
        .filter_level(libraries)
        .filter_module("doorward", level)
        .filter_module(ACCESS, level)
        .filter_module(AUDIT, level)
        // Says every listener and runtime at info.
        .filter_module(platform, level.min(LevelFilter::Warn))
        .format(move |out, record| {
            let at =
                SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(clock::now().millis());
            let time = humantime::format_rfc3339_millis(at);
            let (level, target) = (record.level(), record.target());
            let fields = target == ACCESS || target == AUDIT;
            match (json, fields) {
                (false, _) => writeln!(
                    out,
                    "{time} {level:<5} {target} {}",
                    one_line(record, platform)
                ),
                (true, true) => writeln!(
                    out,
                    "{{\"time\":\"{time}\",\"level\":\"{level}\",\"target\":\"{target}\",{}}}",
                    record.args()
                ),
                (true, false) => writeln!(
                    out,
                    "{{\"time\":\"{time}\",\"level\":\"{level}\",\"target\":{},\"message\":{}}}",
                    serde_json::Value::from(target),
                    serde_json::Value::from(message(record, platform)),
                ),
            }
        })
        .build()
}

/// A head that did not parse, cookies and all, stands in the platform's messages: it
/// is left out.
fn message(record: &Record<'_>, platform: &str) -> String {
    let text = record.args().to_string();
    match record.target().starts_with(platform) {
        true => without_heads(&text),
        false => text,
    }
}

/// What a stranger sent may stand in a message of a library.
fn one_line(record: &Record<'_>, platform: &str) -> String {
    let text = message(record, platform);
    if text.contains(|c: char| c.is_control()) {
        text.escape_debug().to_string()
    } else {
        text
    }
}

/// Cuts out what follows `buf: `, up to the cause.
fn without_heads(message: &str) -> String {
    const HEAD: &str = "buf: ";
    let Some((before, head)) = message.split_once(HEAD) else {
        return message.to_owned();
    };
    let cause = head.rfind(" cause: ").and_then(|at| head.get(at..));
    format!("{before}{HEAD}…{}", cause.unwrap_or_default())
}

/// Lets everything through but the platform's errors about clients that went away:
/// they are no errors of ours, and a scan of the port would fill the log with them.
struct Doorman {
    inner: ArcSwap<Logger>,
    platform: &'static str,
}

impl Log for Doorman {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.load().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let of_platform = record.target().starts_with(self.platform);
        if of_platform
            && record.level() <= Level::Warn
            && is_about_a_client(&record.args().to_string())
        {
            return;
        }
        self.inner.load().log(record);
    }

    fn flush(&self) {
        self.inner.load().flush();
    }
}

fn is_about_a_client(message: &str) -> bool {
    message.contains("Downstream")
        || message.contains("downstream")
        || message.contains("H2 handshake error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_did_not_parse_is_not_shown() {
        let message = "Upstream InvalidHTTPHeader context: buf: HTTP/1.1 200 OK\\r\\nSet-Cookie: \
                       a=secret cause: secret cause: invalid header name, status: 502";
        let shown = without_heads(message);
        assert!(!shown.contains("secret"), "{shown}");
        assert!(
            shown.ends_with(" cause: invalid header name, status: 502"),
            "{shown}"
        );
        assert_eq!(without_heads("plain cause: x"), "plain cause: x");
    }

    #[test]
    fn a_client_that_goes_away_is_no_error() {
        for (message, about) in [
            (
                "Fail to proxy: Downstream ConnectionClosed, status: 0",
                true,
            ),
            ("Downstream handshake error from 1.2.3.4: x", true),
            ("failed to send error response to downstream: x", true),
            ("Fail to proxy: Upstream ConnectRefused", false),
            ("Accept() failed: too many open files", false),
        ] {
            assert_eq!(is_about_a_client(message), about, "{message}");
        }
    }
}
