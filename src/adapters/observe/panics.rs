//! A panic ends one connection or one task and must not pass in silence: it is counted,
//! and told as one line of the log with its place and its thread.
//!
//! Of the message only what stands before the values: a library may quote what it was
//! working on, and that may be a request.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::LazyLock;

use prometheus::IntCounter;

/// Panics of this process.
static COUNT: LazyLock<Option<IntCounter>> =
    LazyLock::new(|| IntCounter::new("doorward_panics_total", "Panics, each a defect.").ok());

/// Where a message begins to quote values: `… on an Err value: …`, `… inside 'x' …`.
const QUOTES: [&str; 5] = [": ", " '", " \"", " of `", "\n"];

/// Tells every panic of the process from here on.
pub(crate) fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        if let Some(count) = COUNT.as_ref() {
            count.inc();
        }
        log::error!("{}", line(panic));
    }));
}

/// The counter, for a registry.
pub(super) fn count() -> Option<IntCounter> {
    COUNT.clone()
}

fn line(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("?");
    let said = message(panic.payload());
    let place = panic
        .location()
        .map(|at| format!(" at {at}"))
        .unwrap_or_default();
    // Captures only what `RUST_BACKTRACE` asks for.
    let trace = Backtrace::capture();
    match trace.status() {
        BacktraceStatus::Captured => format!("panic in {thread}{place}: {said}\n{trace}"),
        _ => format!("panic in {thread}{place}: {said}"),
    }
}

/// A message without arguments is ours or a library's own words. One that was put
/// together is cut where it begins to quote.
fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return text;
    }
    let text = payload.downcast_ref::<String>().map_or("", String::as_str);
    let ends = QUOTES.iter().filter_map(|quote| text.find(quote));
    let end = ends.min().unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_without_the_values_in_it() {
        for (text, told) in [
            (
                "index out of bounds: the len is 3 but the index is 5",
                "index out of bounds",
            ),
            (
                "called `Result::unwrap()` on an `Err` value: Some(\"hunter2\")",
                "called `Result::unwrap()` on an `Err` value",
            ),
            (
                "end byte index 9 is out of bounds of `hunter2`",
                "end byte index 9 is out of bounds",
            ),
            (
                "byte index 1 is not a char boundary; it is inside 'ü' (bytes 0..2) of `über`",
                "byte index 1 is not a char boundary; it is inside",
            ),
            (
                "assertion `left == right` failed\n  left: \"hunter2\"\n right: \"x\"",
                "assertion `left == right` failed",
            ),
            ("no room", "no room"),
        ] {
            assert_eq!(message(&text.to_owned()), told);
        }
        assert_eq!(message(&"cannot: at all"), "cannot: at all");
        assert_eq!(message(&7_u8), "");
    }
}
