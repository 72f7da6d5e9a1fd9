//! Against a real Redis.

use super::server::Server;
use crate::adapters::store::contract;

#[tokio::test]
async fn keeps_the_contract() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut number = 0;
    contract::holds(|| {
        number += 1;
        let store = server.store(&format!("{number}:"));
        async move { store }
    })
    .await;
}
