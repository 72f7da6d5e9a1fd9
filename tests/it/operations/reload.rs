//! New settings while running: whole or not at all, and without a failed request.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::users::{self, User};
use crate::support::{Builder, Upstream, assert_problem, doorward_at, until, world};

#[test]
fn sighup_reads_the_file_again() {
    let (mut gateway, _app) = world();
    assert_eq!(gateway.get("/open", "").status, 401);
    gateway.rewrite("rules: [{ path: /open, access: public }]");
    gateway.hangup();
    until("the new rule to count", || {
        gateway.get("/open", "").status == 200
    });
    gateway.wait_for_log(&["reload"]);
    assert!(
        gateway.metric("doorward_reloads_total") >= 1.0,
        "a reload is not counted"
    );
}

#[test]
fn a_renamed_file_is_noticed_without_a_signal() {
    let (mut gateway, _app) = world();
    gateway.rewrite("rules: [{ path: /open, access: public }]");
    until("the change to be noticed", || {
        gateway.get("/open", "").status == 200
    });
}

#[test]
fn a_users_file_is_noticed_too() {
    let app = Upstream::start();
    let builder = Builder::new(&app);
    let list = |people: &[User]| {
        users::section(people)
            .trim_start_matches("users:\n")
            .to_owned()
    };
    builder.dir().write("users.yml", list(&[User::alice()]));
    let gateway = builder.yaml("users: { file: users.yml }").start();
    assert_eq!(gateway.try_login("bob", "builder").status, 401);
    gateway
        .dir()
        .write("users.yml", list(&[User::alice(), User::bob()]));
    // Asking with the password again and again would lock Bob out.
    until("the change to be noticed", || {
        gateway.labelled("doorward_reloads_total", "applied") >= 1.0
    });
    assert_eq!(
        gateway.try_login("bob", "builder").status,
        303,
        "Bob is unknown"
    );
}

#[test]
fn kubernetes_swaps_a_symlink() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).write();
    let mount = gateway.dir().join("mount");
    let publish = |version: &str, text: &str| {
        let folder = mount.join(version);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("doorward.yaml"), text).unwrap();
        let fresh = mount.join("..data_tmp");
        symlink(version, &fresh).unwrap();
        std::fs::rename(&fresh, mount.join("..data")).unwrap();
    };
    let text = gateway.text();
    publish("..v1", &text);
    symlink("..data/doorward.yaml", mount.join("doorward.yaml")).unwrap();
    let _process = doorward_at(&mount.join("doorward.yaml"), gateway.admin());
    assert_eq!(gateway.get("/open", "").status, 401);
    publish(
        "..v2",
        &format!("{text}rules: [{{ path: /open, access: public }}]\n"),
    );
    until("the swapped symlink to be noticed", || {
        gateway.get("/open", "").status == 200
    });
}

/// Writes a file in place, with a pause after its first part.
fn write_slowly(path: &std::path::Path, first: &str, rest: &str) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1600));
    file.write_all(rest.as_bytes()).unwrap();
}

#[test]
fn half_a_settings_file_is_not_taken() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml("default_access: public").write();
    // The rules come last, and the file is a good one without them.
    let before = gateway.text();
    let rules = "rules: [{ path: /secret/**, access: deny }]\n";
    gateway
        .dir()
        .write("doorward.yaml", format!("{before}{rules}"));
    let _process = doorward_at(&gateway.config, gateway.admin());
    assert_eq!(gateway.get("/secret/x", "").status, 403);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let status = gateway.get("/secret/x", "").status;
                assert_eq!(status, 403, "the rules were gone for a while");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        let more = format!("{rules}pages: {{ title: Written slowly }}\n");
        write_slowly(&gateway.config, &before, &more);
        until("the whole file to be taken", || {
            asking.is_finished() || gateway.get("/login", "").text().contains("Written slowly")
        });
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn half_a_users_file_ends_no_session() {
    let app = Upstream::start();
    let list = |person: User| {
        let text = users::section(&[person]);
        text.trim_start_matches("users:\n").to_owned()
    };
    let (alice, bob) = (list(User::alice()), list(User::bob()));
    let builder = Builder::new(&app).yaml("users: { file: users.yml }");
    builder.dir().write("users.yml", format!("{alice}{bob}"));
    let gateway = builder.start();
    let cookie = gateway.bob();
    let carol = list(User::new("1003", "carol", "Carol", "carroll"));
    write_slowly(
        &gateway.dir().join("users.yml"),
        &alice,
        &format!("{bob}{carol}"),
    );
    until("the whole file to be taken", || {
        gateway.labelled("doorward_reloads_total", "applied") >= 1.0
    });
    assert_eq!(gateway.try_login("carol", "carroll").status, 303);
    let answer = gateway.get("/", &cookie);
    assert_eq!(
        answer.status, 200,
        "Bob was not in the first half: {answer}"
    );
}

#[test]
fn a_bad_file_keeps_the_old_settings_and_says_why() {
    for (yaml, word) in [
        (
            "rules: [{ path: /open, access: public }]\nnonsense: 1",
            "nonsense",
        ),
        ("rules: [{ path: /open, access: everybody }]", "access"),
        ("rules: [{ path: /open, access: public }", "doorward.yaml"),
    ] {
        let (mut gateway, _app) = world();
        let cookie = gateway.alice();
        gateway.rewrite(yaml);
        gateway.hangup();
        gateway.wait_for_log(&[word]);
        until("the refusal to be counted", || {
            gateway.labelled("doorward_reloads_total", "refused") >= 1.0
        });
        assert_eq!(
            gateway.get("/open", "").status,
            401,
            "half of a bad file took effect ({yaml})"
        );
        assert_eq!(
            gateway.get("/", &cookie).status,
            200,
            "a bad file signed people out"
        );
        assert_eq!(
            gateway.operators("/readyz").status,
            200,
            "a bad file takes the gateway out of service"
        );
    }
}

#[test]
fn what_needs_a_restart_says_so() {
    let (mut gateway, _app) = world();
    gateway.rewrite("threads: 3");
    gateway.hangup();
    gateway.wait_for_log(&["threads", "restart"]);
    let cookie = gateway.alice();
    assert_eq!(gateway.get("/", &cookie).status, 200);
}

#[test]
fn another_store_needs_a_restart_and_says_so() {
    let (mut gateway, _app) = world();
    let cookie = gateway.alice();
    gateway.rewrite("session: { store: memory }");
    gateway.reload();
    gateway.wait_for_log(&["WARN", "the store", "restart"]);
    assert_eq!(gateway.get("/", &cookie).status, 200);
    gateway.logout(&cookie);
    // Back to the file, which must have heard of the logout.
    gateway.rewrite("session: { store: embedded }");
    gateway.restart();
    assert_problem(
        &gateway.get("/", &cookie),
        401,
        "session_revoked",
        "a reload changed the store without a word",
    );
}

#[test]
fn the_log_changes_its_format_and_level_without_a_restart() {
    let (mut gateway, _app) = world();
    gateway.get("/before", "");
    gateway.wait_for_log(&["INFO", "path=/before"]);
    gateway.rewrite("log: { format: json }");
    gateway.reload();
    gateway.get("/after", "");
    gateway.wait_for_log(&["\"level\":\"INFO\"", "\"path\":\"/after\""]);
    gateway.rewrite("log: { level: error }");
    gateway.reload();
    let before = gateway.metric("doorward_requests_total");
    gateway.get("/unseen", "");
    // A request is recorded after its answer.
    until("the request to be recorded", || {
        gateway.metric("doorward_requests_total") > before
    });
    gateway.rewrite("log: { level: info }");
    gateway.reload();
    gateway.get("/seen", "");
    gateway.wait_for_log(&["path=/seen"]);
    assert!(
        !gateway.log().contains("/unseen"),
        "a new log level is ignored"
    );
}

#[test]
fn reloads_under_load_cost_no_request() {
    let (mut gateway, _app) = world();
    let cookie = gateway.alice();
    let stop = AtomicBool::new(false);
    let port = gateway.port();
    let served = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| load(port, &cookie, &stop)))
            .collect();
        for round in 0..10 {
            let path = format!("/round{round}");
            gateway.rewrite(&format!("rules: [{{ path: {path}, access: public }}]"));
            gateway.hangup();
            until("the round to begin", || {
                gateway.get(&path, "").status == 200
            });
        }
        stop.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum::<u32>()
    });
    assert!(served > 50, "only {served} requests in ten reloads");
}

/// Asks on one connection until told to stop; how often.
fn load(port: u16, cookie: &str, stop: &AtomicBool) -> u32 {
    let mut connection = crate::support::Conn::open(port).unwrap();
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let request = crate::support::Request::new(port, "GET", "/x").cookie(cookie);
        let response = request.send_on(&mut connection);
        assert_eq!(response.status, 200, "a reload cost a request: {response}");
        count += 1;
    }
    count
}

#[test]
fn the_admin_socket_reloads() {
    let (mut gateway, _app) = world();
    gateway.rewrite("rules: [{ path: /open, access: public }]");
    gateway.reload();
    let response = gateway.get("/open", "");
    assert_eq!(
        response.status, 200,
        "the answer came before the settings: {response}"
    );
    gateway.rewrite("nonsense: 1");
    let refused = gateway.try_reload();
    assert!(
        refused.status >= 400,
        "a refused reload is called a success: {refused}"
    );
}
