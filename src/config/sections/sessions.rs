//! `cookies`, `session` and `logout`.

use std::time::Duration;

use crate::auth::policy::LONGEST_TOKEN;
use crate::config::schema::reader::Section;
use crate::config::sections::names;
use crate::config::sections::store;
use crate::config::sections::values;
use crate::config::settings::{
    Cookies, CrossSiteNavigation, Lifetimes, Logout, Renewal, SameSite, SessionRules, SiteData,
    StoreKind,
};
use crate::domain::fault::Fault;
use crate::domain::origin::Origin;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The longest that browsers keep a cookie that is not set again.
const COOKIE_LIFE: Duration = LONGEST_TOKEN;

/// Reads `cookies`.
pub(crate) fn cookies(root: &Section<'_>, public_url: Option<&Origin>) -> Cookies {
    let section = root.section("cookies", "cookies");
    let domain = section.optional("domain", |text| {
        let domain = names::domain(text)?;
        if let Some(host) = public_url.map(|origin| origin.authority().host())
            && host != domain
            && !host.ends_with(&format!(".{domain}"))
        {
            return Err(Fault::new(
                format!("is not the domain of public_url's host {host}"),
                "browsers would drop the cookie: write the host or a domain above it",
            ));
        }
        Ok(domain)
    });
    let same_site = section.or("same_site", SameSite::Strict, |text| {
        if text.eq_ignore_ascii_case("none") {
            return Err(Fault::new(
                "would send the cookie along with every foreign site's request",
                "write strict or lax; an app on a sibling host needs neither",
            ));
        }
        values::word(&text.to_ascii_lowercase())
    });
    Cookies {
        name: section.or("name", "doorward".to_owned(), names::cookie),
        domain,
        same_site,
        csrf: None,
        over_http: root.section("insecure", "insecure").or(
            "cookies_over_http",
            false,
            values::switch,
        ),
    }
}

/// Reads `logout`.
pub(crate) fn logout(root: &Section<'_>) -> Logout {
    Logout {
        clear_site_data: root.section("logout", "logout").list(
            "clear_site_data",
            vec![SiteData::Storage],
            values::word,
        ),
    }
}

/// Reads `session`: its rules, its store, and `cut_downloads`.
pub(crate) fn session(root: &Section<'_>) -> (SessionRules, StoreKind, bool) {
    let section = root.section("session", "session");
    let absolute = section.or(
        "absolute_timeout",
        Duration::from_secs(7 * DAY),
        values::seconds,
    );
    let access = section.or("access_ttl", Duration::from_secs(15 * MINUTE), |text| {
        let span = values::seconds(text)?;
        if span > absolute {
            return Err(Fault::new(
                "is longer than a whole session (session.absolute_timeout)",
                "give minutes: a token is only as good as its lifetime is short",
            ));
        }
        Ok(span)
    });
    let remember = match section.get("remember_me") {
        Some(_) => section.optional("remember_me", idle),
        None => Some(Duration::from_secs(30 * DAY)),
    };
    let store = store::kind(&section, root);
    let rules = SessionRules {
        lifetimes: Lifetimes {
            access,
            idle: section.or("idle_timeout", Duration::from_secs(12 * HOUR), idle),
            absolute,
            remember,
            grace: section.or(
                "refresh_grace",
                Duration::from_secs(10),
                values::any_duration,
            ),
        },
        renewal: section.or("renewal", Renewal::Silent, values::word),
        max_per_user: match section.get("max_per_user") {
            Some(_) => section.optional("max_per_user", |text| values::count(text, 1..=1_000_000)),
            None => Some(100),
        },
        cross_site_navigation: section.or(
            "cross_site_navigation",
            CrossSiteNavigation::Bounce,
            values::word,
        ),
        refuse_when_stale: store::refuse_when_stale(&section, &store),
    };
    (
        rules,
        store,
        section.or("cut_downloads", false, values::switch),
    )
}

/// How long a browser that stays away keeps its session.
fn idle(text: &str) -> Result<Duration, Fault> {
    let span = values::seconds(text)?;
    if span > COOKIE_LIFE {
        return Err(Fault::new(
            "is longer than browsers keep a cookie (RFC 6265bis §5.5)",
            "give at most 400d",
        ));
    }
    Ok(span)
}
