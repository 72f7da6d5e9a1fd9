//! What works and should be said at start all the same.

use std::path::Path;

use super::context::Context;
use super::keys;
use super::settings::{Access, Session, Settings, StoreKind};
use super::tree::{Node, Shape};
use crate::domain::origin::Scheme;

/// Notes the warnings that need the settings as a whole.
pub(super) fn warn(cx: &Context, settings: &Settings) {
    let public_url = settings.public_url.as_ref();
    if settings.cookies_over_http {
        cx.warn(
            "insecure.cookies_over_http is on: session cookies travel in clear text and can be read and replaced on the way.",
        );
    }
    match public_url {
        Some(origin) if origin.scheme() == Scheme::Https => {}
        Some(origin) if settings.tls.is_some() => cx.warn(format!(
            "public_url is {origin}, but the listener speaks TLS: browsers will come from another origin."
        )),
        Some(origin) if !origin.authority().is_loopback() && !settings.cookies_over_http => cx.warn(format!(
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
        && origin.scheme() == Scheme::Https
    {
        for foreign in &settings.cors.allowed_origins {
            if foreign.scheme() == Scheme::Http && !foreign.authority().is_loopback() {
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
    warn_of_lifetimes(cx, &settings.session);
    if settings.default_access == Access::Public {
        cx.warn("default_access is public: paths without a rule need no session.");
    }
}

/// Notes what of `session` is legal, and hardly what was meant.
fn warn_of_lifetimes(cx: &Context, session: &Session) {
    let span = humantime::format_duration;
    let (access, idle) = (session.access_ttl, session.idle_timeout);
    let warn_if = |odd: bool, sentence: String| {
        if odd {
            cx.warn(sentence);
        }
    };
    warn_if(
        access >= idle,
        format!(
            "session.access_ttl ({}) is not shorter than session.idle_timeout ({}): a session is renewed when its access token ends, so that those in use end too.",
            span(access),
            span(idle)
        ),
    );
    warn_if(
        idle > session.absolute_timeout,
        format!(
            "session.idle_timeout ({}) is longer than session.absolute_timeout ({}), and so does nothing.",
            span(idle),
            span(session.absolute_timeout)
        ),
    );
    if let Some(remember) = session.remember_me {
        warn_if(
            remember < idle.min(session.absolute_timeout),
            format!(
                "session.remember_me ({}) is shorter than a session without it: who ticks the box is signed out sooner.",
                span(remember)
            ),
        );
    }
    warn_if(
        session.refresh_grace > access,
        format!(
            "session.refresh_grace ({}) is longer than session.access_ttl ({}): a stolen refresh token can be used beside its owner's for that long, and nobody notices.",
            span(session.refresh_grace),
            span(access)
        ),
    );
    if matches!(session.store, StoreKind::Memory) {
        cx.warn("session.store is memory: after a restart no session can be renewed, and those that were signed out are good again until their access token runs out.");
    }
}

/// Warns when others can read a configuration that holds password hashes or a secret.
pub(super) fn warn_of_readable_secrets(cx: &Context, root: &Node, path: &Path) {
    if root
        .child("users")
        .is_some_and(|users| matches!(users.shape, Shape::List(_)))
    {
        return cx.warn_if_world_readable(path, "password hashes");
    }
    for key in keys::SECRETS {
        let mut parts = key.split('.');
        let found = parts.try_fold(root, |node, part| node.child(part));
        let holds = found.is_some_and(|node| match &node.shape {
            Shape::List(items) => items.iter().any(is_literal),
            _ => is_literal(node),
        });
        if holds {
            return cx.warn_if_world_readable(path, &format!("a secret ({key})"));
        }
    }
}

/// Whether a secret stands here itself, and not where to find it.
fn is_literal(node: &Node) -> bool {
    let Shape::Scalar { text, .. } = &node.shape else {
        return false;
    };
    let refers = text.starts_with("env:") || text.starts_with("file:");
    !(node.is_null() || refers || super::secret_ref::is_open_url(text))
}
