//! Signals, and a stop that waits for what is in flight and for nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::adapters::service_manager;
use crate::gateway::process::reload::Reloader;
use crate::gateway::process::run_error::RunError;
use crate::gateway::process::upgrade::hand_over::HandOver;
use crate::gateway::shared_state::SharedState;

/// The signals that we act on.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// How long there must be no connection before it is believed: one may have been
/// accepted and not yet counted. A guess.
const IDLE_CONFIRMATION: Duration = Duration::from_millis(250);

/// Attends to signals until the gateway is to end.
///
/// SIGTERM and SIGINT: no new connections, end as soon as nothing is in flight, at
/// the latest after `limits.drain`; a second one ends at once. SIGHUP reloads. When
/// another process has taken over, the end comes as soon as there is no connection, at
/// the latest after `limits.drain` too.
pub(crate) async fn run_signal_loop(
    signals: &mut Signals,
    shared: &Arc<SharedState>,
    reloader: &Arc<Reloader>,
    stop: &Stop,
    hand_over: Option<HandOver>,
    server_ended: impl Fn() -> bool,
) -> Result<(), RunError> {
    let mut until: Option<Instant> = None;
    let mut busy = Instant::now();
    // Dropped when a stop begins: as long as it lives the listeners are open.
    let mut hand_over = hand_over.map(|hand_over| Box::pin(hand_over.done()));
    loop {
        let handed_over = async {
            match &mut hand_over {
                Some(hand_over) => hand_over.await,
                None => std::future::pending().await,
            }
        };
        let asked_to_stop = tokio::select! {
            _ = signals.terminate.recv() => true,
            _ = signals.interrupt.recv() => true,
            _ = signals.hangup.recv() => {
                let reloader = Arc::clone(reloader);
                tokio::spawn(async move {
                    let _logged = reloader.reload("SIGHUP").await;
                });
                false
            }
            follow = handed_over => {
                tokio::spawn(follow.listen());
                shared.mark_superseded();
                true
            }
            () = tokio::time::sleep(Duration::from_millis(20)), if until.is_some() => false,
            () = tokio::time::sleep(Duration::from_millis(500)), if until.is_none() => false,
        };
        if shared.is_superseded() && shared.metrics.connections() > 0 {
            busy = Instant::now();
        }
        match until {
            Some(_) if asked_to_stop => return Ok(()),
            Some(_) if shared.is_superseded() && busy.elapsed() >= IDLE_CONFIRMATION => {
                return Ok(());
            }
            Some(_) if !shared.is_superseded() && shared.in_flight() == 0 => return Ok(()),
            Some(end) if Instant::now() >= end => {
                log::warn!("{} requests were cut off by the stop", shared.in_flight());
                return Ok(());
            }
            Some(_) => {}
            None if asked_to_stop => {
                let drain = shared.snapshot().settings.limits.drain;
                log::info!("stopping; {} requests in flight", shared.in_flight());
                hand_over = None;
                // Whoever was relieved is not the one that the service manager asks about.
                if !shared.is_superseded() {
                    service_manager::stopping();
                }
                shared.start_draining();
                stop.0.notify_one();
                busy = Instant::now();
                until = Some(Instant::now() + drain);
            }
            None if server_ended() => {
                return Err(RunError::Broken("the server ended by itself".into()));
            }
            None => {}
        }
    }
}

/// Told once that the gateway shall stop.
#[derive(Default)]
pub(crate) struct Stop(Notify);

pub(crate) struct StopWatch(pub(crate) Arc<Stop>);

#[async_trait]
impl ShutdownSignalWatch for StopWatch {
    async fn recv(&self) -> ShutdownSignal {
        self.0.0.notified().await;
        ShutdownSignal::GracefulTerminate
    }
}
