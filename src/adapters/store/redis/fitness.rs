//! Whether a server can be the shared store.

use redis::{InfoDict, cmd};

use super::Redis;
use crate::auth::ports::{Store as _, StoreError};

impl Redis {
    /// Asks the server what it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not answer or cannot serve us.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.ready().await?;
        let refused = |why: String| Err(StoreError::Unavailable(why));
        let Ok(info) = self.link.ask::<InfoDict>(&cmd("INFO")).await else {
            // Not everybody may ask; what is needed shows itself.
            return Ok(());
        };
        let of = |key: &str| info.get::<String>(key);
        let version = of("redis_version").unwrap_or_default();
        let numbers: Vec<u32> = version.split('.').map_while(|n| n.parse().ok()).collect();
        if !numbers.is_empty() && numbers < vec![6, 2] {
            return refused(format!("Redis {version} is too old; 6.2 is needed"));
        }
        if of("redis_mode").as_deref() == Some("cluster") {
            return refused("a Redis cluster cannot be used, only a single node".into());
        }
        if let Some(policy) = of("maxmemory_policy").filter(|policy| policy != "noeviction") {
            log::warn!(
                "Redis' maxmemory-policy is {policy}: when memory runs out it will forget \
                 sessions and revocations; set noeviction"
            );
        }
        Ok(())
    }
}
