//! `doorward run`: serve until told to stop.

use crate::adapters::jwt::RingError;
use crate::adapters::jwt::keyfile::KeyFileError;
use crate::adapters::observe::{logger, panics};
use crate::adapters::service_manager::passed_sockets;
use crate::adapters::store::DataDirError;
use crate::auth::ports::StoreError;
use crate::config::{self, Environment};
use crate::gateway::PLATFORM;
use crate::gateway::connection::listen::ListenError;
use crate::gateway::process::run_error::RunError;
use crate::gateway::process::server::{self, Plan};
use crate::gateway::snapshot::SnapshotError;

use super::{Config, Failure};

pub(super) fn run(config: &Config, take_over: bool) -> Result<(), Failure> {
    // Settled once: a reload must not find another file than the start.
    let file = config.file().map(std::path::Path::to_owned);
    let settings = config.load()?;
    let names = Environment::from_process();
    // Before there are threads.
    let passed = passed_sockets(names.get("LISTEN_FDNAMES"));
    logger::start(&settings.log, PLATFORM);
    serve(Plan {
        settings,
        load: Box::new(move || {
            // The environment cannot change from outside, the files it names can.
            config::load(file.as_deref(), &Environment::from_process())
                .map_err(|problems| problems.to_string())
        }),
        take_over,
        passed,
        demo_app: None,
    })
}

pub(super) fn serve(plan: Plan) -> Result<(), Failure> {
    panics::watch();
    server::run(plan).map_err(|e| Failure::new(code_of(&e), e))
}

fn code_of(error: &RunError) -> u8 {
    match error {
        RunError::DataDir(DataDirError::InUse { .. })
        | RunError::Listen(ListenError::Bind { .. })
        | RunError::Store(StoreError::InUse { .. })
        | RunError::TakeOver(_)
        | RunError::Unreachable(_) => Failure::UNAVAILABLE,
        RunError::DataDir(DataDirError::Io { .. })
        | RunError::Store(
            StoreError::Damaged { .. } | StoreError::Unavailable(_) | StoreError::Newer { .. },
        )
        | RunError::Snapshot(SnapshotError::Keys(RingError::File(
            KeyFileError::Damaged { .. } | KeyFileError::Io { .. },
        )))
        | RunError::Broken(_) => Failure::IO,
        RunError::DataDir(DataDirError::Foreign { .. })
        | RunError::Listen(ListenError::Tls(_) | ListenError::NotPassed(_))
        | RunError::Snapshot(_) => Failure::CONFIG,
    }
}
