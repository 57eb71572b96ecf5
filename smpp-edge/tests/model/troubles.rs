//! Faults, and which repeats each of them explains.

use domain::id::DeliveryId;
use smpp_edge::deliveries::hub::Event;
use wire::edge_deliveries::EdgeRecord;

use crate::world::{Do, STALL_MS, World};

impl World {
    pub(crate) fn trouble(&mut self, trouble: Do) -> Result<(), String> {
        match trouble {
            // Run twice while the binds change, it may go two ways.
            Do::Overlap(slot) => {
                self.allow(self.log.iter().map(|delivery| delivery.id).collect());
                self.invoke(slot, 0);
            }
            Do::DieRun(slot) => {
                self.allow(self.log.iter().map(|delivery| delivery.id).collect());
                self.runs[slot] = None;
            }
            Do::StoreUnheard(number) => self.store(number, false),
            Do::HideAnswer(number) => {
                let id = self.nodes[number].as_ref().and_then(|it| it.hands.front()).map(|it| it.2);
                self.allow(id.into_iter().collect());
                if let Some(id) = id {
                    *self.received.entry(id).or_default() += 1;
                }
                self.unbind(number);
            }
            Do::Cut(number) => self.unbind(number),
            Do::Crash(number) => {
                // What was answered and neither committed nor marked.
                self.allow(self.unsettled());
                self.nodes[number] = None;
                for partition in 0..2 {
                    if self.owner[partition] == number {
                        self.assign(partition, 1 - number);
                    }
                }
            }
            Do::Move(partition) => {
                self.allow(self.unsettled());
                let from = self.owner[partition];
                if let Some(node) = &mut self.nodes[from] {
                    node.next[partition] = None;
                }
                self.handle(from, Event::Revoked(partition as i32));
            }
            Do::Stall(number) => {
                // Only what was handed over before can be sent twice.
                let node = self.nodes[number].as_ref();
                let hands: Vec<_> =
                    node.map(|it| it.hands.iter().map(|hand| hand.2).collect()).unwrap_or_default();
                self.allow(hands);
                self.allow(self.unmarked());
                self.now_ms += STALL_MS;
                self.note_nodes(Some(number));
                self.handle(1 - number, Event::Timeout);
            }
            Do::Skew(number) => {
                self.is_skewed = true;
                if let Some(node) = &mut self.nodes[number] {
                    node.skew_ms = STALL_MS;
                }
            }
            _ => {}
        }
        self.check()
    }

    pub(crate) fn allow(&mut self, ids: Vec<DeliveryId>) {
        for id in ids {
            *self.allowed.entry(id).or_default() += 1;
        }
    }

    /// Received, and still on a record that is not committed, or in the mailbox unmarked.
    pub(crate) fn unsettled(&self) -> Vec<DeliveryId> {
        let mut open = self.unmarked();
        for partition in 0..2 {
            for record in &self.edge[partition][self.committed[partition]..] {
                if let EdgeRecord::Deliver(delivery) = record {
                    open.push(delivery.id);
                }
            }
        }
        open.retain(|id| self.received.contains_key(id));
        open.sort_unstable();
        open.dedup();
        open
    }

    pub(crate) fn unmarked(&self) -> Vec<DeliveryId> {
        let waits = self.tables.mailbox.values().filter(|item| item.waits());
        let waits = waits.map(|item| item.delivery.id);
        waits.filter(|id| self.received.contains_key(id)).collect()
    }
}
