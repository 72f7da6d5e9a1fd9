//! Origins, hosts and addresses: accepted in one spelling, or refused.

use super::*;

#[test]
fn allowed_origins_are_exact() {
    for (text, expected) in [
        ("https://app.example.com", Some("https://app.example.com")),
        ("https://APP.example.com", Some("https://app.example.com")),
        (
            "https://app.example.com:443",
            Some("https://app.example.com"),
        ),
        (
            "https://app.example.com:8443",
            Some("https://app.example.com:8443"),
        ),
        ("http://localhost:5173", Some("http://localhost:5173")),
        ("http://[::1]:80", Some("http://[::1]")),
        ("http://[0:0:0:0:0:0:0:1]", Some("http://[::1]")),
        (
            "http://[::ffff:192.0.2.1]",
            Some("http://[::ffff:c000:201]"),
        ),
        ("http://10.0.0.7", Some("http://10.0.0.7")),
        ("https://app.example.com/", None),
        ("https://app.example.com/x", None),
        ("https://app.example.com?x", None),
        ("https://app.example.com#x", None),
        ("https://app.example.com\\x", None),
        ("https://*.example.com", None),
        ("*", None),
        ("null", None),
        ("", None),
        ("app.example.com", None),
        ("ftp://app.example.com", None),
        ("https://", None),
        ("https://user@app.example.com", None),
        ("https://app.example.com:", None),
        ("https://app.example.com:0", None),
        ("https://app.example.com:+80", None),
        ("https://app.example.com.", None),
        ("https://app..example.com", None),
        ("https://bücher.example", None),
        ("https://::1", None),
        ("https://127.1", None),
        ("https://0x7f.1", None),
        ("https://1.0x7f", None),
        ("https://1st.example", Some("https://1st.example")),
        ("https://app example.com", None),
    ] {
        let got = allowed_origin(text).ok().map(|origin| origin.to_string());
        assert_eq!(got.as_deref(), expected, "{text:?}");
    }
}

#[test]
fn the_mend_names_the_origin_without_its_path() {
    let fault = allowed_origin("https://app.example.com/").unwrap_err();
    assert_eq!(fault.mend, "write https://app.example.com");
}

#[test]
fn public_urls_may_end_in_a_slash_and_no_more() {
    assert_eq!(
        public_url("https://App.example.com:443/")
            .unwrap()
            .to_string(),
        "https://app.example.com"
    );
    assert!(public_url("https://app.example.com/app").is_err());
    assert!(public_url("https://app.example.com//").is_err());
}

#[test]
fn upstreams() {
    let http = |host: &str, port| Upstream::Http {
        host: host.into(),
        port,
    };
    let https = |host: &str, port| Upstream::Https {
        host: host.into(),
        port,
    };
    for (text, expected) in [
        ("http://127.0.0.1:3000", Some(http("127.0.0.1", 3000))),
        ("http://127.0.0.1:3000/", Some(http("127.0.0.1", 3000))),
        ("http://my_app", Some(http("my_app", 80))),
        ("https://app.internal", Some(https("app.internal", 443))),
        ("http://[::1]:3000", Some(http("::1", 3000))),
        (
            "unix:/run/app.sock",
            Some(Upstream::Unix("/run/app.sock".into())),
        ),
        (
            "unix:///run/app.sock",
            Some(Upstream::Unix("/run/app.sock".into())),
        ),
        ("http://127.0.0.1:3000/api", None),
        ("http://127.0.0.1:3000?x=1", None),
        ("http://127.0.0.1:3000#x", None),
        ("http://u:p@127.0.0.1:3000", None),
        ("http://::1:3000", None),
        ("http://127.0.0.1:0", None),
        ("http://127.0.0.1:99999", None),
        ("http://", None),
        ("127.0.0.1:3000", None),
        ("tcp://127.0.0.1:3000", None),
        ("unix:app.sock", None),
        ("unix:/", None),
        ("unix:", None),
        ("", None),
    ] {
        assert_eq!(upstream(text).ok(), expected, "{text:?}");
    }
    let long = |n: usize| format!("unix:/{}", "x".repeat(n - 1));
    assert!(upstream(&long(107)).is_ok());
    assert!(
        upstream(&long(108)).is_err(),
        "bind would fail at the first request"
    );
}

#[test]
fn the_host_of_an_upstream_is_written_as_a_url_has_it() {
    for (text, expected) in [
        ("http://127.0.0.1:3000", Some("127.0.0.1:3000")),
        ("http://my_app", Some("my_app")),
        ("http://app:443", Some("app:443")),
        ("https://App.internal:443", Some("app.internal")),
        ("http://[::1]:3000", Some("[::1]:3000")),
        ("unix:/run/app.sock", None),
    ] {
        let host = upstream(text).unwrap().authority();
        assert_eq!(
            host.map(|host| host.to_string()).as_deref(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn listeners_are_addresses() {
    assert!(listen("127.0.0.1:8080").is_ok());
    assert!(listen("[::]:0").is_ok());
    for (text, mend) in [
        (":8080", "127.0.0.1:8080"),
        ("8080", "0.0.0.0:8080"),
        ("localhost:8080", "127.0.0.1:8080"),
        ("127.0.0.1", "127.0.0.1:8080"),
        ("", "127.0.0.1:8080"),
    ] {
        let fault = listen(text).unwrap_err();
        assert!(fault.mend.contains(mend), "{text:?}: {}", fault.mend);
    }
}

#[test]
fn networks() {
    for (text, expected) in [
        ("10.0.0.0/8", Some("10.0.0.0/8")),
        ("10.1.2.3", Some("10.1.2.3/32")),
        ("::1", Some("::1/128")),
        ("fd00::/8", Some("fd00::/8")),
        ("::/0", Some("::/0")),
        ("0.0.0.0/0", Some("0.0.0.0/0")),
        // A peer that is mapped into IPv6 is compared as IPv4.
        ("::ffff:127.0.0.0/104", Some("127.0.0.0/8")),
        ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
        ("::ffff:0:0/96", Some("0.0.0.0/0")),
        ("::ffff:0:0/95", None),
        ("::fffe:0:0/95", None),
        ("::/1", None),
        ("224.0.0.0/4", None),
        ("ff00::/8", None),
        ("0.0.0.0", None),
        ("255.255.255.255", None),
        ("::", None),
        ("10.1.2.3/8", None),
        // Octal elsewhere: 8.0.0.0/8.
        ("010.0.0.0/8", None),
        ("10.0.0.010", None),
        ("10.0.0.0/08", None),
        ("10.0.0.0/+8", None),
        ("10.0.0.0/", None),
        ("10.0.0.0/8/8", None),
        ("10.0.0/8", None),
        ("0x0a.0.0.0/8", None),
        ("fd00::/007", None),
        // No peer has an address that is compatible with IPv4.
        ("::10.0.0.1", None),
        ("::10.0.0.0/104", None),
        ("::2/127", None),
        ("::0:1:0:0/96", Some("::1:0:0/96")),
        ("::1/128", Some("::1/128")),
        ("::/127", Some("::/127")),
        ("::/96", Some("::/96")),
        ("10.0.0.0/33", None),
        ("proxy", None),
        ("", None),
    ] {
        let got = network(text).ok().map(|net| net.to_string());
        assert_eq!(got.as_deref(), expected, "{text:?}");
    }
}

#[test]
fn extra_hosts_are_hosts() {
    for (text, expected) in [
        ("App.Internal:8080", "app.internal:8080"),
        ("[0:0::1]", "[::1]"),
        ("10.0.0.7", "10.0.0.7"),
    ] {
        assert_eq!(extra_host(text).unwrap().to_string(), expected);
    }
    for bad in ["https://app", "app/x", "", "a b", "*.example.com", "u@h"] {
        assert!(extra_host(bad).is_err(), "{bad:?}");
    }
}

/// What a fault proposes to write, if that is one value.
fn proposal(fault: &Fault) -> Option<&str> {
    let proposal = fault.mend.strip_prefix("write ")?;
    (!proposal.contains([' ', '…'])).then_some(proposal)
}

fn assert_taken<T>(text: &str, parse: impl Fn(&str) -> Result<T, Fault>) {
    let Err(fault) = parse(text) else { return };
    if let Some(proposal) = proposal(&fault) {
        let again = parse(proposal).err();
        assert_eq!(
            again, None,
            "{text:?}: {proposal:?} was proposed and is refused"
        );
    }
}

#[test]
fn a_mend_that_would_be_refused_is_not_proposed() {
    for text in [
        "https://user@app.example.com/x",
        "https://app..example.com/",
        "https://1.2.3/x",
        "https://host:99999/x",
        "https:///x",
        "HTTPS://bad_-host-/x",
        "http://::1/x",
        "::ffff:10.1.2.3/100",
        "239.1.2.3/4",
        "::ffff:1:0/80",
    ] {
        assert_taken(text, public_url);
        assert_taken(text, allowed_origin);
        assert_taken(text, upstream);
        assert_taken(text, network);
    }
    let fault = allowed_origin("https://user@app.example.com/x").unwrap_err();
    assert!(!fault.mend.contains("user@"), "{}", fault.mend);
}

proptest::proptest! {
    #[test]
    fn no_proposal_is_refused(text in "(https?://)?[a-z0-9.@:/\\[\\]?*-]{0,24}") {
        assert_taken(&text, public_url);
        assert_taken(&text, allowed_origin);
        assert_taken(&text, upstream);
        assert_taken(&text, network);
        assert_taken(&text, extra_host);
        assert_taken(&text, listen);
    }
}
