//! Who asks, by the headers that browsers send.

use std::sync::LazyLock;

use super::*;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

static FACTS: LazyLock<RequestFacts> = LazyLock::new(|| RequestFacts {
    host: Host::At(Authority::parse(b"app.example").unwrap()),
    scheme: Scheme::Https,
    client: IpAddr::from([192, 0, 2, 1]),
    framing: Framing::Plain,
    content_length: None,
});

fn view<'a>(headers: &'a HeaderMap, query: Option<&'a [u8]>) -> RequestView<'a> {
    RequestView {
        query,
        ..RequestView::new(&Method::GET, b"/a", headers, &FACTS)
    }
}

#[test]
fn a_navigation_is_one_through_a_service_worker_too() {
    let insecure = ("upgrade-insecure-requests", "1");
    for (mode, dest, accept, more, expected) in [
        ("navigate", "document", HTML, None, true),
        ("navigate", "empty", HTML, Some(insecure), true),
        ("navigate", "empty", HTML, None, true),
        ("navigate", "empty", "*/*", Some(insecure), false),
        ("cors", "empty", HTML, Some(insecure), false),
        ("same-origin", "empty", HTML, Some(insecure), false),
        ("no-cors", "empty", HTML, Some(insecure), false),
        ("navigate", "iframe", HTML, Some(insecure), false),
        ("navigate", "", HTML, Some(insecure), false),
    ] {
        let mut fields = vec![
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", dest),
            ("accept", accept),
        ];
        fields.extend(more);
        let headers = headers(&fields);
        let seen = view(&headers, None).is_navigation();
        assert_eq!(seen, expected, "{mode} {dest:?} {accept} {more:?}");
    }
}

#[test]
fn the_page_around_a_frame_is_of_this_host() {
    for (referer, expected) in [
        ("https://app.example/x?y=z", Some("/x?y=z")),
        ("https://app.example:443/", Some("/")),
        ("https://app.example", None),
        ("https://evil.example/x", None),
        ("https://app.example.evil.example/x", None),
        ("https://app.example@evil.example/x", None),
        ("https://app.example:8443/x", None),
        ("/x", None),
        ("about:blank", None),
    ] {
        let headers = headers(&[("referer", referer)]);
        assert_eq!(view(&headers, None).asking_page(), expected, "{referer}");
    }
}

#[test]
fn a_target_keeps_any_query() {
    let nothing = HeaderMap::new();
    for (query, expected) in [
        (&b"a=b&c=%20+|^`{}[]'"[..], "/a?a=b&c=%20+|^`{}[]'"),
        (b"a=\\b\"<>", "/a?a=%5Cb%22%3C%3E"),
        (b"a=caf\xc3\xa9", "/a?a=caf%C3%A9"),
        (b"a=\xe9", "/a?a=%E9"),
        (b"a=b c#d", "/a?a=b%20c%23d"),
        (b"?", "/a??"),
    ] {
        assert_eq!(view(&nothing, Some(query)).target(), expected);
    }
}
