//! What the SMSC delivers over one bind: a window of unanswered `deliver_sm`, and repeats of what
//! was not taken or not answered. No socket, no clock.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use smpp::{CommandStatus, pdu, session::SEQUENCE_MAX};

use super::{mo::Message, receipts::Receipt};
use crate::{clock::Now, number::Numbered};

/// How deliveries go out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySettings {
    /// Unanswered deliveries per bind.
    pub window: usize,
    /// A delivery that was answered with "again later" is sent again so long after.
    pub again_after_ms: f64,
    /// A delivery that was not answered for so long is sent again.
    pub unanswered_after_ms: f64,
    /// How often a delivery is sent at most, then it is forgotten.
    pub tries_max: u32,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            window: 100,
            again_after_ms: 1_000.0,
            unanswered_after_ms: 60_000.0,
            tries_max: u32::MAX,
        }
    }
}

/// One receipt or message from a handset.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub due: Instant,
    pub what: What,
    /// How often it was sent.
    pub tries: u32,
}

#[derive(Clone, Debug)]
pub enum What {
    Receipt(Box<Receipt>),
    Message(Box<Message>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Receipt,
    Message,
}

/// What happened to a delivery, for the tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    pub kind: Kind,
    /// Which of a load's messages; `None`: none, or nothing that its receiver is to count (an
    /// intermediate receipt, a wrong id).
    pub numbered: Option<Numbered>,
    pub what: Happened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    Sent {
        is_first: bool,
    },
    Taken,
    /// With this `command_status`, for good.
    Refused(u32),
    /// With one that asks for a repeat.
    Later(u32),
    Unanswered,
}

#[derive(Debug, Default)]
pub struct Deliverer {
    queue: BinaryHeap<Reverse<Queued>>,
    count: u64,
    open: HashMap<u32, (Instant, Delivery)>,
    /// What was sent, oldest first; some of it is answered already.
    sent: VecDeque<(Instant, u32)>,
    sequence: u32,
    pub noted: Vec<Noted>,
}

/// Ordered by time, then by order of arrival.
#[derive(Debug)]
struct Queued {
    due: Instant,
    count: u64,
    delivery: Delivery,
}

impl Deliverer {
    pub fn push(&mut self, delivery: Delivery) {
        self.count += 1;
        let (due, count) = (delivery.due, self.count);
        self.queue.push(Reverse(Queued { due, count, delivery }));
    }

    /// Writes what is due, as far as the window has room.
    pub fn fill(&mut self, settings: &DeliverySettings, out: &mut BytesMut, now: Now) {
        self.overdue(settings, now.instant);
        while self.open.len() < settings.window {
            match self.queue.pop() {
                Some(Reverse(next)) if next.due <= now.instant => {
                    self.send(next.delivery, out, now);
                }
                Some(later) => return self.queue.push(later),
                None => return,
            }
        }
    }

    /// Writes this one at once, whatever the window says.
    pub fn send(&mut self, mut delivery: Delivery, out: &mut BytesMut, now: Now) {
        self.sequence = if self.sequence >= SEQUENCE_MAX { 1 } else { self.sequence + 1 };
        if let What::Message(message) = &mut delivery.what
            && delivery.tries == 0
        {
            // A repeat is the same, octet for octet.
            message.numbered.sent_us = now.wall_us;
        }
        let submit = match &delivery.what {
            What::Receipt(receipt) => receipt.to_submit(),
            What::Message(message) => message.to_submit(),
        };
        if pdu::deliver_sm(out, self.sequence, &submit).is_err() {
            // A field that does not fit (settings, or an odd address): it never goes.
            return self.note(&delivery, Happened::Refused(CommandStatus::EsmeRsyserr.into()));
        }
        self.note(&delivery, Happened::Sent { is_first: delivery.tries == 0 });
        delivery.tries += 1;
        self.open.insert(self.sequence, (now.instant, delivery));
        self.sent.push_back((now.instant, self.sequence));
    }

    /// The peer's answer; one to nothing that is open is ignored.
    pub fn answered(
        &mut self,
        sequence: u32,
        status: u32,
        settings: &DeliverySettings,
        now: Instant,
    ) {
        let Some((_, mut delivery)) = self.open.remove(&sequence) else { return };
        if status == 0 {
            self.note(&delivery, Happened::Taken);
        } else if !asks_for_repeat(status) || delivery.tries >= settings.tries_max {
            self.note(&delivery, Happened::Refused(status));
        } else {
            self.note(&delivery, Happened::Later(status));
            delivery.due = now + millis(settings.again_after_ms);
            self.push(delivery);
        }
    }

    /// When there is something to do without the peer.
    pub fn deadline(&self, settings: &DeliverySettings) -> Option<Instant> {
        let next = self.queue.peek().map(|Reverse(next)| next.due);
        let next = next.filter(|_| self.open.len() < settings.window);
        let overdue = self.sent.front().map(|(at, _)| *at + millis(settings.unanswered_after_ms));
        [next, overdue].into_iter().flatten().min()
    }

    /// Everything that was not taken: this bind is gone.
    pub fn take_all(&mut self, now: Instant) -> Vec<Delivery> {
        self.sent.clear();
        let open: Vec<Delivery> = self.open.drain().map(|(_, (_, delivery))| delivery).collect();
        open.iter().for_each(|delivery| self.note(delivery, Happened::Unanswered));
        let open = open.into_iter().map(|delivery| Delivery { due: now, ..delivery });
        open.chain(self.queue.drain().map(|Reverse(queued)| queued.delivery)).collect()
    }

    fn overdue(&mut self, settings: &DeliverySettings, now: Instant) {
        let patience = millis(settings.unanswered_after_ms);
        while let Some((at, sequence)) = self.sent.front().copied() {
            let is_open = self.open.get(&sequence).is_some_and(|(sent, _)| *sent == at);
            if is_open && at + patience > now {
                return;
            }
            self.sent.pop_front();
            if let Some((_, mut delivery)) = self.open.remove(&sequence).filter(|_| is_open) {
                self.note(&delivery, Happened::Unanswered);
                delivery.due = now;
                if delivery.tries < settings.tries_max {
                    self.push(delivery);
                }
            }
        }
    }

    fn note(&mut self, delivery: &Delivery, what: Happened) {
        let (kind, numbered) = match &delivery.what {
            What::Receipt(receipt) => (Kind::Receipt, receipt.numbered),
            What::Message(message) => (Kind::Message, Some(message.numbered)),
        };
        self.noted.push(Noted { kind, numbered, what });
    }
}

/// As most SMSCs have it: the peer is busy, or in trouble that may pass.
fn asks_for_repeat(status: u32) -> bool {
    matches!(
        CommandStatus::from(status),
        CommandStatus::EsmeRsyserr
            | CommandStatus::EsmeRmsgqful
            | CommandStatus::EsmeRthrottled
            | CommandStatus::EsmeRxTAppn
    )
}

fn millis(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1e3)
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.count).cmp(&(other.due, other.count))
    }
}

#[cfg(test)]
mod tests;
