//! Against a real Redis.

use redis::cmd;

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
    let begun = counters
        .begin(&typed, Source::of(from), limits, now)
        .await
        .unwrap();
    let _failed = begun.unwrap();
    let keys = server.keys("x:f:*").await;
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in &keys {
        assert!(
            !key.contains("hunter2") && !key.contains("192.0.2.77"),
            "{key}"
        );
    }
    let shape = |keys: &[String]| {
        keys.iter()
            .all(|key| key == "x:f:streaks" || key == "x:f:order")
    };
    for _ in 0..200 {
        if shape(&server.keys("x:f:*").await) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(shape(&server.keys("x:f:*").await), "counters stay");
    let fields: Vec<String> = server.ask(cmd("HKEYS").arg("x:f:streaks")).await;
    assert_eq!(fields.len(), 1);
    assert!(!fields[0].contains("hunter2"), "{fields:?}");
    for key in ["x:f:streaks", "x:f:order"] {
        let left: i64 = server.ask(cmd("PTTL").arg(key)).await;
        assert!(left > 0, "{key} stays");
    }
    // A day later somebody else fails.
    let later = now.after(FEW_KEPT);
    let other = Username::canonical("alice");
    let begun = counters.begin(&other, Source::of(from), limits, later);
    let _failed = begun.await.unwrap().unwrap();
    let left: Vec<String> = server.ask(cmd("HKEYS").arg("x:f:streaks")).await;
    assert_eq!(left.len(), 1);
    assert_ne!(left, fields);
}

#[tokio::test]
async fn streaks_have_a_bound_and_those_of_few_failures_go_first() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = server.store("x:");
    let counters = Shared::new(&store);
    let limits = AttemptLimits {
        max_attempts: 5,
        window: Duration::from_secs(300),
        lockout: Duration::from_secs(300),
        address_attempts: 100,
    };
    let start = Timestamp::from_secs(1_790_000_000);
    let now = start.after(Duration::from_secs(60));
    let from = |n: u8| Source::of(std::net::IpAddr::from([192, 0, 2, n]));
    let alice = Username::canonical("alice");
    for n in 0..10 {
        let begun = counters.begin(&alice, from(n), limits, start).await;
        let _failed = begun.unwrap().unwrap();
    }
    let fill = "for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
        redis.call('HSET', KEYS[1], i, '1 ' .. ARGV[1] .. ' 0')
        redis.call('ZADD', KEYS[2], ARGV[1], i)
    end";
    // In pieces, none of which takes long.
    for first in (1..=CAPACITY + 3).step_by(4096) {
        let mut piece = cmd("EVAL");
        piece.arg(fill).arg(2).arg("x:f:streaks").arg("x:f:order");
        let last = (first + 4095).min(CAPACITY + 3);
        piece.arg(now.millis()).arg(first).arg(last);
        let () = server.ask(&piece).await;
    }
    let new = Username::canonical("new");
    let begun = counters.begin(&new, from(1), limits, now);
    let _failed = begun.await.unwrap().unwrap();
    for (count, key) in [("HLEN", "x:f:streaks"), ("ZCARD", "x:f:order")] {
        let kept: usize = server.ask(cmd(count).arg(key)).await;
        assert_eq!(kept, CAPACITY, "{key}");
    }
    let begun = counters.begin(&alice, from(1), limits, now).await;
    assert_eq!(begun.unwrap().unwrap().failures(), 11, "her streak is gone");
}
