//! The log's shape: lines for people, or one JSON object a line. Through `log` and
//! `env_logger`; standard error.
//!
//! Libraries are capped at info whatever the level is: a proxy's trace prints whole
//! request heads, cookies included.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use env_logger::Logger;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::access::{self, ACCESS, AUDIT, Access};
use super::fields::{Fields, LogFormat};
use super::queue;
use crate::adapters::clock;
use crate::domain::time::Timestamp;

/// `log`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The least level that is written.
    pub level: LevelFilter,
    /// Lines for people or for programs.
    pub format: LogFormat,
    /// Whether the access log has the query.
    pub query: bool,
}

static LOGGER: OnceLock<FilteredLogger> = OnceLock::new();

/// Starts logging for the process. `platform` is the log target of the server library
/// below us: capped at warnings, and what is no error of ours left out.
pub(crate) fn start(settings: &LogSettings, platform: &'static str) {
    let logger = LOGGER.get_or_init(|| FilteredLogger {
        inner: ArcSwap::from_pointee(build(settings, platform)),
        platform,
    });
    // Lost if the process logs in another way already.
    let _other = log::set_logger(logger);
    renew(settings);
    queue::start();
}

/// Writes what is still on its way to the log when it is dropped: the last thing that a
/// process does.
#[derive(Debug)]
pub(crate) struct FlushOnDrop;

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        log::logger().flush();
    }
}

/// Puts other settings in force, if [`start`] was called before.
pub(crate) fn renew(settings: &LogSettings) {
    if let Some(logger) = LOGGER.get() {
        let renewed = build(settings, logger.platform);
        log::set_max_level(renewed.filter());
        let of_access = Metadata::builder()
            .level(Level::Info)
            .target(ACCESS)
            .build();
        access::want(renewed.enabled(&of_access));
        logger.inner.store(Arc::new(renewed));
    }
}

fn build(settings: &LogSettings, platform: &'static str) -> Logger {
    let level = settings.level;
    let libraries = level.min(LevelFilter::Info);
    let format = settings.format;
    env_logger::Builder::new()
        .filter_level(libraries)
        .filter_module("doorward", level)
        .filter_module(ACCESS, level)
        .filter_module(AUDIT, level)
        // Says every listener and runtime at info.
        .filter_module(platform, level.min(LevelFilter::Warn))
        .format(move |out, record| {
            let at = clock::now();
            let (level, target) = (record.level(), record.target());
            let said = message(record, platform);
            match target == ACCESS || target == AUDIT || format == LogFormat::Text {
                true => line(out, format, at, level, target, &said),
                false => writeln!(
                    out,
                    "{{\"time\":\"{}\",\"level\":\"{level}\",\"target\":{},\"message\":{}}}",
                    time(at),
                    serde_json::Value::from(target),
                    serde_json::Value::from(said),
                ),
            }
        })
        .build()
}

/// Adds the line of a request to `out`. `fields` is only memory.
pub(super) fn access_line(out: &mut Vec<u8>, access: &Access, fields: &mut Fields) {
    access.write(fields);
    let said = fields.as_str();
    // Writing to memory cannot fail.
    let _written = line(out, access.format, access.at, Level::Info, ACCESS, said);
}

/// A line for people, or of fields in either format.
fn line(
    out: &mut impl Write,
    format: LogFormat,
    at: Timestamp,
    level: Level,
    target: &str,
    said: &str,
) -> std::io::Result<()> {
    let time = time(at);
    match format {
        LogFormat::Text => writeln!(out, "{time} {level:<5} {target} {}", one_line(said)),
        LogFormat::Json => writeln!(
            out,
            "{{\"time\":\"{time}\",\"level\":\"{level}\",\"target\":\"{target}\",{said}}}"
        ),
    }
}

fn time(at: Timestamp) -> impl Display {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at.millis());
    humantime::format_rfc3339_millis(at)
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
fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.escape_debug().to_string().into()
    } else {
        text.into()
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

/// Lets everything through but the platform's errors that are none of ours: a scan of the
/// port would fill the log with them, and a request waits for whoever reads it.
struct FilteredLogger {
    inner: ArcSwap<Logger>,
    platform: &'static str,
}

impl Log for FilteredLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.load().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let of_platform = record.target().starts_with(self.platform);
        if of_platform && record.level() <= Level::Warn && is_no_error(&record.args().to_string()) {
            return;
        }
        self.inner.load().log(record);
    }

    fn flush(&self) {
        queue::flush();
        self.inner.load().flush();
    }
}

/// Whether a message is about a client that went away, or about a connection to the app
/// that was still being put into the pool when the next request asked for it: that request
/// takes another.
fn is_no_error(message: &str) -> bool {
    message.contains("Downstream")
        || message.contains("downstream")
        || message.contains("H2 handshake error")
        || message == "failed to acquire reusable stream"
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
    fn what_happens_every_day_is_no_error() {
        for (message, is_none) in [
            (
                "Fail to proxy: Downstream ConnectionClosed, status: 0",
                true,
            ),
            ("Downstream handshake error from 1.2.3.4: x", true),
            ("failed to send error response to downstream: x", true),
            ("failed to acquire reusable stream", true),
            ("Fail to proxy: Upstream ConnectRefused", false),
            ("Accept() failed: too many open files", false),
        ] {
            assert_eq!(is_no_error(message), is_none, "{message}");
        }
    }
}
