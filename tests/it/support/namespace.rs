//! A network of a test's own: the loopback, and on it an address that is not a loopback
//! address. What a test must do from such an address never leaves it.

use std::any::type_name;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use super::optional;

/// The address beside the loopback, of those that documents use (RFC 5737).
pub const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

/// How many files may be open, on machines that allow more.
const FILES: u32 = 16_384;

const INSIDE: &str = "TEST_IN_NAMESPACE";

/// Whether this is the run inside. Outside it runs the test inside, and fails with it.
#[track_caller]
pub fn is_inside<F: Fn()>(_test: F) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !optional::has("unshare") || !optional::has_ip() || !is_allowed() {
        return false;
    }
    let (_, name) = type_name::<F>().split_once("::").unwrap();
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-ec"])
        .arg(format!(
            "ulimit -n {FILES} || :; ip link set lo up; ip address add {OWN}/32 dev lo; exec \"$0\" --exact \"$1\" --nocapture"
        ))
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed in a network of its own");
    false
}

/// Whether the system lets us have one; a container may not.
fn is_allowed() -> bool {
    let probe = Command::new("unshare")
        .args(["--map-root-user", "--net", "ip", "link", "set", "lo", "up"])
        .output();
    let allowed = probe.is_ok_and(|probe| probe.status.success());
    allowed || optional::skip("this system allows no network namespaces")
}
