//! From a record to a bind, and what follows from the answer.

use std::sync::Arc;

use domain::id::CustomerId;
use platform::deliveries::Parked;
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::EdgeRecord;
use wire::message_events::Happened;

use super::entry::{Answer, Entry, Meaning, State, Token};
use super::partitions::Place;
use super::{Action, Hub, PutOff, Timer};

/// Tries from the queue before a delivery goes to the mailbox.
const TRIES_IN_QUEUE: u32 = 3;
/// Before the second try; the third waits four times as long.
const AGAIN_MS: u64 = 1_000;
/// Before a try out of the mailbox: doubled each time, up to the maximum.
const PUT_OFF_MS: u64 = 30_000;
const PUT_OFF_MAX_MS: u64 = 15 * 60_000;
/// Before a delivery is given back for the first time; doubled with each hop.
const GIVE_BACK_MS: u64 = 100;

impl Hub {
    pub(super) fn read(
        &mut self,
        partition: i32,
        offset: i64,
        record: Option<EdgeRecord>,
        now_ms: u64,
    ) {
        // What the client still had of a partition that was taken away: its next owner reads it.
        let Some(place) = self.partitions.read(partition, offset) else { return };
        match record {
            None => self.actions.push_back(Action::Bury(place)),
            Some(EdgeRecord::Drain(hint)) => {
                // Nothing rests on a hint: the timer comes too.
                self.settle(place);
                self.want_drain(&hint.customer);
            }
            Some(EdgeRecord::Deliver(delivery)) => self.deliver(place, *delivery, now_ms),
        }
    }

    fn deliver(&mut self, place: Place, delivery: CustomerDelivery, now_ms: u64) {
        let first = self.by_id.get(&delivery.id).copied();
        if let Some((token, first)) = first.and_then(|it| Some((it, self.entries.get_mut(&it)?))) {
            if !first.has_come_back_as(&delivery) {
                first.places.push(place);
                return;
            }
            // Our giving back is on Kafka, whatever we were told of it so far: this is what became of it, and
            // must not end with it.
            self.finish(token);
        }
        if self.recent.has(delivery.id) {
            return self.settle(place);
        }
        let customer = delivery.customer.clone();
        let queue_max = self.queue_max();
        let token =
            self.enter(Entry { places: vec![place], ..Entry::new(delivery, State::Waiting) });
        match self.customers.get_mut(&customer).filter(|known| known.is_bound()) {
            _ if self.is_stopping => self.leave_to_others(token, now_ms),
            None => self.leave_to_others(token, now_ms),
            Some(known) if known.queue.len() >= queue_max => {
                self.park(token, 0);
            }
            Some(known) => {
                known.queue.push_back(token);
                self.pump(&customer, now_ms);
            }
        }
    }

    pub(super) fn enter(&mut self, entry: Entry) -> Token {
        self.tokens += 1;
        self.by_id.insert(entry.delivery.id, self.tokens);
        self.entries.insert(self.tokens, entry);
        self.tokens
    }

    /// Hands out what the binds have room for.
    pub(super) fn pump(&mut self, customer: &CustomerId, now_ms: u64) {
        self.drop_mail_without_lease(customer, now_ms);
        let known = self.customers.get_mut(customer).filter(|_| !self.is_stopping);
        let Some(known) = known else { return };
        while let Some(token) = known.queue.front().copied() {
            let Some(bind) = known.next_bind() else { break };
            known.queue.pop_front();
            // Whatever is in a queue is in `entries`: what goes is taken out of its queue first.
            let Some(entry) = self.entries.get_mut(&token) else { continue };
            let until_ms = now_ms + self.settings.answer_max_ms;
            entry.state = State::Sent { bind, until_ms };
            self.timers.insert((until_ms, Timer::Entry(token)));
            self.actions.push_back(Action::Hand(bind, token, entry.delivery.clone()));
        }
        if known.queue.is_empty() && known.mailbox.suspected && known.is_bound() {
            known.mailbox.suspected = false;
            self.want_drain(customer);
        }
        self.go_on_draining(customer, now_ms);
    }

    pub(super) fn ended(&mut self, token: Token, answer: Answer, now_ms: u64) {
        if let Some(customer) = self.end(token, answer, now_ms) {
            self.pump(&customer, now_ms);
        }
    }

    /// The same, and nothing is handed out yet. Tells whose it was.
    pub(super) fn end(&mut self, token: Token, answer: Answer, now_ms: u64) -> Option<CustomerId> {
        let entry = self.entries.get_mut(&token)?;
        let State::Sent { bind, until_ms } = entry.state else { return None };
        self.timers.remove(&(until_ms, Timer::Entry(token)));
        let customer = entry.delivery.customer.clone();
        if let Some(known) = self.customers.get_mut(&customer) {
            known.free(bind);
        }
        match answer.meaning() {
            Meaning::Told => self.tell(token, Happened::Told, String::new()),
            Meaning::NotTaken => self.tell(token, Happened::NotTaken, answer.detail()),
            Meaning::Again if answer == Answer::NotSent => self.again(token, now_ms, now_ms),
            Meaning::Again => {
                entry.tries += 1;
                self.again(token, now_ms, now_ms);
            }
            Meaning::Later => {
                let later_ms = AGAIN_MS << (2 * entry.tries.min(4));
                entry.tries += 1;
                self.again(token, now_ms + later_ms, now_ms);
            }
        }
        Some(customer)
    }

    /// It is to be tried again, not before `at_ms`.
    fn again(&mut self, token: Token, at_ms: u64, now_ms: u64) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        let is_bound = self.customers.get(&entry.delivery.customer).is_some_and(|it| it.is_bound());
        let put_off_ms = (PUT_OFF_MS << entry.tries.min(10)).min(PUT_OFF_MAX_MS);
        let (id, tries, is_later) = (entry.delivery.id, entry.tries, at_ms > now_ms);
        match entry.mail {
            _ if !is_bound || self.is_stopping => self.leave_to_others(token, now_ms),
            Some(lease) if is_later || tries >= TRIES_IN_QUEUE => {
                entry.state = State::PuttingOff;
                let customer = entry.delivery.customer.clone();
                let not_before_ms = now_ms + put_off_ms;
                let put_off = PutOff { customer, id, lease, not_before_ms, tries };
                self.actions.push_back(Action::PutOff(token, put_off));
            }
            None if tries >= TRIES_IN_QUEUE => self.park(token, now_ms + PUT_OFF_MS),
            _ if is_later => self.delay(token, at_ms),
            _ => {
                entry.state = State::Waiting;
                let customer = entry.delivery.customer.clone();
                self.customers.entry(customer).or_default().queue.push_front(token);
            }
        }
    }

    fn delay(&mut self, token: Token, until_ms: u64) {
        if let Some(entry) = self.entries.get_mut(&token) {
            entry.state = State::Delayed { until_ms };
            self.timers.insert((until_ms, Timer::Entry(token)));
        }
    }

    pub(super) fn entry_due(&mut self, token: Token, now_ms: u64) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        match entry.state {
            State::Delayed { until_ms } if until_ms <= now_ms => {
                let customer = entry.delivery.customer.clone();
                match self.customers.get_mut(&customer).filter(|known| known.is_bound()) {
                    Some(known) => {
                        entry.state = State::Waiting;
                        known.queue.push_front(token);
                        self.pump(&customer, now_ms);
                    }
                    None if entry.mail.is_some() => self.finish(token),
                    None => self.give_back(token),
                }
            }
            // The connection died without a word.
            State::Sent { bind, until_ms } if until_ms <= now_ms => {
                self.actions.push_back(Action::Forsake(bind));
                self.unbound(bind, now_ms);
            }
            _ => {}
        }
    }

    /// The customer is not here (any more), or we are leaving: what came by a record is given back, after
    /// a pause that grows with its hops; what came out of the mailbox is still in it.
    pub(super) fn leave_to_others(&mut self, token: Token, now_ms: u64) {
        let Some(entry) = self.entries.get(&token) else { return };
        if entry.mail.is_some() {
            self.finish(token);
        } else if self.is_stopping {
            self.unqueue(token);
            self.give_back(token);
        } else {
            let pause_ms = GIVE_BACK_MS << entry.delivery.hops.min(8);
            self.delay(token, now_ms + pause_ms);
        }
    }

    fn give_back(&mut self, token: Token) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        entry.state = State::GivingBack;
        let mut delivery = CustomerDelivery::clone(&entry.delivery);
        delivery.hops = delivery.hops.saturating_add(1);
        self.actions.push_back(Action::GiveBack(token, Arc::new(delivery)));
    }

    /// Into the mailbox, to be tried from `not_before_ms` on.
    fn park(&mut self, token: Token, not_before_ms: u64) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        entry.state = State::Parking;
        let delivery = CustomerDelivery::clone(&entry.delivery);
        let parked = Parked { delivery, not_before_ms, tries: entry.tries };
        self.actions.push_back(Action::Park(token, Box::new(parked)));
    }

    /// The delivery's end is told, and only then its records and its item are done with.
    pub(super) fn tell(&mut self, token: Token, happened: Happened, detail: String) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        entry.state = State::Telling { happened };
        self.actions.push_back(Action::Tell(token, entry.delivery.clone(), happened, detail));
    }

    pub(super) fn published(&mut self, token: Token, now_ms: u64) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        match entry.state {
            State::Telling { .. } => {
                self.recent.note(entry.delivery.id, now_ms);
                if entry.mail.is_some() {
                    self.mark(token);
                } else {
                    self.finish(token);
                }
            }
            State::GivingBack => self.finish(token),
            _ => {}
        }
    }

    pub(super) fn mark(&mut self, token: Token) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        entry.state = State::Marking;
        let (customer, id) = (entry.delivery.customer.clone(), entry.delivery.id);
        self.actions.push_back(Action::Mark(token, customer, id));
    }

    pub(super) fn written(&mut self, token: Token, now_ms: u64) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        let customer = entry.delivery.customer.clone();
        match entry.state {
            State::Parking => {
                let delivery = entry.delivery.clone();
                self.actions.push_back(Action::Mention(delivery, Happened::Parked));
                if let Some(known) = self.customers.get_mut(&customer) {
                    known.mailbox.suspected = true;
                }
                self.finish(token);
                self.pump(&customer, now_ms);
            }
            State::Marking | State::PuttingOff => {
                self.finish(token);
                // What was fetched had filled all places; one is free now, and nothing else may happen.
                self.go_on_draining(&customer, now_ms);
            }
            _ => {}
        }
    }

    /// It stands elsewhere, or has ended: its records are done with.
    pub(super) fn finish(&mut self, token: Token) {
        self.unqueue(token);
        let Some(entry) = self.drop_entry(token) else { return };
        for place in entry.places {
            self.settle(place);
        }
        let customer = entry.delivery.customer.clone();
        if entry.mail.is_some()
            && let Some(known) = self.customers.get_mut(&customer)
        {
            known.mailbox.out = known.mailbox.out.saturating_sub(1);
            self.finish_drain(&customer);
        }
    }

    pub(super) fn unqueue(&mut self, token: Token) {
        let Some(entry) = self.entries.get(&token) else { return };
        if entry.state == State::Waiting
            && let Some(known) = self.customers.get_mut(&entry.delivery.customer)
        {
            known.queue.retain(|waiting| *waiting != token);
        }
    }

    pub(super) fn drop_entry(&mut self, token: Token) -> Option<Entry> {
        let entry = self.entries.remove(&token)?;
        self.by_id.remove(&entry.delivery.id);
        Some(entry)
    }

    pub(super) fn settle(&mut self, place: Place) {
        if let Some(offset) = self.partitions.settle(place) {
            self.actions.push_back(Action::Commit(place.partition, offset));
        }
    }

    /// A customer without binds of which nothing is under way needs no memory.
    pub(super) fn forget_if_idle(&mut self, customer: &CustomerId) {
        let idle = |known: &super::Customer| {
            known.binds.is_empty()
                && known.queue.is_empty()
                && known.mailbox.phase == super::customer::Phase::Idle
        };
        if self.customers.get(customer).is_some_and(idle) {
            self.customers.remove(customer);
        }
    }
}
