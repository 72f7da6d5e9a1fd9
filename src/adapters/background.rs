//! Threads whose work can wait while requests are served.
//!
//! Only the system's scheduler knows when a processor is wanted, so it is told what comes
//! second: a share of the processor is left, and what waits for the thread goes on.

#[cfg(target_os = "linux")]
use std::sync::Once;

/// How far a thread steps back, as a nice value: far enough that requests go first
/// (`make bench ONLY=storm`), and no further, since logins have to go on. A thread that always
/// works leaves it a tenth of its processor (weight 110 beside 1024, `kernel/sched/core.c`),
/// and with 19 a hundredth and a half. Only threads of this process or control group compete
/// by it.
#[cfg(target_os = "linux")]
pub(crate) const NICE: i32 = 10;

/// Puts the calling thread behind the others of this process. It cannot come back, so only
/// for threads that do nothing else. Where the system refuses, it stays as it is.
#[cfg(target_os = "linux")]
pub(crate) fn step_back() {
    static TOLD: Once = Once::new();
    // To Linux `None` is the calling thread, not its process (setpriority(2), NOTES).
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        TOLD.call_once(|| log::debug!("background work keeps its priority: {error}"));
    }
}

/// Elsewhere a process has one priority for all of its threads.
#[cfg(not(target_os = "linux"))]
pub fn step_back() {}
