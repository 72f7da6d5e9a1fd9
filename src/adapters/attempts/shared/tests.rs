//! Against a real Redis.

use super::*;
use crate::adapters::attempts::contract;
use crate::adapters::store::redis::server::Server;

#[tokio::test]
async fn keeps_the_contract() {
    let Some(server) = Server::start().await else {
        return;
    };
    let stores = std::cell::RefCell::new(Vec::new());
    contract::holds(|| {
        let store = server.store(&format!("{}:", stores.borrow().len()));
        let counters = Shared::new(&store);
        stores.borrow_mut().push(store);
        counters
    })
    .await;
}

#[tokio::test]
async fn nothing_that_was_typed_is_in_redis_and_all_of_it_goes() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = server.store("x:");
    let counters = Shared::new(&store);
    let limits = AttemptLimits {
        max_attempts: 5,
        window: Duration::from_millis(300),
        lockout: Duration::from_millis(300),
        address_attempts: 5,
    };
    let typed = Username::canonical("hunter2-typed-by-mistake");
    let from = "192.0.2.77".parse().unwrap();
    let now = Timestamp::from_secs(1_790_000_000);
    let begun = counters.begin(&typed, from, limits, now).await.unwrap();
    let _failed = begun.unwrap();
    let keys = server.keys("x:f:*").await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    for key in &keys {
        assert!(
            !key.contains("hunter2") && !key.contains("192.0.2.77"),
            "{key}"
        );
    }
    for _ in 0..200 {
        if server.keys("x:f:*").await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("counters stay: {:?}", server.keys("x:f:*").await);
}
