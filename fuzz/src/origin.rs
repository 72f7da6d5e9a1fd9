//! Origins and authorities: one spelling, in agreement with the `url` crate.

use doorward::domain::origin::{Authority, Origin, Scheme};
use url::{Host, Url};

/// See [`super`].
pub fn check(data: &[u8]) {
    authority(data);
    let ours = Origin::parse(data);
    let text = str::from_utf8(data).ok();
    let url = text.and_then(|text| Url::parse(text).ok());
    let theirs = url.as_ref().filter(|url| is_bare(url));
    let theirs = theirs.map(|url| url.origin().ascii_serialization());
    if let Some(ours) = &ours {
        let text = text.expect("an origin is text");
        assert_eq!(ours.to_string(), text, "not the text that was parsed");
        assert_eq!(Origin::parse(text.as_bytes()).as_ref(), Some(ours));
        let again = Origin::new(ours.scheme(), ours.authority().clone());
        assert_eq!(&again, ours, "a default port is in it");
        // The crate refuses names that no browser could be at; those are nobody's.
        if let Some(url) = &url {
            let written = url.origin().ascii_serialization();
            assert_eq!(written, text, "a browser writes this origin differently");
        }
    }
    if let (Some(theirs), Some(url)) = (&theirs, &url)
        && text == Some(theirs)
        && names_a_plain_host(url)
    {
        assert!(ours.is_some(), "an origin that browsers send is nobody's");
    }
}

/// Nothing but scheme, host and port.
fn is_bare(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

/// Names with other characters than letters, digits, `-`, `.` and `_` are no host names.
fn names_a_plain_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            name.bytes().all(plain)
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

fn authority(data: &[u8]) {
    let Some(authority) = Authority::parse(data) else {
        return;
    };
    let host = authority.host();
    assert_eq!(host, host.to_ascii_lowercase(), "two spellings of one host");
    let odd = |b: u8| b.is_ascii_control() || b" /?#@\\,;%<>\"".contains(&b);
    assert!(!data.iter().any(|&b| odd(b)), "more than host and port");
    let written = authority.to_string();
    let again = Authority::parse(written.as_bytes());
    assert_eq!(again.as_ref(), Some(&authority), "{written:?}");
    for scheme in [Scheme::Http, Scheme::Https] {
        assert!(authority.same_place(&authority, scheme));
        let plain = Origin::new(scheme, authority.clone());
        assert!(plain.authority().same_place(&authority, scheme));
        let text = plain.to_string();
        if let Some(parsed) = Origin::parse(text.as_bytes()) {
            assert_eq!(parsed, plain);
        }
    }
}
