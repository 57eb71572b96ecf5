//! Draining mailboxes: look whether anything waits, take the lease, fetch and claim in order, release.
//!
//! A wish to drain that comes while one is under way, or finds the lease taken, is kept: what was parked
//! may stand behind where the drainer has read already.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use domain::id::CustomerId;
use platform::deliveries::{CLOCKS_DIFFER_MS, DELIVERY_KEPT_MS, Fetched, Lease, LeaseAnswer, Mail};
use wire::message_events::Happened;

use super::customer::Phase;
use super::entry::{Entry, State, Token};
use super::{Action, Hub, Timer};

/// After a table did not answer.
const RETRY_MS: u64 = 1_000;
/// A lease that somebody else holds is asked for again so often.
const HELD_MS: u64 = 5_000;

impl Hub {
    /// How often the customer's mailbox is looked into; not all customers' at once.
    pub(super) fn look_every(&self, customer: &CustomerId) -> u64 {
        if self.partitions.is_empty() {
            return self.settings.look_often_ms;
        }
        let mut hash = DefaultHasher::new();
        customer.hash(&mut hash);
        let every_ms = self.settings.look_every_ms;
        every_ms - hash.finish() % (every_ms / 6).max(1)
    }

    /// The mailbox of a customer that is bound here is to be looked into.
    pub(super) fn want_drain(&mut self, customer: &CustomerId) {
        let known = self.customers.get_mut(customer).filter(|known| known.is_bound());
        let Some(known) = known.filter(|_| !self.is_stopping) else { return };
        if known.mailbox.phase == Phase::Idle {
            known.mailbox.phase = Phase::Looking;
            known.mailbox.wanted = false;
            self.actions.push_back(Action::Look(customer.clone()));
        } else {
            known.mailbox.wanted = true;
        }
    }

    pub(super) fn looked(&mut self, customer: &CustomerId, mail: Option<bool>, now_ms: u64) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        if known.mailbox.phase != Phase::Looking {
            return;
        }
        if mail == Some(true) && known.is_bound() && !self.is_stopping {
            known.mailbox.phase = Phase::Leasing;
            self.actions.push_back(Action::Lease(customer.clone()));
            return;
        }
        known.mailbox.phase = Phase::Idle;
        match mail {
            None => self.look_by(customer, now_ms + RETRY_MS),
            Some(_) if known.mailbox.wanted => self.want_drain(customer),
            Some(_) => {}
        }
        self.forget_if_idle(customer);
    }

    pub(super) fn leased(
        &mut self,
        customer: &CustomerId,
        answer: Option<LeaseAnswer>,
        now_ms: u64,
    ) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        let mailbox = &mut known.mailbox;
        if mailbox.phase != Phase::Leasing {
            return;
        }
        mailbox.phase = Phase::Idle;
        match answer {
            Some(LeaseAnswer::Taken(lease)) => {
                mailbox.renew_ms = renew_ms(&lease, now_ms);
                mailbox.phase = Phase::Holding(lease);
                (mailbox.after, mailbox.exhausted, mailbox.wanted) = (None, false, false);
                self.arm(customer);
                self.go_on_draining(customer, now_ms);
            }
            Some(LeaseAnswer::Held { until_ms }) => {
                let over_ms = until_ms.saturating_add(CLOCKS_DIFFER_MS);
                self.look_by(customer, over_ms.clamp(now_ms + RETRY_MS, now_ms + HELD_MS));
            }
            None => self.look_by(customer, now_ms + RETRY_MS),
        }
        self.forget_if_idle(customer);
    }

    /// Fetches more, if there is more, room for it, and enough of the lease; ends the drain, if it is
    /// over.
    pub(super) fn go_on_draining(&mut self, customer: &CustomerId, now_ms: u64) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        let (is_bound, queued) = (known.is_bound(), known.queue.len());
        let mailbox = &mut known.mailbox;
        let Some(lease) = mailbox.lease().cloned() else { return };
        if !is_bound || self.is_stopping || left_ms(&lease, now_ms) < self.settings.lease_least_ms {
            mailbox.exhausted = true;
        }
        let max = self.settings.fetch_max;
        let has_room = queued < max.div_ceil(2) && mailbox.out < 3 * max;
        if has_room && !mailbox.exhausted && !mailbox.fetching {
            mailbox.fetching = true;
            let after = mailbox.after.clone();
            self.actions.push_back(Action::Fetch(customer.clone(), lease.number, after, max));
        }
        self.finish_drain(customer);
    }

    pub(super) fn fetched(&mut self, customer: &CustomerId, fetched: Option<Fetched>, now_ms: u64) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        let mailbox = &mut known.mailbox;
        mailbox.fetching = false;
        let lease = mailbox.lease().cloned();
        match (fetched, lease) {
            (Some(fetched), Some(lease)) if !mailbox.exhausted => {
                mailbox.exhausted = fetched.next.is_none();
                mailbox.after = fetched.next;
                for mail in fetched.mails {
                    self.take_mail(customer, &lease, mail, now_ms);
                }
                if let Some(later_ms) = fetched.later_ms {
                    self.look_by(customer, later_ms);
                }
            }
            (fetched, _) => {
                mailbox.exhausted = true;
                if fetched.is_none() {
                    self.look_by(customer, now_ms + RETRY_MS);
                }
            }
        }
        self.pump(customer, now_ms);
        self.go_on_draining(customer, now_ms);
        self.finish_drain(customer);
    }

    fn take_mail(&mut self, customer: &CustomerId, lease: &Lease, mail: Mail, now_ms: u64) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        let id = mail.delivery.id;
        let known_as = self.by_id.get(&id).and_then(|token| self.entries.get_mut(token));
        if let Some(entry) = known_as {
            // What is already on its way by a record is the item's too.
            let joins = entry.is_idle()
                || matches!(entry.state, State::Sent { .. } | State::Telling { .. });
            if joins && entry.mail.is_none() {
                entry.mail = Some(lease.number);
                known.mailbox.out += 1;
            } else {
                known.mailbox.wanted |= entry.mail.is_none();
            }
            return;
        }
        known.mailbox.out += 1;
        let is_late = mail.delivery.at_ms.saturating_add(DELIVERY_KEPT_MS) <= now_ms;
        let entry = Entry::new(mail.delivery, State::Waiting);
        let token = self.enter(Entry { mail: Some(lease.number), tries: mail.tries, ..entry });
        if self.recent.has(id) {
            self.mark(token);
        } else if is_late {
            self.tell(token, Happened::NotFetched, String::new());
        } else if let Some(known) = self.customers.get_mut(customer) {
            known.queue.push_back(token);
        }
    }

    /// A drainer sends only with enough of its lease left: what waits stays in the mailbox.
    pub(super) fn drop_mail_without_lease(&mut self, customer: &CustomerId, now_ms: u64) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        let enough = |lease: &Lease| left_ms(lease, now_ms) >= self.settings.lease_least_ms;
        if known.mailbox.out == 0 || known.mailbox.lease().is_some_and(enough) {
            return;
        }
        let is_mail = |token: &Token| self.entries.get(token).is_some_and(|it| it.mail.is_some());
        let mail: Vec<Token> = known.queue.iter().copied().filter(is_mail).collect();
        known.mailbox.exhausted = true;
        for token in mail {
            self.finish(token);
        }
    }

    pub(super) fn renewed(
        &mut self,
        customer: &CustomerId,
        answer: Option<Option<u64>>,
        now_ms: u64,
    ) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        let mailbox = &mut known.mailbox;
        mailbox.renewing = false;
        if let Phase::Holding(lease) = &mut mailbox.phase {
            match answer {
                Some(Some(until_ms)) => {
                    lease.until_ms = until_ms;
                    mailbox.renew_ms = renew_ms(lease, now_ms);
                }
                // Lost: it is nobody's to send by, nor to give back.
                Some(None) => lease.until_ms = 0,
                None => mailbox.renew_ms = now_ms + RETRY_MS,
            }
        }
        self.arm(customer);
        self.pump(customer, now_ms);
        self.finish_drain(customer);
    }

    /// Gives the lease back once the drain has reached the end and all its items have ended; looks
    /// through once more, if somebody asked for it meanwhile.
    pub(super) fn finish_drain(&mut self, customer: &CustomerId) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        let goes_on = known.is_bound() && !self.is_stopping;
        let mailbox = &mut known.mailbox;
        mailbox.exhausted |= !goes_on;
        let Some(lease) = mailbox.lease().cloned() else { return };
        if !mailbox.exhausted || mailbox.out > 0 || mailbox.fetching || mailbox.renewing {
            return;
        }
        if lease.until_ms == 0 {
            mailbox.phase = Phase::Idle;
            self.released(customer);
        } else {
            mailbox.phase = Phase::Releasing;
            self.actions.push_back(Action::Release(lease));
        }
    }

    pub(super) fn released(&mut self, customer: &CustomerId) {
        let Some(known) = self.customers.get_mut(customer) else { return };
        if known.mailbox.phase == Phase::Releasing {
            known.mailbox.phase = Phase::Idle;
        }
        if known.mailbox.wanted {
            self.want_drain(customer);
        }
        self.forget_if_idle(customer);
    }

    /// Looks at this time at the latest.
    fn look_by(&mut self, customer: &CustomerId, look_ms: u64) {
        if let Some(known) = self.customers.get_mut(customer) {
            known.mailbox.look_ms = known.mailbox.look_ms.min(look_ms);
        }
        self.arm(customer);
    }

    fn arm(&mut self, customer: &CustomerId) {
        let Some(known) = self.customers.get(customer) else { return };
        let mailbox = &known.mailbox;
        let renews = mailbox.lease().is_some() && !mailbox.renewing;
        let due_ms = if renews { mailbox.look_ms.min(mailbox.renew_ms) } else { mailbox.look_ms };
        self.timers.insert((due_ms, Timer::Mailbox(customer.clone())));
    }

    pub(super) fn mailbox_due(&mut self, customer: &CustomerId, now_ms: u64) {
        let every_ms = self.look_every(customer);
        let Some(known) = self.customers.get_mut(customer) else { return };
        let (is_bound, mailbox) = (known.is_bound(), &mut known.mailbox);
        let is_due = mailbox.look_ms <= now_ms;
        if is_due {
            mailbox.look_ms = now_ms + every_ms;
        }
        if let Phase::Holding(lease) = &mailbox.phase
            && !mailbox.renewing
            && mailbox.renew_ms <= now_ms
        {
            mailbox.renewing = true;
            self.actions.push_back(Action::Renew(lease.clone()));
        }
        if is_due && is_bound {
            self.want_drain(customer);
        }
        self.pump(customer, now_ms);
        if is_bound || self.customers.get(customer).is_some_and(|it| it.mailbox.lease().is_some()) {
            self.arm(customer);
        }
    }
}

fn left_ms(lease: &Lease, now_ms: u64) -> u64 {
    lease.until_ms.saturating_sub(now_ms)
}

/// A third of the lease after it was taken or prolonged.
fn renew_ms(lease: &Lease, now_ms: u64) -> u64 {
    now_ms + left_ms(lease, now_ms) / 3
}
