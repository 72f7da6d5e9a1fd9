//! `cookies` and `session`.

use std::time::Duration;

use super::names;
use super::problem::Fault;
use super::reader::Section;
use super::settings::{Cookies, CrossSiteNavigation, Renewal, SameSite, Session, StoreKind};
use super::tree::Shape;
use super::values;
use super::web::WebOrigin;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Reads `cookies`.
pub(super) fn cookies(root: &Section<'_>, public_url: Option<&WebOrigin>) -> Cookies {
    let section = root.section("cookies", "cookies");
    let domain = section.optional("domain", |text| {
        let domain = names::domain(text)?;
        if let Some(origin) = public_url
            && origin.host != domain
            && !origin.host.ends_with(&format!(".{domain}"))
        {
            return Err(Fault::new(
                format!("is not the domain of public_url's host {}", origin.host),
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
        let words = [("strict", SameSite::Strict), ("lax", SameSite::Lax)];
        values::choice(&text.to_ascii_lowercase(), &words)
    });
    Cookies {
        name: section.or("name", "doorward".to_owned(), names::cookie),
        domain,
        same_site,
    }
}

/// Reads `session`; what only acts with refresh tokens is held back elsewhere.
pub(super) fn session(root: &Section<'_>) -> Session {
    let section = root.section("session", "session");
    let absolute_timeout = Duration::from_secs(7 * 24 * HOUR);
    let access_ttl = section.or("access_ttl", Duration::from_secs(15 * MINUTE), |text| {
        let span = values::seconds(text)?;
        if span > absolute_timeout {
            return Err(Fault::new(
                "is longer than a whole session (session.absolute_timeout)",
                "give minutes: a token is only as good as its lifetime is short",
            ));
        }
        Ok(span)
    });
    let navigation = [
        ("bounce", CrossSiteNavigation::Bounce),
        ("confirm", CrossSiteNavigation::Confirm),
        ("login", CrossSiteNavigation::Login),
    ];
    Session {
        access_ttl,
        idle_timeout: Duration::from_secs(12 * HOUR),
        absolute_timeout,
        remember_me: Some(Duration::from_secs(30 * 24 * HOUR)),
        refresh_grace: Duration::from_secs(10),
        renewal: Renewal::Silent,
        max_per_user: None,
        refuse_when_stale: None,
        cross_site_navigation: section.or(
            "cross_site_navigation",
            CrossSiteNavigation::Bounce,
            |text| values::choice(text, &navigation),
        ),
        store: store(&section),
    }
}

fn store(section: &Section<'_>) -> StoreKind {
    let words = [
        ("embedded", StoreKind::Embedded),
        ("memory", StoreKind::Memory),
    ];
    let Some(spot) = section.get("store") else {
        return StoreKind::Embedded;
    };
    if matches!(spot.node.shape, Shape::Map(_)) {
        let redis = spot.section("session.store");
        if !redis.has("redis") {
            redis.missing("redis", "write embedded, memory or { redis: { url: … } }");
        }
        return StoreKind::Embedded;
    }
    if matches!(spot.text(), Ok("redis")) {
        spot.refuse(Fault::new(
            "lacks the server",
            "write { redis: { url: redis://host } }",
        ));
        return StoreKind::Embedded;
    }
    spot.parse(|text| values::choice(text, &words))
        .unwrap_or(StoreKind::Embedded)
}
