//! The delivering side of the edge (design, section 8): receipts and handsets' messages come by
//! `edge-deliveries` or out of the mailbox, and go to whichever receiving bind the customer holds here.
//!
//! | module | does |
//! |---|---|
//! | `hub` | decides: pure |
//! | `translate` | makes PDUs: pure |
//! | `shell` | carries the hub's actions out |
//! | `group` | reads the partitions, commits offsets |
//! | `registrar` | notes node and binds in the tables, renews their leases |
//! | `mailroom` | the mailbox and its leases |
//! | `publishing` | what is given back, told, buried |
//!
//! Between them are bounded channels; the hub's task never waits for anybody.

mod basket;
mod group;
pub mod hub;
mod mailroom;
mod publishing;
mod registrar;
mod shell;
pub mod translate;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::id::CustomerId;
use tokio::sync::mpsc;
use wire::customer_deliveries::CustomerDelivery;

use self::hub::{Answer, BindId, Token};
pub use self::shell::{Running, Tables, start};

/// What wakes the hub's task. A full channel holds up whoever puts in: connections, the reading thread,
/// the workers; they have nothing else to do then.
#[derive(Debug)]
pub(crate) enum Input {
    /// A receiving bind, and where its deliveries go.
    Bound { customer: CustomerId, bind: BindId, window: usize, hands: mpsc::Sender<Hand> },
    /// What came of deliveries that were handed over.
    Ended(Vec<(Token, Answer)>),
    /// The bind takes nothing more.
    Closing(BindId),
    /// The bind is gone.
    Unbound(BindId),
    /// From the reading thread.
    Group(group::Change),
    /// From the workers.
    Done(Vec<hub::Event>),
    /// SIGTERM.
    Stop,
}

/// Inputs that wait for the hub.
const INPUTS_MAX: usize = 4_096;

/// A delivery for one connection.
#[derive(Debug)]
pub struct Hand {
    /// To be told with the answer.
    pub token: Token,
    /// Itself.
    pub delivery: Arc<CustomerDelivery>,
}

/// Where connections announce their binds.
#[derive(Debug, Clone)]
pub struct Deliveries {
    inputs: mpsc::Sender<Input>,
    binds: Arc<AtomicU64>,
}

impl Deliveries {
    fn channel() -> (Self, mpsc::Receiver<Input>) {
        let (inputs, receiver) = mpsc::channel(INPUTS_MAX);
        (Self { inputs, binds: Arc::new(AtomicU64::new(1)) }, receiver)
    }

    /// A bind that receives, with at most `window` deliveries in its hands. Announced by the first
    /// [`Receiving::report`].
    #[must_use]
    pub fn receive(&self, customer: CustomerId, window: usize) -> Receiving {
        let bind = self.binds.fetch_add(1, Ordering::Relaxed);
        let (hands, receiver) = mpsc::channel(window.max(1));
        let announced = Input::Bound { customer, bind, window, hands };
        Receiving {
            hands: receiver,
            bind,
            inputs: self.inputs.clone(),
            announced: Some(announced),
            is_closed: false,
        }
    }
}

/// A connection's side of the hub.
#[derive(Debug)]
pub struct Receiving {
    /// What is to be delivered.
    pub hands: mpsc::Receiver<Hand>,
    bind: BindId,
    inputs: mpsc::Sender<Input>,
    /// The bind's announcement, until it is made.
    announced: Option<Input>,
    is_closed: bool,
}

impl Receiving {
    /// Announces the bind, if it is not yet; says, `closing`, that the session ends: nothing more is to
    /// be handed over, what was is still answered; and tells what came of deliveries.
    pub async fn report(&mut self, closing: bool, ended: &mut Vec<(Token, Answer)>) {
        let announced = self.announced.take();
        let closing = closing.then_some(Input::Closing(self.bind));
        let ended = Some(std::mem::take(ended)).filter(|ended| !ended.is_empty());
        for input in announced.into_iter().chain(closing).chain(ended.map(Input::Ended)) {
            // Without a hub the process ends, and nobody needs to know.
            let _ending = self.inputs.send(input).await;
        }
    }

    /// The connection is over.
    pub async fn close(mut self) {
        if self.announced.take().is_none() {
            let _ending = self.inputs.send(Input::Unbound(self.bind)).await;
        }
        self.is_closed = true;
    }

    /// True until the bind is announced.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.announced.is_some()
    }
}

impl Drop for Receiving {
    /// Of a connection that broke off. Should the channel be full, the hub finds it gone when it hands
    /// over, or hears nothing for too long.
    fn drop(&mut self) {
        let is_open = self.announced.is_none() && !self.is_closed;
        if is_open && self.inputs.try_send(Input::Unbound(self.bind)).is_err() {
            tracing::debug!(event = "unbind_not_told");
        }
    }
}
