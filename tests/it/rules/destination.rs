//! `MOVE` and `COPY` name a second path in `Destination`: it is judged under the same rules.

use crate::support::{Gateway, world_with};

const RULES: &str = "rules:
  - { path: /admin/**, access: { roles: [admin] } }
  - { path: /never/**, access: deny }
  - { path: /drop/**, access: public }
  - { path: /anon/**, access: public, identity: off, cross_origin: anyone }
";

fn ask(gateway: &Gateway, method: &str, path: &str, to: &str, cookie: &str) -> u16 {
    let request = gateway.request(method, path).own_origin();
    let answer = request.cookie(cookie).header("Destination", to).send();
    answer.status
}

#[test]
fn the_second_path_is_judged_too() {
    let (gateway, app) = world_with(RULES);
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let here = format!("http://127.0.0.1:{}", gateway.port());
    // To where, then what Bob and Alice get.
    for (to, bobs, alices) in [
        ("/files/b", 200, 200),
        ("{here}/files/b", 200, 200),
        ("{HERE}/files/b", 200, 200),
        ("/admin/a", 403, 200),
        ("{here}/admin/a", 403, 200),
        ("{here}/ADMIN/a", 403, 200),
        ("{here}/%61dmin/a", 403, 200),
        ("{here}/admin/a?x", 403, 200),
        ("/never/a", 403, 403),
        // In every reading.
        ("/admin%2fa", 400, 200),
        ("//admin/a", 400, 200),
        ("{here}//admin/a", 400, 200),
        ("{here}/files/../admin/a", 400, 400),
        ("{here}/files/a#b", 400, 400),
        // What is no path here is judged by nobody.
        ("http://elsewhere.example/files/b", 400, 400),
        ("http://elsewhere.example@127.0.0.1/files/b", 400, 400),
        ("files/b", 400, 400),
        ("ftp://x/files/b", 400, 400),
        ("", 400, 400),
    ] {
        let to = to.replace("{here}", &here);
        let to = to.replace("{HERE}", &here.to_uppercase());
        for method in ["MOVE", "COPY"] {
            for (who, cookie, expected) in [("Bob", &bob, bobs), ("Alice", &alice, alices)] {
                let before = app.count();
                let got = ask(&gateway, method, "/files/a", &to, cookie);
                assert_eq!(got, expected, "{who}: {method} to {to:?}");
                let reached = app.count() > before;
                assert_eq!(reached, expected == 200, "{who}: {method} to {to:?}");
            }
        }
    }
    let twice = gateway
        .request("MOVE", "/files/a")
        .own_origin()
        .cookie(&bob)
        .header("Destination", "/files/b")
        .header("Destination", "/admin/b");
    assert_eq!(twice.send().status, 400, "one of two is judged");
}

#[test]
fn a_public_path_opens_no_other() {
    let (gateway, app) = world_with(RULES);
    assert_eq!(ask(&gateway, "MOVE", "/drop/a", "/drop/b", ""), 200);
    let before = app.count();
    assert_eq!(ask(&gateway, "MOVE", "/drop/a", "/files/b", ""), 401);
    assert_eq!(ask(&gateway, "MOVE", "/drop/a", "/never/b", ""), 403);
    assert_eq!(app.count(), before, "a stranger moved a file");
    let bob = gateway.bob();
    assert_eq!(ask(&gateway, "MOVE", "/drop/a", "/files/b", &bob), 200);
    assert_eq!(ask(&gateway, "MOVE", "/drop/a", "/admin/b", &bob), 403);
}

#[test]
fn who_may_read_from_anywhere_may_not_write_from_there() {
    let (gateway, app) = world_with(RULES);
    let bob = gateway.bob();
    let ask = |origin: Option<&str>, cookie: &str| {
        let request = gateway.request("MOVE", "/anon/a").cookie(cookie);
        let request = match origin {
            Some(origin) => request.header("Origin", origin),
            None => request.own_origin(),
        };
        request.header("Destination", "/files/b").send().status
    };
    assert_eq!(ask(None, &bob), 200, "our own page");
    assert_eq!(ask(None, ""), 401, "nobody");
    let before = app.count();
    assert_eq!(ask(Some("https://evil.example"), &bob), 403);
    assert_eq!(app.count(), before, "another site moved a file");
}

#[test]
fn the_source_of_a_copy_is_judged_too() {
    let (gateway, _app) = world_with(RULES);
    let (alice, bob) = (gateway.alice(), gateway.bob());
    for name in [
        "X-Amz-Copy-Source",
        "X-Copy-From",
        "X-Ms-Copy-Source",
        "X-Ms-Rename-Source",
        "X-Goog-Copy-Source",
        "X-Oss-Copy-Source",
        "X-Cos-Copy-Source",
        "X-Obs-Copy-Source",
        "X-Bce-Copy-Source",
        "X-Tos-Copy-Source",
    ] {
        for (source, bobs) in [
            ("/files/a", 200),
            ("files/a?versionId=1", 200),
            ("/admin/a", 403),
            ("admin/a", 403),
            ("%61dmin/a", 403),
            ("/never/a", 403),
            ("files/../admin/a", 400),
            ("https://elsewhere.example/files/a", 400),
        ] {
            let put = |cookie: &str| {
                let request = gateway.request("PUT", "/files/b").own_origin();
                request.cookie(cookie).header(name, source).send().status
            };
            assert_eq!(put(&bob), bobs, "{name}: {source}");
            if source.ends_with("admin/a") && bobs == 403 {
                assert_eq!(put(&alice), 200, "{name}: {source}");
            }
        }
    }
}

#[test]
fn one_value_is_one_path() {
    let (gateway, app) = world_with(RULES);
    let bob = gateway.bob();
    for list in ["/files/b, /admin/a", "/files/b ,/admin/a", "/files/b\t/x"] {
        assert_eq!(ask(&gateway, "MOVE", "/files/a", list, &bob), 400, "{list}");
    }
    let put = gateway.request("PUT", "/files/b").own_origin().cookie(&bob);
    let two = put
        .header("X-Amz-Copy-Source", "/files/a")
        .header("X-Ms-Copy-Source", "/admin/a");
    assert_eq!(two.send().status, 400, "two sources");
    assert_eq!(app.count(), 0, "the app was asked");
    assert_eq!(ask(&gateway, "MOVE", "/files/a", "/files/b,c", &bob), 200);
}

#[test]
fn elsewhere_the_word_is_the_apps() {
    let (gateway, _app) = world_with(RULES);
    let bob = gateway.bob();
    assert_eq!(ask(&gateway, "POST", "/trips", "Paris", &bob), 200);
    assert_eq!(ask(&gateway, "POST", "/trips", "/admin/x", &bob), 403);
}
