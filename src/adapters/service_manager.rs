//! What a service manager passes to us and hears of us: sockets, readiness, the watchdog
//! (`sd_listen_fds(3)`, `sd_notify(3)`). Without one nothing of it happens.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use sd_notify::NotifyState;

/// The listening TCP sockets that were passed to this process, as `fd://NAME`; where several
/// have one name, as systemd has it for the sockets of one unit, `#1`, `#2` … follow it. Takes
/// them out of the environment: to be called once, before there are threads.
pub(crate) fn passed_sockets(names: Option<&OsStr>) -> HashMap<String, OwnedFd> {
    let names = names.and_then(OsStr::to_str).unwrap_or_default();
    let mut names = names.split(':');
    let mut passed = ListenFd::from_env();
    let mut sockets: HashMap<String, OwnedFd> = HashMap::new();
    for at in 0..passed.len() {
        // As systemd calls one without a name.
        let name = names.next().filter(|name| !name.is_empty());
        let name = format!("fd://{}", name.unwrap_or("unknown"));
        let Ok(Some(listener)) = passed.take_tcp_listener(at) else {
            continue;
        };
        if listener.set_nonblocking(true).is_err() || socket_acceptconn(&listener) != Ok(true) {
            continue;
        }
        let twins = sockets.keys().filter(|key| is_of(key, &name)).count();
        let key = match twins {
            0 => name,
            _ => format!("{name}#{twins}"),
        };
        sockets.insert(key, listener.into());
    }
    sockets
}

/// Whether a socket is one of those that `listen` means by a name.
pub(crate) fn is_of(socket: &str, name: &str) -> bool {
    let rest = socket.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// We serve.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// We serve, in the place of the process that the service manager began.
pub(crate) fn took_over() {
    tell(&[NotifyState::MainPid(std::process::id()), NotifyState::Ready]);
}

/// Settings are read anew; [`ready`] follows, whether they were good or not.
pub(crate) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// We drain.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// We are alive.
pub(crate) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the watchdog wants to hear that we are alive: half of its time, as
/// `sd_watchdog_enabled(3)` has it.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(states) {
        log::warn!("the service manager was not told ({e}): {states:?}");
    }
}
