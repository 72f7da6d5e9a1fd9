//! A gateway that waits holds little memory: no page of two megabytes for a few bytes.

use std::fs;

use crate::support::world_with;

#[test]
fn it_has_no_huge_pages() {
    let (gateway, _app) = world_with("");
    let of = |file: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{}/{file}", gateway.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|rest| rest.split_whitespace().next());
        value.map(str::to_owned)
    };
    assert_eq!(of("smaps_rollup", "AnonHugePages:").as_deref(), Some("0"));
    // Since Linux 5.0; where the kernel gives them to everybody, none is given from here on.
    let allowed = of("status", "THP_enabled:");
    assert!(allowed.as_deref().is_none_or(|allowed| allowed == "0"));
}
