//! What is refused, and in which words.

use super::*;

#[test]
fn a_socket_has_no_host() {
    let hash = format!("users: [{{ id: '1', username: a, password_hash: '{HASH}' }}]");
    let before = |upstream: &str| text(&format!("{upstream}\n{hash}\nupstream_host: upstream\n"));
    let said = before("upstream: unix:/run/app.sock")
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("upstream_host") && said.contains("unix socket"),
        "{said}"
    );
    let host = before("upstream: http://127.0.0.1:3000")
        .unwrap()
        .upstream_host;
    assert_eq!(host.unwrap().to_string(), "127.0.0.1:3000");
    let said = before("upstream: nonsense").unwrap_err().to_string();
    assert!(!said.contains("unix socket"), "{said}");
}

#[test]
fn one_line_is_refused_with_its_path_and_mend() {
    for (lines, path, says) in [
        ("listen: here", "listen", "127.0.0.1:8080"),
        ("listen: []", "listen", "name an address"),
        ("listen: [127.0.0.1:1, x]", "listen[1]", "not an address"),
        (
            "listen: [127.0.0.1:1, 127.0.0.1:1]",
            "listen",
            "another listener",
        ),
        (
            "admin: { listen: 127.0.0.1:8080 }",
            "admin.listen",
            "another listener",
        ),
        ("listen: 0.0.0.0:3000", "upstream", "ourselves"),
        (
            "public_url: https://a.example/app",
            "public_url",
            "write https://a.example",
        ),
        ("extra_hosts: [https://a]", "extra_hosts[0]", "host alone"),
        ("threads: 0", "threads", "between 1 and"),
        ("tls: yes", "tls", "not a map"),
        (
            "upstream_tls: { server_name: app }",
            "upstream_tls.server_name",
            "without TLS",
        ),
        ("upstream_host: UPSTREAM", "upstream_host", "small letters"),
        ("upstream_host: 'null'", "upstream_host", "small letters"),
        ("upstream_host: https://a", "upstream_host", "host alone"),
        (
            "paths: { all_under_prefix: 1 }",
            "paths.all_under_prefix",
            "true or false",
        ),
        (
            "paths: { all_under_prefix: true, login: /_doorward/logout }",
            "paths.login",
            "paths.logout",
        ),
        (
            "signing: { algorithm: none }",
            "signing.algorithm",
            "HS256, ES256",
        ),
        ("signing: { key: short }", "signing.key", "openssl rand"),
        ("signing: { key: [] }", "signing.key", "empty list"),
        ("signing: { key: 'base64:%%' }", "signing.key", "not base64"),
        (
            "signing: { key: 'base64:c2hvcnQ=' }",
            "signing.key",
            "5 bytes",
        ),
        ("signing: { key: env:NOPE }", "signing.key", "set NOPE"),
        ("signing: { key: file:/nope }", "signing.key", "/nope"),
        (
            "signing: { algorithm: ES256, key: nope }",
            "signing.key",
            "not PEM",
        ),
        ("signing: { issuer: '' }", "signing.issuer", "is empty"),
        (
            "cookies: { name: 'a b' }",
            "cookies.name",
            "not a cookie name",
        ),
        ("cookies: { domain: com }", "cookies.domain", "top-level"),
        (
            "cookies: { same_site: none }",
            "cookies.same_site",
            "strict or lax",
        ),
        (
            "public_url: https://a.example\ncookies: { domain: b.example }",
            "cookies.domain",
            "not the domain of",
        ),
        (
            "public_url: https://badexample.com\ncookies: { domain: example.com }",
            "cookies.domain",
            "not the domain of",
        ),
        ("paths: { login: login }", "paths.login", "write /login"),
        ("paths: { login: /x?y }", "paths.login", "plain path"),
        ("paths: { login: /Logout }", "paths.login", "paths.login"),
        (
            "paths: { login: /_doorward/sessions }",
            "paths.login",
            "our own",
        ),
        (
            "cors: { allowed_origins: ['*'] }",
            "cors.allowed_origins[0]",
            "wildcard",
        ),
        (
            "cors: { allowed_origins: [null] }",
            "cors.allowed_origins[0]",
            "sandboxed",
        ),
        (
            "cors: { allowed_origins: ['null'] }",
            "cors.allowed_origins[0]",
            "sandboxed",
        ),
        (
            "cors: { allowed_origins: ['https://a.example/'] }",
            "cors.allowed_origins[0]",
            "write https://a.example",
        ),
        (
            "cors: { allowed_origins: 'https://a.example' }",
            "cors.allowed_origins",
            "not a list",
        ),
        (
            "cors: { allowed_methods: [get] }",
            "cors.allowed_methods[0]",
            "write GET",
        ),
        (
            "cors: { allowed_headers: ['*'] }",
            "cors.allowed_headers[0]",
            "header name",
        ),
        (
            "identity_headers: { preset: x }",
            "identity_headers.preset",
            "oauth2-proxy",
        ),
        (
            "identity_headers: { set: { Host: id } }",
            "identity_headers.set.Host",
            "another meaning",
        ),
        (
            "identity_headers: { set: { X-A: uid } }",
            "identity_headers.set.X-A",
            "username",
        ),
        (
            "identity_headers: { set: { X-A: id, x_a: name } }",
            "identity_headers.set.x_a",
            "another spelling",
        ),
        ("rules: [{ path: /a }]", "rules[0].access", "is missing"),
        ("rules: [{ access: deny }]", "rules[0].path", "is missing"),
        (
            "rules: [{ path: /**/a, access: deny }]",
            "rules[0].path",
            "last segment",
        ),
        (
            "rules: [{ path: /a, access: open }]",
            "rules[0].access",
            "public, authenticated",
        ),
        (
            "rules: [{ path: /a, access: { roles: [] } }]",
            "rules[0].access.roles",
            "nobody",
        ),
        (
            "rules: [{ path: /a, access: { roles: ['a,b'] } }]",
            "rules[0].access.roles[0]",
            "comma",
        ),
        (
            "rules: [{ path: /a, access: { role: [x] } }]",
            "rules[0].access.role",
            "`roles`",
        ),
        (
            "rules: [{ path: /a, access: deny, methods: [] }]",
            "rules[0].methods",
            "every method",
        ),
        (
            "rules: [{ path: /a, access: public, ambiguous: [semicolon] }]",
            "rules[0].ambiguous",
            "public rule",
        ),
        (
            "default_access: { roles: [a] }",
            "default_access",
            "last rule",
        ),
        (
            "login: { max_attempts: 0 }",
            "login.max_attempts",
            "between 1",
        ),
        ("login: { window: 0s }", "login.window", "out of range"),
        (
            "trusted_proxies: [10.0.0.1/8]",
            "trusted_proxies[0]",
            "10.0.0.0/8",
        ),
        (
            "limits: { header_count: 257 }",
            "limits.header_count",
            "256",
        ),
        (
            "limits: { header_bytes: 2MiB }",
            "limits.header_bytes",
            "between",
        ),
        ("limits: { login_body: big }", "limits.login_body", "16KiB"),
        (
            "limits: { idle_stream: 0s }",
            "limits.idle_stream",
            "out of range",
        ),
        ("limits: { drain: null }", "limits.drain", "no value"),
        ("pages: { title: '' }", "pages.title", "is empty"),
        ("pages: { logo: /nope.svg }", "pages.logo", "/nope.svg"),
        ("log: { level: loud }", "log.level", "info"),
        ("log: { query: yes }", "log.query", "true or false"),
        (
            "insecure: { cookies_over_https: true }",
            "insecure.cookies_over_https",
            "`cookies_over_http`",
        ),
        ("upstrem: x", "upstrem", "did you mean `upstream`?"),
        ("access_ttl: 5m", "access_ttl", "`session.access_ttl`"),
        ("banana: 1", "banana", "known here: listen"),
        (
            "session: { banana: 1 }",
            "session.banana",
            "known here: access_ttl",
        ),
    ] {
        assert_refused(lines, path, says);
    }
}

/// One mistake, one problem.
#[track_caller]
pub(super) fn assert_refused(lines: &str, path: &str, says: &str) {
    let said = said(lines);
    let names_it = |line: &str| line.contains(&format!(": {path}: ")) && line.contains(says);
    assert!(
        said.lines().any(names_it),
        "{lines}\nwas answered by: {said}"
    );
    assert_eq!(said.lines().count(), 1, "{lines}\n{said}");
}

#[test]
fn all_problems_come_in_one_report_with_their_place() {
    let yaml = format!(
        "upstream: http://127.0.0.1:3000/api\nlisten: 5\nusers:\n  - id: '1'\n    username: a\n    password_hash: '{HASH}'\n  - id: '1'\n    username: ' A'\n    password_hash: hunter2\n    rols: [x]\nsession:\n  access_ttl: soon\n"
    );
    let problems = text(&yaml).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let begins = [
        "doorward.yaml:1:11: upstream: has something after the host",
        "doorward.yaml:2:9: listen: is not an address with a port (5)",
        "doorward.yaml:9:20: users[1].password_hash: is not a password hash",
        "doorward.yaml:10:5: users[1].rols: is not a key that we know",
        "doorward.yaml:12:15: session.access_ttl: is not a duration (soon)",
    ];
    assert_eq!(lines.len(), begins.len(), "{problems}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(
            line.starts_with(begin),
            "{line}\nshould begin with\n{begin}"
        );
    }
    assert!(
        !problems.to_string().contains("hunter2"),
        "a password was printed"
    );
}

#[test]
fn secrets_are_never_shown() {
    for lines in [
        "signing: { key: hunter2hunter2 }",
        "signing: { algorithm: ES256, key: hunter2hunter2 }",
        "signing: { key: 'base64:hunter2' }",
        "session: { store: { redis: { url: 'http://:hunter2@r' } } }",
        "session: { store: { redis: { url: 'redis://:hunter2@r' } } }",
        "session: { store: { redis: { url: 'redis://:hunter2@r:x' } } }",
        "session: { store: { redis: { url: 'rediss://:hunter2@r#insecure' } } }",
        "admin: { token: hunter2 }",
        "admin: { token: 'hunter2 hunter2 hunter2' }",
        "sining: { key: hunter2hunter2 }",
        "signing: { key: { a: hunter2 } }",
    ] {
        let said = said(lines);
        assert!(!said.is_empty() && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_required_key_is_asked_for() {
    let said = text("listen: 127.0.0.1:1\n").unwrap_err().to_string();
    assert!(
        said.contains("doorward.yaml:1:1: upstream: is missing"),
        "{said}"
    );
    assert!(said.contains("users: is missing"), "{said}");
    let open = text("upstream: http://a\ndefault_access: public\n").unwrap();
    assert!(open.users.is_empty());
}

#[test]
fn users_are_unique_and_fit_a_cookie() {
    let user = |rest: &str| format!("- {{ password_hash: '{HASH}', {rest} }}\n");
    for (users, says) in [
        (
            ["id: '1', username: a", "id: '1', username: b"],
            "users[1]: has the id of users[0]",
        ),
        (
            ["id: '1', username: alice", "id: '2', username: 'ＡLICE.'"],
            "users[1]: has the username of users[0]",
        ),
        (
            ["id: '1', username: a", "id: '2', username: ' . '"],
            "users[1].username: is empty once",
        ),
        (
            ["id: '1', username: a", "id: '', username: b"],
            "users[1].id: is empty",
        ),
        (
            ["id: '1', username: a", "id: '2', username: \"b\\n\""],
            "users[1].username: holds a control",
        ),
        (
            [
                "id: '1', username: a",
                "id: '2', username: b, roles: ['x,admin']",
            ],
            "users[1].roles[0]: is a role with a comma",
        ),
        (
            [
                "id: '1', username: a",
                "id: '2', username: b, token_version: -1",
            ],
            "users[1].token_version: is not a whole",
        ),
        (
            ["id: '1', username: a", "username: b"],
            "users[1].id: is missing",
        ),
    ] {
        let yaml = format!(
            "upstream: http://a\nusers:\n{}{}",
            user(users[0]),
            user(users[1])
        );
        let said = text(&yaml).unwrap_err().to_string();
        assert!(said.contains(says), "{users:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let with_name = |n: usize| {
        let user = user(&format!("id: '1', username: a, name: {}", "x".repeat(n)));
        text(&format!("upstream: http://a\nusers:\n{user}"))
    };
    assert!(with_name(1000).is_ok());
    let said = with_name(2500).unwrap_err().to_string();
    assert!(
        said.contains("users[0]: needs a session cookie of up to"),
        "{said}"
    );
}
