//! What waits to be delivered, between the binds: a delivery goes to a bind that receives, in turn,
//! or is parked until one comes. An SMSC stores and forwards: what waits is bounded by what was
//! submitted, or by the flood.

use std::{collections::BTreeMap, mem, sync::Arc};

use tokio::sync::Notify;

use super::deliveries::Delivery;

#[derive(Debug, Default)]
pub(super) struct Post {
    boxes: BTreeMap<u64, Mailbox>,
    parked: Vec<Delivery>,
    /// The bind that had the last one.
    last: u64,
}

#[derive(Debug)]
struct Mailbox {
    deliveries: Vec<Delivery>,
    arrived: Arc<Notify>,
}

impl Post {
    /// A bind that receives, and gets what was parked; it is notified when something comes.
    pub(super) fn open(&mut self, bind: u64) -> Arc<Notify> {
        let arrived = Arc::new(Notify::new());
        arrived.notify_one();
        let deliveries = mem::take(&mut self.parked);
        self.boxes.insert(bind, Mailbox { deliveries, arrived: Arc::clone(&arrived) });
        arrived
    }

    /// The bind is gone: what it had left goes to the others.
    pub(super) fn close(&mut self, bind: u64, mut left: Vec<Delivery>) {
        if let Some(mailbox) = self.boxes.remove(&bind) {
            left.extend(mailbox.deliveries);
        }
        self.send(None, left);
    }

    /// Spreads deliveries over the binds that receive; `from` is left out if there is another.
    pub(super) fn send(&mut self, from: Option<u64>, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            match self.next(from) {
                Some(mailbox) => {
                    mailbox.deliveries.push(delivery);
                    mailbox.arrived.notify_one();
                }
                None => self.parked.push(delivery),
            }
        }
    }

    pub(super) fn take(&mut self, bind: u64) -> Vec<Delivery> {
        self.boxes
            .get_mut(&bind)
            .map(|mailbox| mem::take(&mut mailbox.deliveries))
            .unwrap_or_default()
    }

    fn next(&mut self, from: Option<u64>) -> Option<&mut Mailbox> {
        let others = |bind: &&u64| Some(**bind) != from;
        let after = self.boxes.range(self.last + 1..).map(|(bind, _)| bind).find(others);
        let bind = after.or_else(|| self.boxes.keys().find(others)).or(self.boxes.keys().next());
        self.last = *bind?;
        self.boxes.get_mut(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::smsc::mo::Flood;

    fn deliveries(count: u64) -> Vec<Delivery> {
        let flood: Flood =
            serde_json::from_str(r#"{"count": 1, "run": 1, "destinations": ["12345"]}"#).unwrap();
        (0..count).map(|number| flood.delivery(number, 1, Instant::now())).collect()
    }

    #[test]
    fn deliveries_go_in_turn_to_those_who_receive_and_wait_for_one_otherwise() {
        let mut post = Post::default();
        post.send(None, deliveries(3));
        post.open(4);
        assert_eq!(post.take(4).len(), 3);
        post.open(9);
        post.send(None, deliveries(4));
        assert_eq!((post.take(4).len(), post.take(9).len()), (2, 2));
        post.send(Some(4), deliveries(2));
        assert_eq!((post.take(4).len(), post.take(9).len()), (0, 2));
        post.close(9, deliveries(1));
        post.send(Some(4), deliveries(1));
        assert_eq!(post.take(4).len(), 2, "there is no other");
        post.close(4, deliveries(5));
        post.open(10);
        assert_eq!(post.take(10).len(), 5);
    }
}
