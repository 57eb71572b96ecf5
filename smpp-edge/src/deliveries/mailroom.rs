//! The mailbox and its leases: carries out what the hub asks for. Writes are repeated until they are made;
//! of reads and leases the hub is told when they fail.

use std::sync::Arc;
use std::time::Duration;

use domain::id::{CustomerId, DeliveryId};
use futures_util::stream::{self, StreamExt as _};
use platform::clock::unix_ms;
use platform::deliveries::{Lease, Leases, Mailboxes, Parked};
use tokio::sync::{Semaphore, mpsc};

use super::Input;
use super::basket::Basket;
use super::hub::{Event, PutOff, Token};

const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Reads and leases of all customers at a time.
const AT_ONCE: usize = 64;
/// Items in one round of a writer.
const ROUND_MAX: usize = 200;

/// Both tables, and what waits to be written.
#[derive(Debug)]
pub(super) struct Mailroom {
    mailboxes: Mailboxes,
    leases: Leases,
    inputs: mpsc::Sender<Input>,
    turns: Semaphore,
    lease_ms: u64,
    pub(super) parks: Basket<(Token, Parked)>,
    pub(super) marks: Basket<(Token, CustomerId, DeliveryId)>,
    pub(super) put_offs: Basket<(Token, PutOff)>,
}

impl Mailroom {
    pub(super) fn new(
        mailboxes: Mailboxes,
        leases: Leases,
        lease_ms: u64,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let turns = Semaphore::new(AT_ONCE);
        let (parks, marks, put_offs) = Default::default();
        Self { mailboxes, leases, inputs, turns, lease_ms, parks, marks, put_offs }
    }

    pub(super) async fn look(self: Arc<Self>, customer: CustomerId) {
        let _turn = self.turns.acquire().await;
        let found = heard(self.mailboxes.has_mail(&customer).await);
        self.tell(Event::Looked(customer, found)).await;
    }

    pub(super) async fn lease(self: Arc<Self>, customer: CustomerId) {
        let _turn = self.turns.acquire().await;
        let holder = format!("{:032x}", fastrand::u128(..));
        let now_ms = unix_ms();
        let until_ms = now_ms + self.lease_ms;
        let answer = heard(self.leases.take(&customer, &holder, now_ms, until_ms).await);
        self.tell(Event::Leased(customer, answer)).await;
    }

    pub(super) async fn renew(self: Arc<Self>, lease: Lease) {
        let until_ms = unix_ms() + self.lease_ms;
        let held = heard(self.leases.renew(&lease, until_ms).await);
        let answer = held.map(|held| held.then_some(until_ms));
        self.tell(Event::Renewed(lease.customer, answer)).await;
    }

    pub(super) async fn release(self: Arc<Self>, lease: Lease) {
        // Unheard, it ends by itself.
        let _ending = heard(self.leases.release(&lease).await);
        self.tell(Event::Released(lease.customer)).await;
    }

    pub(super) async fn fetch(
        self: Arc<Self>,
        customer: CustomerId,
        lease: u64,
        after: Option<String>,
        limit: usize,
    ) {
        let _turn = self.turns.acquire().await;
        let now_ms = unix_ms();
        let fetched = self.mailboxes.fetch(&customer, lease, after.as_deref(), limit, now_ms).await;
        self.tell(Event::Fetched(customer, heard(fetched))).await;
    }

    /// Parks what is put into the basket.
    pub(super) async fn park_all(self: Arc<Self>) {
        loop {
            let some = self.parks.take().await;
            for round in some.chunks(ROUND_MAX) {
                let parked: Vec<Parked> = round.iter().map(|(_, parked)| parked.clone()).collect();
                while heard(self.mailboxes.park(&parked).await).is_none() {
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                self.written(round.iter().map(|(token, _)| *token)).await;
            }
        }
    }

    /// Marks what is put into the basket as done.
    pub(super) async fn mark_all(self: Arc<Self>) {
        loop {
            let some = self.marks.take().await;
            for round in some.chunks(ROUND_MAX) {
                let done: Vec<_> = round.iter().map(|(_, to, id)| (to.clone(), *id)).collect();
                while heard(self.mailboxes.done(&done, unix_ms()).await).is_none() {
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                self.written(round.iter().map(|(token, ..)| *token)).await;
            }
        }
    }

    /// Puts off what is put into the basket.
    pub(super) async fn put_off_all(self: Arc<Self>) {
        loop {
            let some = self.put_offs.take().await;
            let mut written = stream::iter(some)
                .map(|(token, put_off)| self.put_off(token, put_off))
                .buffer_unordered(AT_ONCE);
            while let Some(token) = written.next().await {
                self.written([token]).await;
            }
        }
    }

    async fn put_off(&self, token: Token, put_off: PutOff) -> Token {
        let PutOff { customer, id, lease, not_before_ms, tries } = put_off;
        let write = || self.mailboxes.put_off(&customer, id, lease, not_before_ms, tries);
        while heard(write().await).is_none() {
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        token
    }

    async fn written(&self, tokens: impl IntoIterator<Item = Token>) {
        let events = tokens.into_iter().map(Event::Written).collect();
        // The receiver is gone only when the process ends.
        let _ending = self.inputs.send(Input::Done(events)).await;
    }

    async fn tell(&self, event: Event) {
        let _ending = self.inputs.send(Input::Done(vec![event])).await;
    }
}

fn heard<T>(answer: anyhow::Result<T>) -> Option<T> {
    answer
        .inspect_err(|error| {
            tracing::warn!(event = "mailbox_unreachable", error = format!("{error:#}"));
        })
        .ok()
}
