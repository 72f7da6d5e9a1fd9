//! What works and should be said at start all the same.

use std::path::Path;

use super::context::Context;
use super::settings::{Access, Settings};
use super::tree::{Node, Shape};
use super::web::WebOrigin;

/// Notes the warnings that need the settings as a whole.
pub(super) fn warn(cx: &Context, settings: &Settings, public_url: Option<&WebOrigin>) {
    if settings.cookies_over_http {
        cx.warn(
            "insecure.cookies_over_http is on: session cookies travel in clear text and can be read and replaced on the way.",
        );
    }
    match public_url {
        Some(origin) if origin.https => {}
        Some(origin) if settings.tls.is_some() => cx.warn(format!(
            "public_url is {origin}, but the listener speaks TLS: browsers will come from another origin."
        )),
        Some(origin) if !origin.is_loopback() && !settings.cookies_over_http => cx.warn(format!(
            "public_url is {origin}: browsers keep our Secure cookies only over https, so that nobody can stay signed in."
        )),
        Some(_) => {}
        None if settings.tls.is_none() => {
            for address in settings.listen.iter().filter(|a| !a.ip().is_loopback()) {
                cx.warn(format!(
                    "{address} is a plain listener that others can reach, and public_url is not set: put TLS before it and set public_url to its https:// origin."
                ));
            }
        }
        None => {}
    }
    if let Some(origin) = public_url
        && origin.https
    {
        for foreign in &settings.cors.allowed_origins {
            if let Some(host) = foreign.strip_prefix("http://")
                && !super::web::is_loopback(host.split(':').next().unwrap_or(host))
            {
                cx.warn(format!(
                    "cors.allowed_origins has {foreign}: whoever controls the network can act as that site."
                ));
            }
        }
    }
    if public_url.is_none() && !settings.extra_hosts.is_empty() {
        cx.warn("extra_hosts does nothing without public_url: every Host is accepted.");
    }
    if !settings.admin.listen.ip().is_loopback() {
        cx.warn(format!(
            "The admin listener {} can be reached by others: metrics and health are readable without a password.",
            settings.admin.listen
        ));
    }
    if settings
        .trusted_proxies
        .iter()
        .any(|net| net.prefix_len() == 0)
    {
        cx.warn(
            "trusted_proxies has a network of all addresses: every client can choose the address that it appears to come from.",
        );
    }
    if !settings.users.is_empty() && settings.users.iter().all(|user| user.disabled) {
        cx.warn("Every user is disabled: nobody can log in.");
    }
    if settings.csrf.mode == super::settings::CsrfMode::Off {
        cx.warn("csrf.mode is off: other sites can make a signed-in browser send requests.");
    }
    if settings.default_access == Access::Public {
        cx.warn("default_access is public: paths without a rule need no session.");
    }
}

/// Warns when others can read a configuration that holds password hashes or a key.
pub(super) fn warn_of_readable_secrets(cx: &Context, root: &Node, path: &Path) {
    let Shape::Map(entries) = &root.shape else {
        return;
    };
    let find = |key: &str| entries.iter().find(|entry| entry.key == key);
    if find("users").is_some_and(|users| matches!(users.value.shape, Shape::List(_))) {
        return cx.warn_if_world_readable(path, "password hashes");
    }
    let Some(signing) = find("signing") else {
        return;
    };
    let literal = |node: &Node| {
        matches!(&node.shape, Shape::Scalar { text, .. }
        if !node.is_null() && !text.starts_with("env:") && !text.starts_with("file:"))
    };
    if let Shape::Map(entries) = &signing.value.shape
        && let Some(key) = entries.iter().find(|entry| entry.key == "key")
    {
        let holds = match &key.value.shape {
            Shape::List(items) => items.iter().any(literal),
            _ => literal(&key.value),
        };
        if holds {
            cx.warn_if_world_readable(path, "a signing key");
        }
    }
}
