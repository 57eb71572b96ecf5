//! What an edge node does with deliveries (design, section 8): one pure state machine. Events in,
//! actions out, time passed in; no socket, no Kafka, no table.
//!
//! A delivery comes by a record of `edge-deliveries` or out of the mailbox, and ends when the customer
//! answered it, or when it stands elsewhere: parked in the mailbox, given back to
//! `customer-deliveries`. **A record's offset is committed only then.** Under one id there is one entry:
//! a copy waits for the first one's end, and ends with it.
//!
//! | module | holds |
//! |---|---|
//! | `entry` | one delivery: where it is, what an answer means |
//! | `customer` | binds in turn, the queue |
//! | `sending` | from the queue to a bind and back |
//! | `drain` | the mailbox: look, lease, fetch, renew, release |
//! | `partitions` | offsets |
//! | `recent` | what was answered in the last hour |

mod customer;
mod drain;
mod entry;
mod partitions;
mod recent;
mod sending;
mod settings;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use domain::id::{CustomerId, DeliveryId};
use platform::deliveries::{Fetched, Lease, LeaseAnswer, Parked};
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::EdgeRecord;
use wire::message_events::Happened;

use self::customer::Customer;
pub use self::entry::{Answer, BindId, Meaning, Token};
use self::entry::{Entry, State};
use self::partitions::Partitions;
pub use self::partitions::Place;
use self::recent::Recent;
pub use self::settings::Settings;

/// What happens. The shell repeats writes until they are made, so only reads and leases can fail here.
#[derive(Debug, Clone)]
pub enum Event {
    /// A partition is ours.
    Assigned(i32),
    /// It is taken away; answered by [`Action::Surrender`].
    Revoked(i32),
    /// A record of a partition.
    Read {
        /// Partition.
        partition: i32,
        /// Offset.
        offset: i64,
        /// What it says; none: it is no record, and becomes a dead letter.
        record: Option<EdgeRecord>,
    },
    /// A dead letter is on Kafka.
    Buried(Place),
    /// A customer is bound to receive.
    Bound {
        /// Whose.
        customer: CustomerId,
        /// Not used before.
        bind: BindId,
        /// Deliveries that it may have without an answer.
        window: usize,
    },
    /// Everybody can see the bind now.
    Registered(BindId),
    /// It takes nothing more; what it has is still answered.
    Closing(BindId),
    /// It is gone; what it had unanswered was told before, or is unanswered.
    Unbound(BindId),
    /// What came of a delivery that was handed over.
    Ended(Token, Answer),
    /// What was to be published for it is on Kafka.
    Published(Token),
    /// What was to be written for it in the mailbox is there.
    Written(Token),
    /// Whether anything waits in the mailbox; none: the table does not answer.
    Looked(CustomerId, Option<bool>),
    /// What came of asking for the lease; none: the table does not answer.
    Leased(CustomerId, Option<LeaseAnswer>),
    /// The lease was prolonged until then; `Some(None)`: it is lost; none: the table does not answer.
    Renewed(CustomerId, Option<Option<u64>>),
    /// The lease is given back, or will end by itself.
    Released(CustomerId),
    /// What was fetched and claimed; none: the table does not answer.
    Fetched(CustomerId, Option<Fetched>),
    /// Take leave: nothing new is handed to binds.
    Stop,
    /// The [`Hub::deadline`] has passed. Harmless when it has not.
    Timeout,
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Make the bind known; then [`Event::Registered`].
    Register(CustomerId, BindId),
    /// Take it back.
    Unregister(CustomerId, BindId),
    /// Hand a delivery to a connection; then [`Event::Ended`].
    Hand(BindId, Token, Arc<CustomerDelivery>),
    /// Its connection has said nothing for too long: let it close, the customer may bind again.
    Forsake(BindId),
    /// Publish to `customer-deliveries`; then [`Event::Published`].
    GiveBack(Token, Arc<CustomerDelivery>),
    /// Publish to `message-events`; then [`Event::Published`].
    Tell(Token, Arc<CustomerDelivery>, Happened, String),
    /// Publish to `dead-letters`; then [`Event::Buried`].
    Bury(Place),
    /// As [`Action::Tell`], and nobody waits for it.
    Mention(Arc<CustomerDelivery>, Happened),
    /// Park, unless it is there; then [`Event::Written`].
    Park(Token, Box<Parked>),
    /// Mark the mailbox item as done; then [`Event::Written`].
    Mark(Token, CustomerId, DeliveryId),
    /// Put the mailbox item off; then [`Event::Written`].
    PutOff(Token, PutOff),
    /// Look whether anything waits.
    Look(CustomerId),
    /// Ask for the lease to drain.
    Lease(CustomerId),
    /// Prolong it.
    Renew(Lease),
    /// Give it back.
    Release(Lease),
    /// Fetch and claim what comes after the cursor, at most so much.
    Fetch(CustomerId, u64, Option<String>, usize),
    /// Everything before this offset may be committed.
    Commit(i32, i64),
    /// The partition may go to somebody else, with this offset.
    Surrender(i32, Option<i64>),
}

/// A mailbox item that its customer put off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOff {
    /// Whose.
    pub customer: CustomerId,
    /// Which.
    pub id: DeliveryId,
    /// The lease that claimed it.
    pub lease: u64,
    /// Until when, Unix milliseconds.
    pub not_before_ms: u64,
    /// How often by now.
    pub tries: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    Entry(Token),
    Mailbox(CustomerId),
    Leave,
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Hub {
    settings: Settings,
    entries: BTreeMap<Token, Entry>,
    by_id: BTreeMap<DeliveryId, Token>,
    customers: BTreeMap<CustomerId, Customer>,
    binds: BTreeMap<BindId, CustomerId>,
    partitions: Partitions,
    recent: Recent,
    timers: BTreeSet<(u64, Timer)>,
    actions: VecDeque<Action>,
    tokens: Token,
    is_stopping: bool,
}

impl Hub {
    /// Nothing bound, nothing read.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            entries: BTreeMap::new(),
            by_id: BTreeMap::new(),
            customers: BTreeMap::new(),
            binds: BTreeMap::new(),
            partitions: Partitions::default(),
            recent: Recent::default(),
            timers: BTreeSet::new(),
            actions: VecDeque::new(),
            tokens: 0,
            is_stopping: false,
        }
    }

    /// Something happened at `now_ms`, Unix milliseconds.
    pub fn handle(&mut self, event: Event, now_ms: u64) {
        match event {
            Event::Assigned(partition) => self.partitions.assign(partition),
            Event::Revoked(partition) => self.revoked(partition, now_ms),
            Event::Read { partition, offset, record } => {
                self.read(partition, offset, record, now_ms);
            }
            Event::Buried(place) => self.settle(place),
            Event::Bound { customer, bind, window } => self.bound(customer, bind, window, now_ms),
            Event::Registered(bind) => {
                if let Some(customer) = self.binds.get(&bind).cloned() {
                    self.want_drain(&customer);
                }
            }
            Event::Closing(bind) => self.closing(bind, now_ms),
            Event::Unbound(bind) => self.unbound(bind, now_ms),
            Event::Ended(token, answer) => self.ended(token, answer, now_ms),
            Event::Published(token) => self.published(token, now_ms),
            Event::Written(token) => self.written(token, now_ms),
            Event::Looked(customer, mail) => self.looked(&customer, mail, now_ms),
            Event::Leased(customer, answer) => self.leased(&customer, answer, now_ms),
            Event::Renewed(customer, answer) => self.renewed(&customer, answer, now_ms),
            Event::Released(customer) => self.released(&customer),
            Event::Fetched(customer, fetched) => self.fetched(&customer, fetched, now_ms),
            Event::Stop => self.stop(now_ms),
            Event::Timeout => self.timeout(now_ms),
        }
        self.surrender(now_ms);
    }

    /// What is to be done; to be asked until none is left.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Event::Timeout`] is due, Unix milliseconds.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.timers.first().map(|(due_ms, _)| *due_ms)
    }

    /// The node has its hands full: nothing more is to be read for now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() > self.settings.load_max
    }

    /// Deliveries that may wait for one customer now.
    fn queue_max(&self) -> usize {
        let room = self.settings.load_max.saturating_sub(self.entries.len());
        self.settings.queue_least.max(room / 2)
    }

    /// Partitions of this node.
    #[must_use]
    pub fn partitions(&self) -> Vec<i32> {
        self.partitions.held()
    }

    /// True if nothing is on its way to a customer, a table or Kafka.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.entries.is_empty()
    }

    fn bound(&mut self, customer: CustomerId, bind: BindId, window: usize, now_ms: u64) {
        let look_ms = now_ms + self.look_every(&customer);
        let known = self.customers.entry(customer.clone()).or_default();
        if !known.is_bound() {
            known.mailbox.look_ms = look_ms;
            self.timers.insert((look_ms, Timer::Mailbox(customer.clone())));
        }
        known.binds.push(customer::Bound { id: bind, window, out: 0 });
        self.binds.insert(bind, customer.clone());
        self.actions.push_back(Action::Register(customer.clone(), bind));
        self.pump(&customer, now_ms);
    }

    fn closing(&mut self, bind: BindId, now_ms: u64) {
        let Some(customer) = self.binds.get(&bind).cloned() else { return };
        let known = self.customers.get_mut(&customer);
        let bound = known.and_then(|known| known.binds.iter_mut().find(|bound| bound.id == bind));
        let Some(bound) = bound.filter(|bound| bound.window > 0) else { return };
        bound.window = 0;
        self.actions.push_back(Action::Unregister(customer.clone(), bind));
        self.bind_left(&customer, now_ms);
    }

    fn unbound(&mut self, bind: BindId, now_ms: u64) {
        self.closing(bind, now_ms);
        let Some(customer) = self.binds.remove(&bind) else { return };
        if let Some(known) = self.customers.get_mut(&customer) {
            known.binds.retain(|bound| bound.id != bind);
        }
        let at_it = |(token, entry): (&Token, &Entry)| {
            matches!(entry.state, State::Sent { bind: at, .. } if at == bind).then_some(*token)
        };
        let mut lost: Vec<Token> = self.entries.iter().filter_map(at_it).collect();
        // The youngest is put in front of the queue first.
        lost.reverse();
        for token in lost {
            self.end(token, Answer::Unanswered, now_ms);
        }
        self.bind_left(&customer, now_ms);
    }

    /// Without a bind the customer's queue is somebody else's.
    fn bind_left(&mut self, customer: &CustomerId, now_ms: u64) {
        let known = self.customers.get_mut(customer).filter(|known| !known.is_bound());
        for token in known.map(|known| std::mem::take(&mut known.queue)).unwrap_or_default() {
            self.leave_to_others(token, now_ms);
        }
        self.pump(customer, now_ms);
        self.finish_drain(customer);
        self.forget_if_idle(customer);
    }

    fn revoked(&mut self, partition: i32, now_ms: u64) {
        let until_ms = now_ms + self.settings.leave_ms;
        self.partitions.leave(partition, until_ms);
        self.timers.insert((until_ms, Timer::Leave));
        let idle = |(token, entry): (&Token, &Entry)| entry.is_idle().then_some(*token);
        let idle: Vec<Token> = self.entries.iter().filter_map(idle).collect();
        for token in idle {
            let Some(entry) = self.entries.get_mut(&token) else { continue };
            let partitions = &mut self.partitions;
            entry.places.retain(|place| {
                let leaves = place.partition == partition;
                if leaves {
                    partitions.drop_record(*place);
                }
                !leaves
            });
            if entry.places.is_empty() && entry.mail.is_none() {
                // The next owner reads it.
                self.unqueue(token);
                self.drop_entry(token);
            }
        }
    }

    fn surrender(&mut self, now_ms: u64) {
        for (partition, offset) in self.partitions.surrender(now_ms) {
            self.actions.push_back(Action::Surrender(partition, offset));
        }
    }

    fn timeout(&mut self, now_ms: u64) {
        while let Some((due_ms, _)) = self.timers.first()
            && *due_ms <= now_ms
        {
            match self.timers.pop_first().map(|(_, timer)| timer) {
                Some(Timer::Entry(token)) => self.entry_due(token, now_ms),
                Some(Timer::Mailbox(customer)) => self.mailbox_due(&customer, now_ms),
                Some(Timer::Leave) | None => {}
            }
        }
    }

    /// What waits is given back, so that its offsets can be committed before the partitions go.
    fn stop(&mut self, now_ms: u64) {
        self.is_stopping = true;
        let idle = |(token, entry): (&Token, &Entry)| entry.is_idle().then_some(*token);
        let idle: Vec<Token> = self.entries.iter().filter_map(idle).collect();
        for token in idle {
            self.leave_to_others(token, now_ms);
        }
        let customers: Vec<CustomerId> = self.customers.keys().cloned().collect();
        for customer in customers {
            self.finish_drain(&customer);
        }
    }
}
