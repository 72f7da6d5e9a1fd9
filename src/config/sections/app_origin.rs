//! Origins of apps and extensions in `cors.allowed_origins`: `capacitor://localhost`,
//! `app://obsidian.md`, `chrome-extension://…`.
//!
//! They have schemes of their own, and each program serialises them in its own way, so that
//! they are compared byte for byte as written (a Safari extension's has capitals). A wildcard is
//! none: any extension could act for the user.

use crate::domain::fault::Fault;

/// Schemes whose origin browsers send as `null`, or that no page has.
const NONE: [&str; 9] = [
    "about",
    "blob",
    "data",
    "file",
    "ftp",
    "javascript",
    "urn",
    "ws",
    "wss",
];

/// The origin as written; `None` for what is one of the web, or none at all.
pub(crate) fn parse(text: &str) -> Option<Result<String, Fault>> {
    let (scheme, host) = text.split_once("://")?;
    let is_web = ["http", "https"].map(|web| scheme.eq_ignore_ascii_case(web));
    if is_web.contains(&true) || host.contains('*') || scheme.contains('*') {
        return None;
    }
    let mut letters = scheme.bytes();
    let is_scheme = letters.next().is_some_and(|b| b.is_ascii_lowercase())
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    Some(if !is_scheme || NONE.contains(&scheme) {
        Err(Fault::new(
            "has a scheme of which no page sends an origin",
            "write https://…, or what the app sends, such as capacitor://localhost",
        ))
    } else if !is_host(host) {
        Err(Fault::new(
            "is not the origin of an app: scheme://host alone",
            "write what the app sends in Origin, without a slash at the end",
        ))
    } else {
        Ok(text.to_owned())
    })
}

/// A name as apps have, perhaps with a port.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "1"));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_name = !name.is_empty() && name.len() <= 253 && name.bytes().all(plain);
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    is_name && digits && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_apps_are_taken_as_written() {
        for text in [
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://obsidian.md",
            "app://localhost:8080",
            "chrome-extension://gighmmpiobklfepjocnamgkkbiglidom",
            "moz-extension://6a1d9b1e-6a1c-4a2f-9d51-0b6f2f8b7c11",
            "safari-web-extension://6A1D9B1E-6A1C-4A2F-9D51-0B6F2F8B7C11",
            "vscode-webview://0b6f2f8b7c11",
        ] {
            assert_eq!(parse(text).unwrap().unwrap(), text);
        }
        for text in [
            "file://",
            "file://localhost",
            "data://x",
            "wss://app.example.com",
            "javascript://x",
            "App://obsidian.md",
            "app://obsidian.md/",
            "app://obsidian.md/x",
            "app://",
            "app://x y",
            "app://u@x",
            "app://x:99999",
            "app://x:",
            "1app://x",
            "://x",
            "a,b://x",
            "app://x?y",
            "app://x#y",
            "app://caf\u{e9}",
        ] {
            assert!(parse(text).unwrap().is_err(), "{text:?}");
        }
        for text in [
            "https://app.example.com",
            "HTTP://app.example.com",
            "app.example.com",
            "chrome-extension://*",
            "*://x",
            "null",
            "",
        ] {
            assert!(parse(text).is_none(), "{text:?} is not for us to judge");
        }
    }
}
