//! Two nodes with the real state machine, overlapping runs of the real `dispatch`, one customer; Kafka,
//! tables, time and death around them.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use dispatch::run::Run;
use domain::id::DeliveryId;
use smpp_edge::deliveries::hub::{Action, BindId, Event, Hub, Settings, Token};
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::EdgeRecord;

use crate::tables::Tables;

pub(crate) const START_MS: u64 = 1_760_000_000_000;
/// Timers beyond it do not fire: with a long `look_every_ms`, a world without the timer.
const HORIZON_MS: u64 = START_MS + 600_000;
/// So long a stall that every lease is over.
pub(crate) const STALL_MS: u64 = 100_000;
const TICKS_MAX: u32 = 120;

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
    /// A copy that was given back ends with the giving back that it comes from.
    CopyEndsWithItsGiveBack,
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
    /// Kafka's word that it has what was given back, which may have come round by then.
    Confirm(usize),
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
pub(crate) enum Op {
    Do(Action),
    Claim { number: u64, ids: Vec<DeliveryId>, goes_on: bool },
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) hub: Hub,
    pub(crate) store: VecDeque<Op>,
    pub(crate) kafka: VecDeque<Action>,
    pub(crate) confirms: VecDeque<Token>,
    pub(crate) hands: VecDeque<(BindId, Token, DeliveryId)>,
    pub(crate) binds: Vec<BindId>,
    pub(crate) next: [Option<usize>; 2],
    pub(crate) skew_ms: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) run: Run,
    pub(crate) to: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) mutant: Option<Mutant>,
    pub(crate) settings: Settings,
    pub(crate) faults: u8,
    /// Kafka's word comes later than what it speaks of.
    pub(crate) confirms_late: bool,
    pub(crate) now_ms: u64,
    pub(crate) ticks: u32,
    pub(crate) log: Vec<CustomerDelivery>,
    pub(crate) dispatched: usize,
    pub(crate) runs: [Option<Batch>; 2],
    pub(crate) edge: [Vec<EdgeRecord>; 2],
    pub(crate) committed: [usize; 2],
    pub(crate) owner: [usize; 2],
    pub(crate) nodes: [Option<Node>; 2],
    pub(crate) tables: Tables,
    pub(crate) binds: u64,
    pub(crate) holders: u64,
    pub(crate) binds_left: u8,
    pub(crate) unbinds_left: u8,
    pub(crate) received: BTreeMap<DeliveryId, u32>,
    pub(crate) allowed: BTreeMap<DeliveryId, u32>,
    pub(crate) ids: Vec<DeliveryId>,
    /// Somebody's clock is wrong.
    pub(crate) is_skewed: bool,
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
            confirms: VecDeque::new(),
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
            confirms_late: false,
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
            is_skewed: false,
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
        self.confirms_late = faults > 0;
        self
    }

    pub(crate) fn assign(&mut self, partition: usize, to: usize) {
        self.owner[partition] = to;
        let committed = self.committed[partition];
        let Some(node) = &mut self.nodes[to] else { return };
        node.next[partition] = Some(committed);
        self.handle(to, Event::Assigned(partition as i32));
        self.note_nodes(None);
    }

    pub(crate) fn note_nodes(&mut self, but: Option<usize>) {
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

    pub(crate) fn work(&self) -> Vec<Do> {
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
            if !node.confirms.is_empty() {
                actions.push(Do::Confirm(number));
            }
            if !node.hands.is_empty() {
                actions.push(Do::Answer(number));
            }
        }
        actions
    }

    pub(crate) fn troubles(&self, actions: &mut Vec<Do>) {
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

    pub(crate) fn next_due(&self) -> Option<u64> {
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

    /// What must hold at every moment: nothing comes oftener than somebody's ignorance explains.
    pub(crate) fn check(&self) -> Result<(), String> {
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
