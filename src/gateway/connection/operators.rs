//! The connections of operators. There are few places for them, and none can be kept from
//! the next: whoever opens connections and leaves them must not make the health check fail,
//! on which the container's life depends.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::gateway::connection::handle::ConnectionHandle;

/// Scrapes, health checks and a few people. A guess.
pub(crate) const PLACES: usize = 256;

/// Those of one listener, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Operators(Mutex<Vec<Operator>>);

#[derive(Debug)]
struct Operator {
    line: Weak<ConnectionHandle>,
    leaves: Arc<Notify>,
}

impl Operators {
    /// Lets one more in. If there is no place the connection that has waited longest for a
    /// request has to leave, or the oldest if all are being served; it is told by what it got
    /// here.
    pub(crate) fn enter(&self, line: &Arc<ConnectionHandle>) -> Arc<Notify> {
        let leaves = Arc::new(Notify::new());
        let mut operators = self.0.lock();
        operators.retain(|operator| operator.line.strong_count() > 0);
        if operators.len() >= PLACES {
            let longest = longest_idle(&operators).unwrap_or_default();
            operators.remove(longest).leaves.notify_one();
        }
        operators.push(Operator {
            line: Arc::downgrade(line),
            leaves: Arc::clone(&leaves),
        });
        leaves
    }
}

fn longest_idle(operators: &[Operator]) -> Option<usize> {
    let all = operators.iter().enumerate();
    let idle = all.filter_map(|(place, operator)| {
        let line = operator.line.upgrade()?;
        let (since, _) = line.arrival.due(Duration::ZERO, Duration::ZERO)?;
        Some((since, place))
    });
    idle.min().map(|(_, place)| place)
}
