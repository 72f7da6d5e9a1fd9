//! Users from a file, in each of the three formats, through a real login.

use crate::support::process::{Process, run};
use crate::support::temp::free_port;
use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD, hash};
use crate::support::{
    Builder, Gateway, Request, TempDir, Upstream, assert_problem, doorward, until,
};

fn gateway_with(text: &str) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml(
        "users: { file: people }\n\
         rules: [{ path: /admin/**, access: { roles: [admin] } }]\n\
         identity_headers: { preset: none, set: { X-Id: id, X-User: username, X-Name: name, X-Mail: email, X-Roles: roles } }",
    );
    builder.dir().write("people", text);
    (builder.start(), app)
}

/// As `htpasswd -B` writes it, with the least work.
fn bcrypt_2y(password: &str) -> String {
    bcrypt::hash_with_result(password, 4)
        .unwrap()
        .format_for_version(bcrypt::Version::TwoY)
}

/// The app's view of a person, in the order of the headers above.
fn seen(app: &Upstream) -> Vec<String> {
    let request = app.last();
    ["x-id", "x-user", "x-name", "x-mail", "x-roles"]
        .iter()
        .map(|name| request.all(name).join(" and "))
        .collect()
}

#[test]
fn our_own_list() {
    let (gateway, app) = gateway_with(&format!(
        "- id: \"7\"\n  username: alice\n  name: Alice A\n  email: a@example.com\n  roles: [admin, staff]\n  password_hash: {:?}\n\
         - {{ id: \"8\", username: bob, password_hash: {:?} }}\n",
        hash(ALICE_PASSWORD),
        hash(BOB_PASSWORD),
    ));
    assert_eq!(gateway.get("/admin", &gateway.alice()).status, 200);
    let expected = ["7", "alice", "Alice A", "a@example.com", "admin,staff"];
    assert_eq!(seen(&app), expected);
    let bob = gateway.bob();
    assert_eq!(gateway.get("/", &bob).status, 200);
    assert_eq!(seen(&app), ["8", "bob", "bob", "", ""], "the defaults");
    assert_problem(&gateway.get("/admin", &bob), 403, "forbidden", "no role");
}

#[test]
fn authelias_map_unchanged() {
    let (gateway, app) = gateway_with(&format!(
        "---\n# Users Database\nusers:\n  alice:\n    disabled: false\n    displayname: 'Alice A'\n    password: '{}'\n    email: 'a@example.com'\n    groups:\n      - 'admin'\n      - 'dev'\n    given_name: ''\n    middle_name: ''\n    family_name: ''\n  bob:\n    disabled: true\n    displayname: Bob\n    password: '{}'\n    email: b@example.com\n",
        hash(ALICE_PASSWORD),
        hash(BOB_PASSWORD),
    ));
    assert_eq!(gateway.get("/admin", &gateway.alice()).status, 200);
    let expected = ["alice", "alice", "Alice A", "a@example.com", "admin,dev"];
    assert_eq!(seen(&app), expected);
    assert_eq!(
        gateway.try_login("bob", BOB_PASSWORD).status,
        401,
        "disabled in Authelia and not here"
    );
}

#[test]
fn htpasswd_with_bcrypt() {
    let (gateway, app) = gateway_with(&format!(
        "# made by htpasswd -B\nalice:{}\n\nbob:{}\n",
        bcrypt_2y(ALICE_PASSWORD),
        bcrypt_2y(BOB_PASSWORD),
    ));
    let alice = gateway.alice();
    assert_eq!(gateway.get("/", &alice).status, 200);
    assert_eq!(seen(&app), ["alice", "alice", "alice", "", ""]);
    assert_eq!(gateway.try_login("alice", BOB_PASSWORD).status, 401);
    assert_eq!(gateway.try_login("ALICE", ALICE_PASSWORD).status, 303);
    // htpasswd rewrites the file: a new password ends what the old one opened.
    let fresh = format!("alice:{}\n", bcrypt_2y("changed"));
    gateway.dir().write("people", fresh);
    until("the change to be noticed", || {
        gateway.labelled("doorward_reloads_total", "applied") >= 1.0
    });
    assert_problem(&gateway.get("/", &alice), 401, "session_revoked", "changed");
    assert_eq!(gateway.try_login("alice", "changed").status, 303);
    assert_eq!(gateway.try_login("bob", BOB_PASSWORD).status, 401);
}

#[test]
fn weaker_hashes_of_htpasswd_are_refused_by_name() {
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml("users: { file: people }");
    builder
        .dir()
        .write("people", "carol:$apr1$abcdefgh$aaaaaaaaaaaaaaaaaaaaaa\n");
    let output = builder.write().command(&["check"], "");
    let said = crate::operations::cli::said(&output);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("people:1") && said.contains("carol") && said.contains("htpasswd -B"),
        "{said}"
    );
    assert!(!said.contains("$apr1$"), "a hash is on the screen: {said}");
}

#[test]
fn a_users_file_may_be_larger_than_a_configuration() {
    let one_hash = hash(ALICE_PASSWORD);
    let one = |number: u32| {
        let name = format!("somebody-with-a-long-name-{number}");
        format!("- {{ id: {number}, username: {name}, password_hash: {one_hash:?} }}\n")
    };
    let mut text = format!("- {{ id: \"7\", username: alice, password_hash: {one_hash:?} }}\n");
    let mut number = 1000;
    while text.len() <= 5 * 1024 * 1024 {
        text += &one(number);
        number += 1;
    }
    let (gateway, _app) = gateway_with(&text);
    assert_eq!(gateway.get("/", &gateway.alice()).status, 200);
}

/// `docker run -e DOORWARD_UPSTREAM=… -e DOORWARD_USERS=…`, without the container.
#[test]
fn two_variables_are_a_whole_set_up() {
    let app = Upstream::start();
    let folder = TempDir::new();
    let hash = |password: &str| {
        let output = run(doorward().arg("hash-password"), password);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let (port, admin) = (free_port(), free_port());
    let users = format!(
        "alice:{},bob:{}\n",
        hash(ALICE_PASSWORD),
        hash(BOB_PASSWORD)
    );
    let mut command = doorward();
    command.arg("run").current_dir(folder.join("."));
    command.envs([
        ("DOORWARD_UPSTREAM", app.url()),
        ("DOORWARD_USERS", &users),
        // As the image sets them; ports of the test instead of fixed ones.
        ("DOORWARD_LISTEN", &format!("127.0.0.1:{port}")),
        ("DOORWARD_ADMIN_LISTEN", &format!("127.0.0.1:{admin}")),
        ("DOORWARD_DATA_DIR", "data"),
    ]);
    let process = Process::spawn(command);
    until("the gateway to be ready", || {
        let ready = Request::new(admin, "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    });
    for (name, password) in [("alice", ALICE_PASSWORD), ("bob", BOB_PASSWORD)] {
        let login = Request::new(port, "POST", "/login")
            .own_origin()
            .form(&format!("username={name}&password={password}"))
            .send();
        assert_eq!(login.status, 303, "{name}: {login}\n{}", process.output());
        let cookie = login.cookie("__Host-doorward").unwrap().value.clone();
        let cookie = format!("__Host-doorward={cookie}");
        let answer = Request::new(port, "GET", "/").cookie(&cookie).send();
        assert_eq!(answer.status, 200, "{name}: {answer}");
        assert_eq!(app.last().all("x-user-id"), [name]);
    }
    assert!(!process.output().contains("$argon2id"), "a hash is logged");
}
