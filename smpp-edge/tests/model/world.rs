//! Two nodes with the real state machine, overlapping runs of the real `dispatch`, one customer; Kafka,
//! tables, time and death around them.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use dispatch::cache::Seen;
use dispatch::run::{Run, Step};
use domain::id::DeliveryId;
use smpp::CommandStatus;
use smpp_edge::deliveries::hub::{Action, Answer, BindId, Event, Hub, Settings, Token};
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::EdgeRecord;

use crate::tables::{CUSTOMER, Tables};

pub(crate) const START_MS: u64 = 1_760_000_000_000;
/// Timers beyond it do not fire: with a long `look_every_ms`, a world without the timer.
const HORIZON_MS: u64 = START_MS + 600_000;
/// So long a stall that every lease is over.
const STALL_MS: u64 = 100_000;
const TICKS_MAX: u32 = 40;

/// A rule that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// `dispatch` does not look again after parking.
    NoLookAgain,
    /// A node drains before its bind can be seen.
    DrainBeforeRegister,
    /// A hint that finds a drain under way is forgotten.
    HintNotKept,
    /// Items are not claimed.
    NoClaim,
    /// A drainer sends whatever is left of its lease.
    NoLeaseCheck,
    /// What came for a customer that is not here is not given back.
    NoGiveBack,
    /// Offsets are committed when they are read.
    CommitAtRead,
}

/// Something that can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Do {
    Tick,
    Invoke(usize),
    Run(usize),
    Read(usize, usize),
    Store(usize),
    Kafka(usize),
    Answer(usize),
    Bind(usize),
    Unbind(usize),
    /// Faults: the poller runs the batch a second time, at once or later.
    Overlap(usize),
    DieRun(usize),
    /// The table made it, or not, and did not answer.
    StoreUnheard(usize),
    /// The customer has it, and its connection breaks before the answer.
    HideAnswer(usize),
    /// The connection breaks before the customer has it.
    Cut(usize),
    Crash(usize),
    /// A partition moves to the other node.
    Move(usize),
    /// The node stands still, and so does all that it asked for.
    Stall(usize),
    /// The node's clock is wrong, far beyond what is allowed for.
    Skew(usize),
}

#[derive(Debug, Clone)]
enum Op {
    Do(Action),
    Claim { number: u64, ids: Vec<DeliveryId>, goes_on: bool },
}

#[derive(Debug, Clone)]
struct Node {
    name: &'static str,
    hub: Hub,
    store: VecDeque<Op>,
    kafka: VecDeque<Action>,
    hands: VecDeque<(BindId, Token, DeliveryId)>,
    binds: Vec<BindId>,
    next: [Option<usize>; 2],
    skew_ms: u64,
}

#[derive(Debug, Clone)]
struct Batch {
    run: Run,
    to: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    mutant: Option<Mutant>,
    settings: Settings,
    pub(crate) faults: u8,
    now_ms: u64,
    ticks: u32,
    log: Vec<CustomerDelivery>,
    dispatched: usize,
    runs: [Option<Batch>; 2],
    edge: [Vec<EdgeRecord>; 2],
    committed: [usize; 2],
    owner: [usize; 2],
    nodes: [Option<Node>; 2],
    tables: Tables,
    binds: u64,
    holders: u64,
    binds_left: u8,
    unbinds_left: u8,
    received: BTreeMap<DeliveryId, u32>,
    allowed: BTreeMap<DeliveryId, u32>,
    ids: Vec<DeliveryId>,
}

impl World {
    /// `log` is on `customer-deliveries`, `parked` in the mailbox.
    pub(crate) fn new(
        log: Vec<CustomerDelivery>,
        parked: Vec<CustomerDelivery>,
        mutant: Option<Mutant>,
        settings: Settings,
    ) -> Self {
        let mut settings = settings;
        if mutant == Some(Mutant::NoLeaseCheck) {
            settings.lease_least_ms = 0;
        }
        let node = |name| Node {
            name,
            hub: Hub::new(settings),
            store: VecDeque::new(),
            kafka: VecDeque::new(),
            hands: VecDeque::new(),
            binds: Vec::new(),
            next: [None; 2],
            skew_ms: 0,
        };
        let ids = log.iter().chain(&parked).map(|delivery| delivery.id).collect();
        let mut world = Self {
            mutant,
            settings,
            faults: 0,
            now_ms: START_MS,
            ticks: 0,
            log,
            dispatched: 0,
            runs: [None, None],
            edge: Default::default(),
            committed: [0; 2],
            owner: [0, 1],
            nodes: [Some(node("a")), Some(node("b"))],
            tables: Tables::default(),
            binds: 0,
            holders: 0,
            binds_left: 0,
            unbinds_left: 0,
            received: BTreeMap::new(),
            allowed: BTreeMap::new(),
            ids,
        };
        for delivery in parked {
            let parked = platform::deliveries::Parked { delivery, not_before_ms: 0, tries: 0 };
            world.tables.park(&parked);
        }
        for number in 0..2 {
            world.assign(number, number);
        }
        world
    }

    pub(crate) fn with(mut self, faults: u8, binds: u8, unbinds: u8) -> Self {
        (self.faults, self.binds_left, self.unbinds_left) = (faults, binds, unbinds);
        self
    }

    fn assign(&mut self, partition: usize, to: usize) {
        self.owner[partition] = to;
        let committed = self.committed[partition];
        let Some(node) = &mut self.nodes[to] else { return };
        node.next[partition] = Some(committed);
        self.handle(to, Event::Assigned(partition as i32));
        self.note_nodes(None);
    }

    fn note_nodes(&mut self, but: Option<usize>) {
        for (number, node) in self.nodes.iter().enumerate() {
            let Some(node) = node.as_ref().filter(|_| but != Some(number)) else { continue };
            self.tables.note_node(node.name, node.hub.partitions(), self.now_ms);
        }
    }

    /// Everything that can happen now.
    pub(crate) fn actions(&self) -> Vec<Do> {
        let mut actions = self.work();
        let is_idle = actions.is_empty();
        if is_idle && self.ticks < TICKS_MAX && self.next_due().is_some() {
            actions.push(Do::Tick);
        }
        for number in 0..2 {
            let Some(node) = &self.nodes[number] else { continue };
            let nobody = self.nodes.iter().flatten().all(|node| node.binds.is_empty());
            if self.binds_left > 0 || (is_idle && nobody) {
                actions.push(Do::Bind(number));
            }
            let quiet = node.hands.is_empty();
            if self.unbinds_left > 0 && !node.binds.is_empty() && quiet {
                actions.push(Do::Unbind(number));
            }
        }
        if self.faults > 0 {
            self.troubles(&mut actions);
        }
        actions
    }

    fn work(&self) -> Vec<Do> {
        let mut actions = Vec::new();
        match &self.runs[0] {
            None if self.dispatched < self.log.len() => actions.push(Do::Invoke(0)),
            _ => {}
        }
        actions.extend((0..2).filter(|slot| self.runs[*slot].is_some()).map(Do::Run));
        for (number, node) in self.nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            for partition in 0..2 {
                if node.next[partition].is_some_and(|next| next < self.edge[partition].len()) {
                    actions.push(Do::Read(number, partition));
                }
            }
            if !node.store.is_empty() {
                actions.push(Do::Store(number));
            }
            if !node.kafka.is_empty() {
                actions.push(Do::Kafka(number));
            }
            if !node.hands.is_empty() {
                actions.push(Do::Answer(number));
            }
        }
        actions
    }

    fn troubles(&self, actions: &mut Vec<Do>) {
        if self.runs[1].is_none() && !self.log.is_empty() {
            actions.push(Do::Overlap(1));
        }
        actions.extend((0..2).filter(|slot| self.runs[*slot].is_some()).map(Do::DieRun));
        let alive = self.nodes.iter().flatten().count();
        for (number, node) in self.nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            let drains = |op: &Op| {
                use Action::{Fetch, Lease, Look, Renew};
                let asks = matches!(op, Op::Do(Look(_) | Lease(_) | Renew(_) | Fetch(..)));
                asks || matches!(op, Op::Claim { .. })
            };
            if node.store.front().is_some_and(drains) {
                actions.push(Do::StoreUnheard(number));
            }
            if !node.hands.is_empty() {
                actions.extend([Do::HideAnswer(number), Do::Cut(number)]);
            }
            if alive == 2 {
                actions.extend([Do::Crash(number), Do::Stall(number), Do::Skew(number)]);
                let moves = (0..2).filter(|partition| self.owner[*partition] == number);
                let settled = |partition: &usize| node.next[*partition].is_some();
                actions.extend(moves.filter(settled).map(Do::Move));
            }
        }
    }

    fn next_due(&self) -> Option<u64> {
        let due = |node: &Node| {
            Some(node.hub.deadline()?.saturating_sub(node.skew_ms).max(self.now_ms + 1))
        };
        let due = self.nodes.iter().flatten().filter_map(due).min();
        due.filter(|due_ms| *due_ms <= HORIZON_MS)
    }

    /// True if nothing is left to be done.
    pub(crate) fn is_over(&self) -> bool {
        let ends = |partition: usize| self.committed[partition] == self.edge[partition].len();
        self.work().is_empty()
            && self.dispatched == self.log.len()
            && (0..2).all(ends)
            && !self.tables.has_mail()
            && self.nodes.iter().flatten().all(|node| node.hub.is_quiet())
            && self.ids.iter().all(|id| self.received.contains_key(id))
    }

    pub(crate) fn apply(&mut self, action: Do) -> Result<(), String> {
        match action {
            Do::Tick => self.tick(),
            Do::Invoke(slot) => self.invoke(slot, self.dispatched),
            Do::Run(slot) => self.step_run(slot),
            Do::Read(number, partition) => self.read(number, partition),
            Do::Store(number) => self.store(number, true),
            Do::Kafka(number) => self.publish(number),
            Do::Answer(number) => self.answer(number)?,
            Do::Bind(number) => self.bind(number),
            Do::Unbind(number) => {
                self.unbinds_left -= 1;
                self.unbind(number);
            }
            trouble => {
                self.faults -= 1;
                return self.trouble(trouble);
            }
        }
        self.check()
    }

    fn trouble(&mut self, trouble: Do) -> Result<(), String> {
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
                id.map(|id| *self.received.entry(id).or_default() += 1);
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
                // What the other one holds by claims that it loses.
                let held = self.tables.mailbox.values().filter(|it| it.waits() && it.claim > 0);
                self.allow(held.map(|item| item.delivery.id).collect());
                if let Some(node) = &mut self.nodes[number] {
                    node.skew_ms = STALL_MS;
                }
            }
            _ => {}
        }
        self.check()
    }

    fn allow(&mut self, ids: Vec<DeliveryId>) {
        for id in ids {
            *self.allowed.entry(id).or_default() += 1;
        }
    }

    /// Received, and still on a record that is not committed, or in the mailbox unmarked.
    fn unsettled(&self) -> Vec<DeliveryId> {
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

    fn unmarked(&self) -> Vec<DeliveryId> {
        let waits = self.tables.mailbox.values().filter(|item| item.waits());
        let waits = waits.map(|item| item.delivery.id);
        waits.filter(|id| self.received.contains_key(id)).collect()
    }

    fn tick(&mut self) {
        self.ticks += 1;
        self.now_ms = self.next_due().unwrap_or(self.now_ms);
        self.note_nodes(None);
        for number in 0..2 {
            self.handle(number, Event::Timeout);
        }
    }

    fn handle(&mut self, number: usize, event: Event) {
        let Some(node) = &mut self.nodes[number] else { return };
        node.hub.handle(event, self.now_ms + node.skew_ms);
        while let Some(action) = self.nodes[number].as_mut().and_then(|it| it.hub.next_action()) {
            self.carry_out(number, action);
        }
    }

    fn carry_out(&mut self, number: usize, action: Action) {
        let Some(node) = &mut self.nodes[number] else { return };
        match action {
            Action::Hand(bind, token, delivery) => {
                node.hands.push_back((bind, token, delivery.id));
            }
            Action::Commit(partition, offset) => {
                self.committed[partition as usize] = offset as usize;
            }
            Action::Surrender(partition, offset) => {
                let partition = partition as usize;
                if let Some(offset) = offset {
                    self.committed[partition] = offset as usize;
                }
                self.assign(partition, 1 - number);
            }
            Action::Tell(..) | Action::GiveBack(..) => node.kafka.push_back(action),
            Action::Mention(..) | Action::Bury(_) => {}
            Action::Register(_, bind) if self.mutant == Some(Mutant::DrainBeforeRegister) => {
                node.store.push_back(Op::Do(action));
                self.handle(number, Event::Registered(bind));
            }
            // Of writes the order counts, not when: at once, but for those that race with others.
            action => node.store.push_back(Op::Do(action)),
        }
    }

    fn invoke(&mut self, slot: usize, from: usize) {
        let deliveries = self.log[from..].to_vec();
        let run = Run::new(deliveries, self.now_ms);
        self.runs[slot] = Some(Batch { run, to: self.log.len() });
    }

    fn step_run(&mut self, slot: usize) {
        let Some(mut batch) = self.runs[slot].take() else { return };
        let seen = Seen {
            nodes: Arc::new(self.tables.nodes.values().cloned().collect()),
            binds: [(CUSTOMER.into(), Arc::new(self.tables.binds.values().cloned().collect()))]
                .into(),
        };
        match batch.run.step() {
            Step::Look(_) => batch.run.looked(&seen),
            Step::Park(parked) => {
                parked.iter().for_each(|parked| self.tables.park(parked));
                batch.run.parked();
            }
            Step::LookAgain(_) if self.mutant == Some(Mutant::NoLookAgain) => {
                batch.run.looked_again(&Seen::default());
            }
            Step::LookAgain(_) => batch.run.looked_again(&seen),
            Step::Publish => {
                for output in &batch.run.outputs {
                    let partition = output.partition.unwrap() as usize;
                    self.edge[partition].push(wire::decode(&output.value).unwrap());
                }
                self.dispatched = self.dispatched.max(batch.to);
                return;
            }
        }
        self.runs[slot] = Some(batch);
    }

    fn read(&mut self, number: usize, partition: usize) {
        let Some(node) = &mut self.nodes[number] else { return };
        let Some(offset) = node.next[partition] else { return };
        node.next[partition] = Some(offset + 1);
        let record = self.edge[partition][offset].clone();
        let drains = |op: &Op| {
            matches!(op, Op::Claim { .. } | Op::Do(Action::Fetch(..) | Action::Release(_)))
        };
        let forgotten = self.mutant == Some(Mutant::HintNotKept)
            && matches!(record, EdgeRecord::Drain(_))
            && node.store.iter().any(drains);
        if self.mutant == Some(Mutant::CommitAtRead) {
            self.committed[partition] = offset + 1;
        }
        if forgotten {
            self.committed[partition] = offset + 1;
            return;
        }
        let (partition, offset) = (partition as i32, offset as i64);
        self.handle(number, Event::Read { partition, offset, record: Some(record) });
    }

    fn publish(&mut self, number: usize) {
        let Some(action) = self.nodes[number].as_mut().and_then(|it| it.kafka.pop_front()) else {
            return;
        };
        let token = match action {
            Action::GiveBack(token, delivery) => {
                if self.mutant != Some(Mutant::NoGiveBack) {
                    self.log.push(CustomerDelivery::clone(&delivery));
                }
                token
            }
            Action::Tell(token, ..) => token,
            _ => return,
        };
        self.handle(number, Event::Published(token));
    }

    fn answer(&mut self, number: usize) -> Result<(), String> {
        let Some(hand) = self.nodes[number].as_mut().and_then(|it| it.hands.pop_front()) else {
            return Ok(());
        };
        let (_, token, id) = hand;
        *self.received.entry(id).or_default() += 1;
        self.handle(number, Event::Ended(token, Answer::Status(CommandStatus::EsmeRok)));
        Ok(())
    }

    fn bind(&mut self, number: usize) {
        self.binds_left = self.binds_left.saturating_sub(1);
        self.binds += 1;
        let bind = self.binds;
        if let Some(node) = &mut self.nodes[number] {
            node.binds.push(bind);
        }
        self.handle(number, Event::Bound { customer: CUSTOMER.into(), bind, window: 1 });
    }

    fn unbind(&mut self, number: usize) {
        let Some(node) = &mut self.nodes[number] else { return };
        let bind = node.hands.front().map(|hand| hand.0).or(node.binds.first().copied());
        let Some(bind) = bind else { return };
        node.binds.retain(|other| *other != bind);
        node.hands.retain(|hand| hand.0 != bind);
        self.handle(number, Event::Unbound(bind));
    }

    fn store(&mut self, number: usize, heard: bool) {
        let Some(node) = &mut self.nodes[number] else { return };
        let Some(op) = node.store.pop_front() else { return };
        let (now_ms, name) = (self.now_ms + node.skew_ms, node.name);
        let tables = &mut self.tables;
        let acme = || CUSTOMER.into();
        let event = match op {
            Op::Do(Action::Register(_, bind)) => {
                tables.register(name, bind, now_ms);
                (self.mutant != Some(Mutant::DrainBeforeRegister))
                    .then_some(Event::Registered(bind))
            }
            Op::Do(Action::Unregister(_, bind)) => {
                tables.unregister(name, bind);
                None
            }
            Op::Do(Action::Park(token, parked)) => {
                tables.park(&parked);
                Some(Event::Written(token))
            }
            Op::Do(Action::Mark(token, _, id)) => {
                tables.mark(id);
                Some(Event::Written(token))
            }
            Op::Do(Action::PutOff(token, put_off)) => {
                tables.put_off(&put_off);
                Some(Event::Written(token))
            }
            Op::Do(Action::Look(_)) => {
                Some(Event::Looked(acme(), heard.then(|| tables.has_mail())))
            }
            Op::Do(Action::Lease(_)) => {
                self.holders += 1;
                let holder = format!("{name}-{}", self.holders);
                let answer = tables.take_lease(&holder, now_ms, self.settings.lease_ms);
                Some(Event::Leased(acme(), heard.then_some(answer)))
            }
            Op::Do(Action::Renew(lease)) => {
                let until_ms = now_ms + self.settings.lease_ms;
                let held = tables.renew(&lease, until_ms).then_some(until_ms);
                Some(Event::Renewed(acme(), heard.then_some(held)))
            }
            Op::Do(Action::Release(lease)) => {
                tables.renew(&lease, 0);
                Some(Event::Released(acme()))
            }
            Op::Do(Action::Fetch(_, number, after, limit)) => {
                let (ids, goes_on) = tables.query(after.as_deref(), limit);
                if heard {
                    node.store.push_front(Op::Claim { number, ids, goes_on });
                    return;
                }
                Some(Event::Fetched(acme(), None))
            }
            Op::Claim { number, ids, goes_on } => {
                let no_claims = self.mutant == Some(Mutant::NoClaim);
                let mut fetched = tables.claim(&ids, number, now_ms, no_claims);
                fetched.next = fetched.next.filter(|_| goes_on);
                Some(Event::Fetched(acme(), heard.then_some(fetched)))
            }
            Op::Do(_) => None,
        };
        if let Some(event) = event {
            self.handle(number, event);
        }
    }

    /// What must hold at every moment: nothing comes oftener than somebody's ignorance explains.
    fn check(&self) -> Result<(), String> {
        for (id, count) in &self.received {
            let allowed = 1 + self.allowed.get(id).copied().unwrap_or_default();
            if *count > allowed {
                return Err(format!("{id} came {count} times, {allowed} can be explained"));
            }
        }
        Ok(())
    }

    /// Equal for states that behave alike.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        format!("{self:?}").hash(&mut hash);
        // An output does not show its value.
        for batch in self.runs.iter().flatten() {
            batch.run.outputs.iter().for_each(|output| output.value.hash(&mut hash));
        }
        hash.finish()
    }
}
