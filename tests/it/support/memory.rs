//! How much memory a process has.

/// Resident, in KiB.
#[track_caller]
pub fn resident(pid: u32) -> u64 {
    of(pid, "VmRSS:")
}

/// The most that was resident at once, in KiB.
#[track_caller]
pub fn peak(pid: u32) -> u64 {
    of(pid, "VmHWM:")
}

fn of(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.unwrap().parse().unwrap()
}
