//! Against a real Redis.

use std::cell::Cell;
use std::future::ready;

use super::server::Server;
use crate::adapters::store::contract;

#[tokio::test]
async fn keeps_the_contract() {
    let Some(server) = Server::start().await else {
        return;
    };
    let number = Cell::new(0);
    contract::holds(|| {
        number.set(number.get() + 1);
        ready(server.store(&format!("{}:", number.get())))
    })
    .await;
}
