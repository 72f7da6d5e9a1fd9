//! The kernel's transparent huge pages: not for us.
//!
//! A gateway touches little of many places, and each touch would make two megabytes
//! resident: 26 MB in an idle process instead of 15 (`VmRSS` of a release build a second
//! after its start, 22 November 2026, `madvise` as the system's setting).
//! That the allocator asks for none is a feature of its crate; this is for systems that
//! give them to everybody (`/sys/kernel/mm/transparent_hugepage/enabled`: `always`).

/// Asks for none in this process from now on.
pub fn refuse() {
    // A kernel that has none need not know of it.
    let _unknown = nix::sys::prctl::set_thp_disable(true);
}
