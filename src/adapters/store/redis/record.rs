//! Recording revocations, and deleting the sessions that they reach.

use super::scripts::Name;
use super::{CHUNK, Redis};
use crate::adapters::store::wire;
use crate::auth::ports::StoreError;
use crate::auth::revocation::Revocation;

/// Until when revocations are to be remembered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    /// As long as the sessions' tokens, where Redis knows the sessions.
    WithTokens,
    /// As they say.
    AsGiven,
}

impl Redis {
    /// Records revocations; of sessions that are known they end with their tokens, unless
    /// the ends are known better here.
    pub(super) async fn record(
        &self,
        revocations: &[Revocation],
        ends: Ends,
    ) -> Result<Vec<Revocation>, StoreError> {
        let mut call = self.call(Name::Revoke);
        call.arg(CHUNK).arg(match ends {
            Ends::WithTokens => "1",
            Ends::AsGiven => "0",
        });
        for revocation in revocations {
            call.arg(wire::reach(&revocation.reach))
                .arg(wire::time(revocation.at))
                .arg(wire::time(revocation.until));
        }
        let recorded: Vec<(String, String, String, u8)> = self.link.run(&call).await?;
        let mut kept = Vec::with_capacity(recorded.len());
        for (reach, at, until, more) in recorded {
            if more > 0
                && let Err(e) = self.forget_rest(&reach).await
            {
                // They cannot be used, and the next sweep deletes them.
                log::warn!("ended sessions were not all deleted: {e}");
            }
            kept.push(self.read(wire::revocation(&reach, &at, &until))?);
        }
        Ok(kept)
    }

    /// Deletes what a cut-off reaches, some at a time.
    pub(super) async fn forget_rest(&self, reach: &str) -> Result<(), StoreError> {
        loop {
            let mut call = self.call(Name::Finish);
            call.arg(reach).arg(CHUNK);
            if self.link.run::<u8>(&call).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Tells Redis the revocations that it lacks, and deletes the sessions that came back
    /// with an older state of it.
    pub(super) async fn publish(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        for some in revocations.chunks(100) {
            self.record(some, Ends::AsGiven).await?;
        }
        Ok(())
    }
}
