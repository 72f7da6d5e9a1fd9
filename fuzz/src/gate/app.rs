//! What must be true of a request that was admitted, and of its head on the app's side.

use doorward::domain::id::SessionId;

use super::super::cookie::pairs;
use super::super::path::{as_a_lax_app_reads, is_below, model};
use super::head::Head;
use super::world::World;

/// That whoever was admitted showed what admits, in a request that was meant.
pub fn assert_admitted(world: &World, client: &Head, session: Option<(SessionId, &str)>) {
    let snapshot = world.shared.snapshot();
    let policy = &snapshot.policy;
    let path = client.path();
    let decoded = model(path).expect("a path that may mean two things");
    let lax = as_a_lax_app_reads(&decoded);
    let is_public = is_below(path, "/public");
    assert!(!is_below(&lax, "/never"), "a denied path");
    if !is_public {
        let (id, user) = session.expect("nobody is on a path that is not public");
        assert!(
            shown(world, client, id, user),
            "a session that nobody showed"
        );
        assert!(
            user != "1" || !is_below(&lax, "/admin"),
            "the role is missing"
        );
        let open = ["/files", "/admin"]
            .iter()
            .any(|place| is_below(&lax, place));
        assert!(world.number != 5 || open, "the default denies");
    } else if let Some((id, user)) = session {
        assert!(
            shown(world, client, id, user),
            "a session that nobody showed"
        );
    }
    let origins = client.all("origin");
    assert!(origins.len() < 2, "two origins");
    let ours = origins.iter().all(|origin| is_known(world, client, origin));
    assert!(ours, "a foreign origin");
    let safe = [&b"GET"[..], b"HEAD", b"OPTIONS", b"TRACE"].contains(&&client.method[..]);
    if let Some((id, _)) = session
        && !safe
    {
        let site = client.only("sec-fetch-site");
        let by_site = matches!(site, Some(b"same-origin" | b"none"));
        let silent = client.all("sec-fetch-site").is_empty() && origins.is_empty();
        let by_origin = by_site || !origins.is_empty() || (silent && policy.cookies.is_confined());
        let header = client.only(policy.csrf.header.as_str());
        let by_token = header.is_some_and(|token| policy.tokens.is_csrf_token(id, token));
        let uses_token = policy.csrf.mode.uses_tokens();
        assert!(by_token || !uses_token, "without the token of its session");
        let only_token = world.number == 2;
        assert!(by_origin || only_token, "another site's request");
    }
    if let Some(hosts) = &policy.hosts {
        let host = client.only("host").unwrap_or_default();
        let host = doorward::domain::origin::Authority::parse(host).expect("a host");
        let served = hosts
            .served
            .iter()
            .any(|one| one.same_place(&host, hosts.scheme));
        assert!(served, "a host that is not served");
    }
}

/// Whether the cookies show a session that admits.
fn shown(world: &World, client: &Head, id: SessionId, user: &str) -> bool {
    let renewed = held(world, client, Kind::Refresh);
    [whose(world, client), renewed].contains(&Some((id, user)))
}

/// Whose live access token the request shows.
pub fn whose(world: &World, client: &Head) -> Option<(SessionId, &'static str)> {
    held(world, client, Kind::Access)
}

enum Kind {
    Access,
    Refresh,
}

/// The session and user of the token in the one cookie of its name, if it is to the byte one
/// that admits.
fn held(world: &World, client: &Head, kind: Kind) -> Option<(SessionId, &'static str)> {
    let snapshot = world.shared.snapshot();
    let names = snapshot.policy.cookies.names();
    let (name, tokens) = match kind {
        Kind::Access => (&names.access, &world.live),
        Kind::Refresh => (&names.refresh, &world.renewable),
    };
    let all = pairs(&client.all("cookie"));
    let mut same = all.iter().filter(|(key, _)| key == name.as_bytes());
    let (Some((_, value)), None) = (same.next(), same.next()) else {
        return None;
    };
    let found = tokens
        .iter()
        .find(|(token, _, _)| token.as_bytes() == value);
    found.map(|(_, id, user)| (*id, *user))
}

/// Whether an origin is ours or allowed.
fn is_known(world: &World, client: &Head, origin: &[u8]) -> bool {
    let snapshot = world.shared.snapshot();
    let same_origin = client.only("sec-fetch-site") == Some(b"same-origin");
    let allowed = &snapshot.settings.cors.allowed_origins;
    if allowed
        .iter()
        .any(|one| one.to_string().as_bytes() == origin)
    {
        return true;
    }
    if origin == b"null" {
        return same_origin;
    }
    if let Some(url) = &snapshot.settings.public_url {
        return url.to_string().as_bytes() == origin;
    }
    // Whatever the scheme: a trusted proxy may have told another.
    let text = String::from_utf8_lossy(origin).to_ascii_lowercase();
    let place = text.split_once("://").map(|(_, place)| place.to_owned());
    let host = client.only("host").unwrap_or_default();
    let host = String::from_utf8_lossy(host).to_ascii_lowercase();
    let bare = |place: &str| {
        let place = place.strip_suffix(":80").or(place.strip_suffix(":443"));
        place.map(str::to_owned)
    };
    same_origin || place.is_some_and(|place| place == host || bare(&host).as_ref() == Some(&place))
}

/// Names that the app must never have from a client, whatever the settings: the families of
/// all presets, those that change path or method, and other words about the client.
const FAMILY: [&str; 19] = [
    "x-user-id",
    "x-user-name",
    "x-user-roles",
    "x-forwarded-user",
    "x-forwarded-preferred-username",
    "x-forwarded-email",
    "x-forwarded-groups",
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-http-method",
    "forwarded",
    "x-real-ip",
];

/// Lower case, with everything that is no letter or digit read as a dash.
fn folded(name: &str) -> String {
    let fold = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars().map(fold).collect()
}

/// That the app's head says who is there, nothing else does, and the rest is the client's.
pub fn assert_forwarded(world: &World, client: &Head, session: Option<SessionId>, app: &[u8]) {
    let text = app.strip_suffix(b"\r\n\r\n").expect("no end of the head");
    let bare = |pair: &[u8]| pair[0] != b'\r' && pair[1] == b'\n';
    assert!(
        !text.windows(2).any(bare) && !text.contains(&0),
        "a broken line"
    );
    let app = Head::read(app).expect("no head");
    assert_eq!(app.method, client.method);
    assert_eq!(
        app.target,
        in_origin_form(&client.target),
        "another target than the one that was judged"
    );
    identity(world, session, &app);
    about_the_client(world, client, &app);
    cookies(world, client, &app);
}

/// Without the scheme and host that a client may write before the path.
fn in_origin_form(target: &[u8]) -> &[u8] {
    let lower = target.to_ascii_lowercase();
    let scheme = ["http://", "https://"]
        .iter()
        .find(|scheme| lower.starts_with(scheme.as_bytes()));
    let Some(scheme) = scheme else {
        return target;
    };
    let rest = &target[scheme.len()..];
    match rest.iter().position(|&b| b == b'/') {
        Some(path) => &rest[path..],
        None => b"/",
    }
}

fn identity(world: &World, session: Option<SessionId>, app: &Head) {
    let mut expected: Vec<(String, Vec<u8>)> = Vec::new();
    if let Some(id) = session {
        let known = world.live.iter().find(|(_, session, _)| *session == id);
        let user = known.map(|(_, _, user)| *user).expect("a session of ours");
        let said = SAID
            .iter()
            .find(|(number, whose, _)| (*number, *whose) == (world.number, user));
        let (_, _, fields) = said.expect("every world is listed");
        for (name, value) in *fields {
            let value = match *value {
                "{session}" => id.to_string(),
                value => value.into(),
            };
            expected.push(((*name).into(), value.into_bytes()));
        }
    }
    let here = SAID.iter().filter(|(number, _, _)| *number == world.number);
    let set: Vec<String> = here
        .flat_map(|(_, _, fields)| fields.iter().map(|(name, _)| folded(name)))
        .collect();
    let ours = |name: &str| {
        let one = folded(name);
        let about = one.starts_with("x-forwarded-") && !ABOUT.contains(&name);
        about || FAMILY.contains(&&one[..]) || set.contains(&one)
    };
    let mut found: Vec<(String, Vec<u8>)> = app.fields.clone();
    found.retain(|(name, _)| ours(name) && !(world.trusts() && told_by_proxies(name)));
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "the app is told of somebody else");
}

/// What is set whoever asks.
const ABOUT: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// What a trusted proxy may say, in its usual spelling.
fn told_by_proxies(name: &str) -> bool {
    let usual = name == folded(name);
    let said = name.starts_with("x-forwarded-") || name == "forwarded" || name == "x-real-ip";
    let identity = FAMILY[..11].contains(&name);
    usual && said && !identity
}

/// Who is who in each world, as the app is told.
type Said = (usize, &'static str, &'static [(&'static str, &'static str)]);
const ALICE: &str = "Alice, Zo%C3%AB 100%25";
const SAID: [Said; 12] = [
    (0, "1", &[("x-user-id", "1"), ("x-user-name", ALICE)]),
    (
        0,
        "2",
        &[
            ("x-user-id", "2"),
            ("x-user-name", "Bob"),
            ("x-user-roles", "admin,Zo%C3%AB 1%25"),
        ],
    ),
    (1, "1", &[("x-user-id", "1"), ("x-user-name", ALICE)]),
    (
        1,
        "2",
        &[
            ("x-user-id", "2"),
            ("x-user-name", "Bob"),
            ("x-user-roles", "admin,Zo%C3%AB 1%25"),
        ],
    ),
    (
        2,
        "1",
        &[
            ("x-forwarded-user", "1"),
            ("x-forwarded-preferred-username", "alice"),
            ("x-forwarded-email", "a@example.com"),
        ],
    ),
    (
        2,
        "2",
        &[
            ("x-forwarded-user", "2"),
            ("x-forwarded-preferred-username", "bob"),
            ("x-forwarded-groups", "admin,Zo%C3%AB 1%25"),
        ],
    ),
    (
        3,
        "1",
        &[
            ("remote-user", "alice"),
            ("remote-name", ALICE),
            ("remote-email", "a@example.com"),
            ("x-session_id", "{session}"),
            ("x-app.user", "1"),
        ],
    ),
    (
        3,
        "2",
        &[
            ("remote-user", "bob"),
            ("remote-name", "Bob"),
            ("remote-groups", "admin,Zo%C3%AB 1%25"),
            ("x-session_id", "{session}"),
            ("x-app.user", "2"),
        ],
    ),
    (4, "1", &[("x-who", "alice")]),
    (4, "2", &[("x-who", "bob")]),
    (5, "1", &[("x-user-id", "1"), ("x-user-name", ALICE)]),
    (
        5,
        "2",
        &[
            ("x-user-id", "2"),
            ("x-user-name", "Bob"),
            ("x-user-roles", "admin,Zo%C3%AB 1%25"),
        ],
    ),
];

fn about_the_client(world: &World, client: &Head, app: &Head) {
    let snapshot = world.shared.snapshot();
    assert_eq!(app.all("host"), client.all("host"), "another host");
    let chain = app.only("x-forwarded-for").expect("one chain of addresses");
    let last = chain.rsplit(|&b| b == b',').next().unwrap_or_default();
    assert_eq!(last.trim_ascii(), b"127.0.0.1", "the peer is not the last");
    assert!(
        world.trusts() || chain == b"127.0.0.1",
        "a stranger's chain"
    );
    let proto = app.only("x-forwarded-proto").expect("one scheme");
    assert!([&b"http"[..], b"https"].contains(&proto));
    if let Some(url) = &snapshot.settings.public_url {
        let host = app.only("x-forwarded-host").expect("one host");
        assert_eq!([proto, host].join(&b"://"[..]), url.to_string().as_bytes());
    } else if !world.trusts() {
        assert_eq!(
            (proto, app.all("x-forwarded-host")),
            (&b"http"[..], client.all("host"))
        );
    }
}

fn cookies(world: &World, client: &Head, app: &Head) {
    let snapshot = world.shared.snapshot();
    let style = &snapshot.policy.cookies;
    let is_ours = |part: &[u8]| pairs(&[part]).iter().any(|(name, _)| style.is_ours(name));
    let parts = |head: &Head| -> Vec<Vec<u8>> {
        let fields = head.all("cookie").join(&b';');
        let parts = fields.split(|&b| b == b';').map(<[u8]>::trim_ascii);
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(<[u8]>::to_vec).collect()
    };
    let mut sent = parts(client);
    sent.retain(|part| !is_ours(part));
    let received = parts(app);
    let none_is_ours = received.iter().all(|part| !is_ours(part));
    assert!(none_is_ours, "a cookie of ours reaches the app");
    let nominated = client.all("connection").iter().any(|value| {
        let mut names = value.split(|&b| b == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name.eq_ignore_ascii_case(b"cookie"))
    });
    // pingora takes out what `Connection` names.
    let taken_out = nominated && received.is_empty();
    assert!(taken_out || received == sent, "another cookie is changed");
}
