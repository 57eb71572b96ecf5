//! What waits for a worker. Holds no more than there are deliveries in the hub's hands, which the hub
//! bounds; so putting in never waits.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct Basket<T> {
    items: Mutex<Vec<T>>,
    arrived: Notify,
}

impl<T> Default for Basket<T> {
    fn default() -> Self {
        Self { items: Mutex::new(Vec::new()), arrived: Notify::new() }
    }
}

impl<T> Basket<T> {
    pub(super) fn put(&self, item: T) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.push(item);
        if items.len() == 1 {
            self.arrived.notify_one();
        }
    }

    /// Waits until something is there, then takes all of it.
    pub(super) async fn take(&self) -> Vec<T> {
        loop {
            let items = self.take_now();
            if !items.is_empty() {
                return items;
            }
            self.arrived.notified().await;
        }
    }

    /// Takes what is there.
    pub(super) fn take_now(&self) -> Vec<T> {
        std::mem::take(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
