//! A hub, its time, and what is expected of it.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::address::Address;
use domain::id::{MessageId, PartId};
use domain::receipts::MessageState;
use platform::deliveries::{Fetched, Lease, LeaseAnswer, Mail, Parked};
use smpp::CommandStatus;
use smpp_edge::deliveries::hub::{Action, Answer, BindId, Event, Hub, Settings, Token};
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Receipt};
use wire::edge_deliveries::{Drain, EdgeRecord};
use wire::message_events::Happened;

pub(crate) const ACME: &str = "acme";
const START_MS: u64 = 1_760_000_000_000;

pub(crate) fn delivery(n: u8) -> CustomerDelivery {
    let part = PartId::new(START_MS, [n; 10]);
    let address = |number: &str| Address { ton: 1, npi: 1, number: number.into() };
    CustomerDelivery {
        v: V,
        id: part.delivery("delivered"),
        customer: ACME.into(),
        message: MessageId::from(part),
        what: Delivered::Receipt(Receipt {
            part,
            source: address("4670"),
            destination: address("4671"),
            state: MessageState::Delivered,
            is_final: true,
            error: "000".into(),
            network_error: None,
            accepted_ms: START_MS,
            done_ms: START_MS + 1_000,
        }),
        at_ms: START_MS + u64::from(n),
        hops: 0,
    }
}

pub(crate) fn mail(delivery: CustomerDelivery) -> Mail {
    Mail { delivery, tries: 0 }
}

pub(crate) fn read(partition: i32, offset: i64, delivery: CustomerDelivery) -> Event {
    let record = Some(EdgeRecord::Deliver(Box::new(delivery)));
    Event::Read { partition, offset, record }
}

pub(crate) fn hint(partition: i32, offset: i64) -> Event {
    let record = Some(EdgeRecord::Drain(Drain { v: V, customer: ACME.into() }));
    Event::Read { partition, offset, record }
}

pub(crate) fn status(status: u32) -> Answer {
    Answer::Status(CommandStatus::from(status))
}

#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) hub: Hub,
    pub(crate) now_ms: u64,
}

impl Script {
    /// Deliveries that wait for one customer.
    pub(crate) const QUEUE: u8 = 6;

    pub(crate) fn without_partitions() -> Self {
        let settings = Settings {
            load_max: 0,
            queue_least: usize::from(Self::QUEUE),
            fetch_max: 4,
            ..Settings::default()
        };
        Self { hub: Hub::new(settings), now_ms: START_MS + 10_000 }
    }

    pub(crate) fn new() -> Self {
        let mut script = Self::without_partitions();
        script.handle(Event::Assigned(0));
        script.handle(Event::Assigned(1));
        script
    }

    /// With one bind of acme.
    pub(crate) fn bound(bind: BindId, window: usize) -> Self {
        let mut script = Self::new();
        script.bind(bind, window);
        script
    }

    pub(crate) fn bind(&mut self, bind: BindId, window: usize) {
        self.bind_of(ACME, bind, window);
    }

    pub(crate) fn bind_of(&mut self, customer: &str, bind: BindId, window: usize) {
        self.handle(Event::Bound { customer: customer.into(), bind, window });
        assert_eq!(self.next(), Action::Register(customer.into(), bind));
    }

    pub(crate) fn handle(&mut self, event: Event) {
        self.hub.handle(event, self.now_ms);
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
        self.handle(Event::Timeout);
    }

    /// Time passes; the timer finds empty mailboxes.
    pub(crate) fn idle_looks(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while let Some(due_ms) = self.hub.deadline().filter(|due_ms| *due_ms < until_ms) {
            self.now_ms = due_ms;
            self.handle(Event::Timeout);
            for action in self.all() {
                let Action::Look(customer) = action else { panic!("{action:?}") };
                self.handle(Event::Looked(customer, Some(false)));
            }
        }
        self.wait(until_ms - self.now_ms);
    }

    pub(crate) fn next(&mut self) -> Action {
        self.hub.next_action().expect("no action")
    }

    pub(crate) fn all(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.hub.next_action()).collect()
    }

    pub(crate) fn nothing(&mut self) {
        assert_eq!(self.all(), []);
    }

    pub(crate) fn handed(&mut self, bind: BindId, delivery: CustomerDelivery) -> Token {
        match self.next() {
            Action::Hand(to, token, handed) if to == bind && *handed == delivery => token,
            other => panic!("{other:?} instead of {} to {bind}", delivery.id),
        }
    }

    pub(crate) fn told(&mut self, token: Token, happened: Happened) {
        match self.next() {
            Action::Tell(of, _, what, _) if of == token && what == happened => {}
            other => panic!("{other:?} instead of {happened:?}"),
        }
    }

    pub(crate) fn parked(&mut self, token: Token, delivery: CustomerDelivery) -> Parked {
        match self.next() {
            Action::Park(of, parked) if of == token && parked.delivery == delivery => *parked,
            other => panic!("{other:?} instead of a park"),
        }
    }

    /// The bind is known, something waits, and the lease is ours.
    pub(crate) fn drains(&mut self) -> Lease {
        self.handle(Event::Registered(1));
        assert_eq!(self.next(), Action::Look(ACME.into()));
        self.handle(Event::Looked(ACME.into(), Some(true)));
        assert_eq!(self.next(), Action::Lease(ACME.into()));
        let until_ms = self.now_ms + Settings::default().lease_ms;
        let (customer, holder) = (ACME.into(), "holder".to_owned());
        let lease = Lease { customer, holder, number: 7, until_ms };
        self.handle(Event::Leased(ACME.into(), Some(LeaseAnswer::Taken(lease.clone()))));
        assert_eq!(self.next(), Action::Fetch(ACME.into(), 7, None, 4));
        lease
    }

    pub(crate) fn fetched(
        &mut self,
        deliveries: impl IntoIterator<Item = CustomerDelivery>,
        next: Option<&str>,
    ) {
        let mails = deliveries.into_iter().map(mail).collect();
        let next = next.map(str::to_owned);
        self.handle(Event::Fetched(ACME.into(), Some(Fetched { mails, next, later_ms: None })));
    }
}
