//! Counters of this process alone.

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::auth::ports::{Attempts, StoreError};
use crate::auth::throttle::{Attempt, AttemptLimits, Locked, Source, Throttle};
use crate::domain::id::Username;
use crate::domain::time::Timestamp;

/// The counters in memory; as large as [`Throttle`] lets them be.
#[derive(Debug)]
pub struct Local(Mutex<Throttle>);

impl Local {
    /// Empty counters.
    pub fn new(limits: AttemptLimits) -> Self {
        Self(Mutex::new(Throttle::new(limits)))
    }
}

#[async_trait]
impl Attempts for Local {
    async fn begin(
        &self,
        name: &Username,
        source: Source,
        limits: AttemptLimits,
        now: Timestamp,
    ) -> Result<Result<Attempt, Locked>, StoreError> {
        let mut throttle = self.0.lock();
        throttle.set_limits(limits);
        Ok(throttle.begin(name, source, now))
    }

    async fn succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.0.lock().succeeded(attempt);
        Ok(())
    }

    async fn withdrawn(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.0.lock().withdrawn(attempt);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::attempts::contract;

    #[tokio::test]
    async fn keeps_the_contract() {
        let limits = AttemptLimits {
            max_attempts: 1,
            window: std::time::Duration::ZERO,
            lockout: std::time::Duration::ZERO,
            address_attempts: 1,
        };
        contract::holds(|| Local::new(limits)).await;
    }
}
