//! What the load balancer is told.

use std::sync::Arc;

use platform::health::Health;

use crate::connection::Node;

/// Well while Kafka takes messages and we are not stopping.
#[must_use]
pub fn of(node: &Arc<Node>) -> Health {
    if node.stop.is_cancelled() {
        Health::Bad("stopping")
    } else if node.records.is_alive() {
        Health::Good
    } else {
        Health::Bad("kafka does not answer")
    }
}
