//! What a device calls itself, made short for a person: "Firefox on Linux".
//!
//! A hint for recognising one's own, never more: anybody can send any words. It is text
//! like all other, and escaped by the templates.

/// What identifies a browser in its `User-Agent`. Most of them name several that they
/// want to be taken for, so whoever adds to another's words comes first.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Epiphany/", "Epiphany"),
    ("Electron/", "Desktop app"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
];

/// The same for systems: phones first, since they name the system that they grew from.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
];

/// Where Safari runs; elsewhere its name stands for "some WebKit".
const APPLE: &[&str] = &["iPhone", "iPad", "macOS"];

const UNKNOWN: &str = "Unknown device";

/// The longest program's name that is shown; a guess.
const LONGEST: usize = 40;

/// The name of the device that calls itself `agent`.
#[must_use]
pub(crate) fn name(agent: &str) -> String {
    if !agent.starts_with("Mozilla/") {
        return program(agent).unwrap_or(UNKNOWN).to_owned();
    }
    let named = |table: &[(&'static str, &'static str)]| {
        let found = table.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    let system = named(SYSTEMS);
    let is_safari = agent.contains("Safari/") && system.is_some_and(|s| APPLE.contains(&s));
    match (named(BROWSERS).or(is_safari.then_some("Safari")), system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("Browser on {system}"),
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// The first word of what is no browser: `curl` of `curl/8.5.0`.
fn program(agent: &str) -> Option<&str> {
    let word = agent.split(['/', ' ', '(', ';']).next()?;
    let end = word
        .char_indices()
        .nth(LONGEST)
        .map_or(word.len(), |(at, _)| at);
    word.get(..end).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_of_today_have_a_name_that_people_know() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/18.6 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                 Gecko) FxiOS/144.0 Mobile/15E148 Safari/605.1.15",
                "Firefox on iPad",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; SM-S938B) AppleWebKit/537.36 (KHTML, like Gecko) \
                 SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 HeadlessChrome/142.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36 OPR/124.0.0.0",
                "Opera on Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.0 Safari/605.1.15",
                "Browser on Linux",
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Unknown device",
            ),
            ("Mozilla/5.0 Firefox/1", "Firefox"),
            ("curl/8.5.0", "curl"),
            ("python-requests/2.32.3", "python-requests"),
            ("okhttp/5.0.0", "okhttp"),
            ("Wget", "Wget"),
            ("my app 3", "my"),
            ("", "Unknown device"),
            (" ", "Unknown device"),
            ("(none)", "Unknown device"),
            ("/", "Unknown device"),
        ] {
            assert_eq!(name(agent), expected, "{agent:?}");
        }
    }

    #[test]
    fn a_name_without_end_is_cut() {
        assert_eq!(name(&"x".repeat(256)), "x".repeat(LONGEST));
        assert_eq!(name(&"é".repeat(256)), "é".repeat(LONGEST));
    }
}
