//! Starts that must fail, and fail at once: ports and folders in use, damaged files.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::operations::cli::{assert_code, said, written};
use crate::support::{Builder, Upstream, until, world};

#[test]
fn a_port_in_use_is_told_within_a_second() {
    for section in ["listen", "admin"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let yaml = match section {
            "listen" => format!("listen: [{address:?}]"),
            _ => format!("admin: {{ listen: {address:?} }}"),
        };
        let gateway = written(&yaml);
        let began = Instant::now();
        let output = gateway.command(&["run"], "");
        let took = began.elapsed();
        assert_code(&output, 69, &format!("{section} in use"));
        assert!(
            said(&output).contains(&address),
            "which port?\n{}",
            said(&output)
        );
        assert!(took < Duration::from_secs(2), "{took:?}");
        let times = said(&output).matches("in use").count();
        assert_eq!(times, 1, "said once is enough: {}", said(&output));
    }
}

#[test]
fn a_data_folder_in_use_is_told_within_a_second() {
    let (first, _app) = world();
    let second = written(&format!("data_dir: {:?}", first.data_dir()));
    let began = Instant::now();
    let output = second.command(&["run"], "");
    let took = began.elapsed();
    assert_code(&output, 69, "data_dir in use");
    assert!(
        said(&output).contains(&first.data_dir().display().to_string()),
        "which folder?\n{}",
        said(&output)
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(
        first.get("/", &first.alice()).status,
        200,
        "the second start hurt the first"
    );
}

#[test]
fn a_damaged_store_is_named_and_left_alone() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    gateway.logout(&gateway.alice());
    gateway.signal("TERM");
    gateway.process().wait();
    let store = std::fs::read_dir(gateway.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "redb"))
        .expect("a store in data_dir");
    let mut bytes = std::fs::read(&store).unwrap();
    bytes.iter_mut().take(4096).for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&store, &bytes).unwrap();
    let output = gateway.command(&["run"], "");
    assert_code(&output, 74, "a damaged store");
    assert!(
        said(&output).contains(&store.display().to_string()),
        "which file?\n{}",
        said(&output)
    );
    assert_eq!(
        std::fs::read(&store).unwrap(),
        bytes,
        "the damaged store was replaced or changed"
    );
}

#[test]
fn a_damaged_key_file_is_named_and_left_alone() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    gateway.signal("TERM");
    gateway.process().wait();
    let keys = gateway.data_dir().join("keys.json");
    std::fs::write(&keys, "{ torn").unwrap();
    let output = gateway.command(&["run"], "");
    assert_code(&output, 74, "damaged keys");
    assert!(
        said(&output).contains("keys.json"),
        "which file?\n{}",
        said(&output)
    );
    assert_eq!(
        std::fs::read(&keys).unwrap(),
        b"{ torn",
        "fresh keys would end every session in silence"
    );
}

#[test]
fn what_is_kept_is_kept_private() {
    use std::os::unix::fs::PermissionsExt;
    let (gateway, _app) = world();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        mode(&gateway.data_dir()),
        0o700,
        "others can look into data_dir"
    );
    for entry in std::fs::read_dir(gateway.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "others can read {}", path.display());
    }
    until("the admin socket", || {
        gateway.data_dir().join("admin.sock").exists()
    });
}
