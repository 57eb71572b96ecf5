//! Carries out what the hub decides: one task that never waits for a table, for Kafka or for a customer.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use domain::id::CustomerId;
use domain::octets::Octets;
use platform::clock::unix_ms;
use platform::deliveries::{Binds, Leases, Mailboxes};
use platform::kafka::KafkaSettings;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use wire::V;
use wire::customer_deliveries::CustomerDelivery;
use wire::dead_letters::DeadLetter;
use wire::edge_deliveries::event;
use wire::message_events::Happened;
use wire::topics::EDGE_DELIVERIES;

use super::basket::Basket;
use super::group::{self, Change, Control, Poison, Read};
use super::hub::{Action, Answer, BindId, Event, Hub, Place, Settings, Token};
use super::mailroom::Mailroom;
use super::publishing::{self, Out};
use super::registrar::{self, Op, Registrar};
use super::{Deliveries, Hand, Input};

/// The name of this program in records.
const BY: &str = "smpp-edge";
/// Inputs taken before the hub's actions are carried out.
const INPUTS_AT_ONCE: usize = 64;
/// After the last connection ended: for what is on its way to Kafka and the tables.
const QUIET_MAX: Duration = Duration::from_secs(5);

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Tables {
    /// `customer-binds`.
    pub binds: String,
    /// `edge-nodes`.
    pub nodes: String,
    /// `mailboxes`.
    pub mailboxes: String,
}

/// The delivering side, running.
#[derive(Debug)]
pub struct Running {
    inputs: mpsc::Sender<Input>,
    quiet: watch::Receiver<bool>,
    held: watch::Receiver<BTreeSet<(CustomerId, BindId)>>,
    node: String,
    binds: Binds,
    leave: CancellationToken,
    thread: JoinHandle<()>,
    registrar: AbortHandle,
}

impl Running {
    /// SIGTERM: nobody is to send anything here any more, and what waits goes elsewhere. Connections
    /// finish their windows meanwhile.
    pub async fn stop(&self) {
        // Nothing may be noted again after it was taken out.
        self.registrar.abort();
        let _ending = self.inputs.send(Input::Stop).await;
        let held = self.held.borrow().clone();
        if let Err(error) = registrar::take_leave(&self.binds, &self.node, &held).await {
            tracing::warn!(event = "leave_not_taken", error = format!("{error:#}"));
        }
    }

    /// After the last connection: waits for what is on its way, then leaves the group, which commits.
    pub async fn finish(mut self) {
        let quiet = self.quiet.wait_for(|quiet| *quiet);
        if tokio::time::timeout(QUIET_MAX, quiet).await.is_err() {
            tracing::warn!(event = "deliveries_unfinished");
        }
        self.leave.cancel();
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!(event = "deliveries_thread_panicked");
        }
    }
}

/// Starts everything. `group` is the consumer group of all edge nodes.
///
/// # Errors
/// A setting is wrong.
pub fn start(
    kafka: &KafkaSettings,
    dynamodb: aws_sdk_dynamodb::Client,
    tables: &Tables,
    group: &str,
) -> anyhow::Result<(Deliveries, Running)> {
    let (deliveries, receiver) = Deliveries::channel();
    let inputs = deliveries.inputs.clone();
    let settings = Settings::default();
    let node = format!("{:016x}", fastrand::u64(..));
    let binds = Binds::new(dynamodb.clone(), tables.binds.clone(), tables.nodes.clone());
    let leases = Leases::new(dynamodb.clone(), tables.binds.clone());
    let mailboxes = Mailboxes::new(dynamodb, tables.mailboxes.clone());
    let mailroom = Mailroom::new(mailboxes, leases, settings.lease_ms, inputs.clone());
    let (control, out, ops) = (Arc::<Control>::default(), Arc::default(), Arc::default());
    let leave = CancellationToken::new();
    let thread = group::join(kafka, group, inputs.clone(), control.clone(), leave.clone())?;
    let (partitions, partitions_seen) = watch::channel(Vec::new());
    let registrar = Registrar {
        node: node.clone(),
        binds: binds.clone(),
        ops: Arc::clone(&ops),
        partitions: partitions_seen,
        inputs: inputs.clone(),
    };
    let registrar = tokio::spawn(registrar.run()).abort_handle();
    tokio::spawn(publishing::publish(kafka.clone(), Arc::clone(&out), inputs.clone()));
    let mailroom = Arc::new(mailroom);
    tokio::spawn(Arc::clone(&mailroom).park_all());
    tokio::spawn(Arc::clone(&mailroom).mark_all());
    tokio::spawn(Arc::clone(&mailroom).put_off_all());
    let (quiet, quiet_seen) = watch::channel(true);
    let (held, held_seen) = watch::channel(BTreeSet::new());
    let shell = Shell {
        hub: Hub::new(settings),
        inputs: receiver,
        hands: HashMap::new(),
        poison: HashMap::new(),
        surrendering: HashMap::new(),
        control,
        mailroom,
        out,
        ops,
        partitions,
        quiet,
        held,
    };
    tokio::spawn(shell.run());
    tracing::info!(event = "deliveries_started", node);
    let running = Running {
        inputs,
        quiet: quiet_seen,
        held: held_seen,
        node,
        binds,
        leave,
        thread,
        registrar,
    };
    Ok((deliveries, running))
}

struct Shell {
    hub: Hub,
    inputs: mpsc::Receiver<Input>,
    /// Where deliveries for each bind go.
    hands: HashMap<BindId, mpsc::Sender<Hand>>,
    /// What is to be buried.
    poison: HashMap<(i32, i64), Poison>,
    /// Who waits for partitions to be let go.
    surrendering: HashMap<i32, std::sync::mpsc::SyncSender<(i32, Option<i64>)>>,
    control: Arc<Control>,
    mailroom: Arc<Mailroom>,
    out: Arc<Basket<Out>>,
    ops: Arc<Basket<Op>>,
    partitions: watch::Sender<Vec<i32>>,
    quiet: watch::Sender<bool>,
    held: watch::Sender<BTreeSet<(CustomerId, BindId)>>,
}

impl Shell {
    async fn run(mut self) {
        let mut some = Vec::with_capacity(INPUTS_AT_ONCE);
        loop {
            let deadline = self.hub.deadline();
            let timer = async {
                match deadline {
                    Some(due_ms) => {
                        let wait_ms = due_ms.saturating_sub(unix_ms());
                        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                taken = self.inputs.recv_many(&mut some, INPUTS_AT_ONCE) => if taken == 0 { return },
                () = timer => {}
            }
            let now_ms = unix_ms();
            for input in some.drain(..) {
                self.take(input, now_ms);
            }
            if self.hub.deadline().is_some_and(|due_ms| due_ms <= now_ms) {
                self.hub.handle(Event::Timeout, now_ms);
            }
            self.act_all(now_ms);
            self.control.is_full.store(self.hub.is_full(), Ordering::Relaxed);
            let is_quiet = self.hub.is_quiet();
            self.quiet.send_if_modified(|quiet| std::mem::replace(quiet, is_quiet) != is_quiet);
        }
    }

    fn take(&mut self, input: Input, now_ms: u64) {
        match input {
            Input::Bound { customer, bind, window, hands } => {
                self.hands.insert(bind, hands);
                self.hub.handle(Event::Bound { customer, bind, window }, now_ms);
            }
            Input::Ended(ended) => {
                for (token, answer) in ended {
                    self.hub.handle(Event::Ended(token, answer), now_ms);
                }
            }
            Input::Closing(bind) => self.hub.handle(Event::Closing(bind), now_ms),
            Input::Unbound(bind) => {
                self.hands.remove(&bind);
                self.hub.handle(Event::Unbound(bind), now_ms);
            }
            Input::Group(change) => self.change(change, now_ms),
            Input::Done(events) => {
                for event in events {
                    self.hub.handle(event, now_ms);
                }
            }
            Input::Stop => self.hub.handle(Event::Stop, now_ms),
        }
        self.act_all(now_ms);
        // What is left came for a partition that is not ours any more.
        self.poison.clear();
    }

    fn change(&mut self, change: Change, now_ms: u64) {
        match change {
            Change::Assigned(partitions) => {
                for partition in partitions {
                    self.hub.handle(Event::Assigned(partition), now_ms);
                }
                self.partitions.send_replace(self.hub.partitions());
            }
            Change::Revoked(partitions, answer) => {
                for partition in partitions {
                    self.surrendering.insert(partition, answer.clone());
                    self.hub.handle(Event::Revoked(partition), now_ms);
                }
                self.partitions.send_replace(self.hub.partitions());
            }
            Change::Read(records) => {
                for Read { partition, offset, record } in records {
                    let record = record
                        .map_err(|poison| self.poison.insert((partition, offset), poison))
                        .ok();
                    self.hub.handle(Event::Read { partition, offset, record }, now_ms);
                }
            }
        }
    }

    fn act_all(&mut self, now_ms: u64) {
        while let Some(action) = self.hub.next_action() {
            self.act(action, now_ms);
        }
    }

    fn act(&mut self, action: Action, now_ms: u64) {
        let mailroom = || Arc::clone(&self.mailroom);
        match action {
            Action::Register(customer, bind) => {
                self.held.send_if_modified(|held| held.insert((customer.clone(), bind)));
                self.ops.put(Op::Register(customer, bind));
            }
            Action::Unregister(customer, bind) => {
                self.held.send_if_modified(|held| held.remove(&(customer.clone(), bind)));
                self.ops.put(Op::Unregister(customer, bind));
            }
            Action::Hand(bind, token, delivery) => self.hand(bind, token, delivery, now_ms),
            Action::Forsake(bind) => {
                tracing::warn!(event = "bind_forsaken", bind);
                self.hands.remove(&bind);
            }
            Action::GiveBack(token, delivery) => self.out.put(Out::GiveBack(token, delivery)),
            Action::Tell(token, delivery, happened, detail) => {
                self.tell(Some(token), &delivery, happened, detail, now_ms);
            }
            Action::Mention(delivery, happened) => {
                self.tell(None, &delivery, happened, String::new(), now_ms);
            }
            Action::Bury(place) => self.bury(place, now_ms),
            Action::Park(token, parked) => self.mailroom.parks.put((token, *parked)),
            Action::Mark(token, customer, id) => self.mailroom.marks.put((token, customer, id)),
            Action::PutOff(token, put_off) => self.mailroom.put_offs.put((token, put_off)),
            Action::Look(customer) => spawn(mailroom().look(customer)),
            Action::Lease(customer) => spawn(mailroom().lease(customer)),
            Action::Renew(lease) => spawn(mailroom().renew(lease)),
            Action::Release(lease) => spawn(mailroom().release(lease)),
            Action::Fetch(customer, lease, after, limit) => {
                spawn(mailroom().fetch(customer, lease, after, limit));
            }
            Action::Commit(partition, offset) => self.control.commit(partition, offset),
            Action::Surrender(partition, offset) => {
                if let Some(answer) = self.surrendering.remove(&partition) {
                    // Room for each; who waited no longer moves on without the offset.
                    let _late = answer.try_send((partition, offset));
                }
            }
        }
    }

    fn hand(&mut self, bind: BindId, token: Token, delivery: Arc<CustomerDelivery>, now_ms: u64) {
        let handed = self.hands.get(&bind).map(|hands| hands.try_send(Hand { token, delivery }));
        match handed {
            Some(Ok(())) => {}
            // It has room for its whole window: it is gone.
            Some(Err(_)) | None => {
                self.hands.remove(&bind);
                self.hub.handle(Event::Ended(token, Answer::NotSent), now_ms);
                self.hub.handle(Event::Unbound(bind), now_ms);
            }
        }
    }

    fn tell(
        &self,
        token: Option<Token>,
        delivery: &CustomerDelivery,
        happened: Happened,
        detail: String,
        now_ms: u64,
    ) {
        let (customer, message, id) = (&delivery.customer, delivery.message, delivery.id);
        let name = happened.as_str();
        tracing::debug!(event = "delivery_ended", %customer, %message, delivery = %id, happened = name);
        let event = event(delivery, happened, BY, now_ms, detail).into_owned();
        self.out.put(Out::Tell(token, event));
    }

    fn bury(&mut self, place: Place, now_ms: u64) {
        let Place { partition, offset, .. } = place;
        let Some(poison) = self.poison.remove(&(partition, offset)) else { return };
        let Poison { reason, key, value } = poison;
        tracing::error!(event = "dead_letter", topic = EDGE_DELIVERIES, partition, offset, reason);
        let letter = DeadLetter {
            v: V,
            topic: EDGE_DELIVERIES.to_owned(),
            partition,
            offset,
            by: BY.to_owned(),
            reason,
            key: Octets(key),
            value: Octets(value),
            at_ms: now_ms,
        };
        self.out.put(Out::Bury(place, letter));
    }
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(work));
}
