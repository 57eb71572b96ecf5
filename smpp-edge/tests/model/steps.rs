//! What happens when something happens.

use std::sync::Arc;

use dispatch::cache::Seen;
use dispatch::run::{Run, Step};
use smpp::CommandStatus;
use smpp_edge::deliveries::hub::{Action, Answer, Event};
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::EdgeRecord;

use crate::tables::CUSTOMER;
use crate::world::{Batch, Do, Mutant, Op, World};

impl World {
    pub(crate) fn apply(&mut self, action: Do) -> Result<(), String> {
        match action {
            Do::Tick => self.tick(),
            Do::Invoke(slot) => self.invoke(slot, self.dispatched),
            Do::Run(slot) => self.step_run(slot),
            Do::Read(number, partition) => self.read(number, partition),
            Do::Store(number) => self.store(number, true),
            Do::Kafka(number) => self.publish(number),
            Do::Confirm(number) => self.confirm(number),
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

    pub(crate) fn tick(&mut self) {
        self.ticks += 1;
        self.now_ms = self.next_due().unwrap_or(self.now_ms);
        self.note_nodes(None);
        for number in 0..2 {
            self.handle(number, Event::Timeout);
        }
    }

    pub(crate) fn handle(&mut self, number: usize, event: Event) {
        let Some(node) = &mut self.nodes[number] else { return };
        node.hub.handle(event, self.now_ms + node.skew_ms);
        while let Some(action) = self.nodes[number].as_mut().and_then(|it| it.hub.next_action()) {
            self.carry_out(number, action);
        }
    }

    pub(crate) fn carry_out(&mut self, number: usize, action: Action) {
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
            Action::Forsake(bind) => {
                node.binds.retain(|other| *other != bind);
                node.hands.retain(|hand| hand.0 != bind);
            }
            Action::Mention(..) | Action::Bury(_) => {}
            Action::Register(_, bind) if self.mutant == Some(Mutant::DrainBeforeRegister) => {
                self.handle(number, Event::Registered(bind));
                let Some(node) = &mut self.nodes[number] else { return };
                node.store.push_back(Op::Do(action));
            }
            action => node.store.push_back(Op::Do(action)),
        }
    }

    pub(crate) fn invoke(&mut self, slot: usize, from: usize) {
        let deliveries = self.log[from..].to_vec();
        let run = Run::new(deliveries, self.now_ms);
        self.runs[slot] = Some(Batch { run, to: self.log.len() });
    }

    pub(crate) fn step_run(&mut self, slot: usize) {
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

    pub(crate) fn read(&mut self, number: usize, partition: usize) {
        let Some(node) = &mut self.nodes[number] else { return };
        let Some(offset) = node.next[partition] else { return };
        node.next[partition] = Some(offset + 1);
        let mut record = self.edge[partition][offset].clone();
        if let (Some(Mutant::CopyEndsWithItsGiveBack), EdgeRecord::Deliver(delivery)) =
            (self.mutant, &mut record)
        {
            delivery.hops = 0;
        }
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

    pub(crate) fn publish(&mut self, number: usize) {
        let Some(node) = &mut self.nodes[number] else { return };
        match node.kafka.pop_front() {
            Some(Action::GiveBack(token, delivery)) => {
                node.confirms.push_back(token);
                if self.mutant != Some(Mutant::NoGiveBack) {
                    self.log.push(CustomerDelivery::clone(&delivery));
                }
                if !self.confirms_late {
                    self.confirm(number);
                }
            }
            Some(Action::Tell(token, ..)) => self.handle(number, Event::Published(token)),
            _ => {}
        }
    }

    pub(crate) fn confirm(&mut self, number: usize) {
        let token = self.nodes[number].as_mut().and_then(|node| node.confirms.pop_front());
        if let Some(token) = token {
            self.handle(number, Event::Published(token));
        }
    }

    pub(crate) fn answer(&mut self, number: usize) -> Result<(), String> {
        let Some(hand) = self.nodes[number].as_mut().and_then(|it| it.hands.pop_front()) else {
            return Ok(());
        };
        let (_, token, id) = hand;
        *self.received.entry(id).or_default() += 1;
        self.handle(number, Event::Ended(token, Answer::Status(CommandStatus::EsmeRok)));
        Ok(())
    }

    pub(crate) fn bind(&mut self, number: usize) {
        self.binds_left = self.binds_left.saturating_sub(1);
        self.binds += 1;
        let bind = self.binds;
        if let Some(node) = &mut self.nodes[number] {
            node.binds.push(bind);
        }
        self.handle(number, Event::Bound { customer: CUSTOMER.into(), bind, window: 1 });
    }

    pub(crate) fn unbind(&mut self, number: usize) {
        let Some(node) = &mut self.nodes[number] else { return };
        let bind = node.hands.front().map(|hand| hand.0).or(node.binds.first().copied());
        let Some(bind) = bind else { return };
        node.binds.retain(|other| *other != bind);
        node.hands.retain(|hand| hand.0 != bind);
        self.handle(number, Event::Unbound(bind));
    }

    pub(crate) fn store(&mut self, number: usize, heard: bool) {
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
                // By a wrong clock a lease is taken from one who still uses it, for what it claimed.
                let lost = tables.claimed_before(&ids, number);
                if self.is_skewed && !no_claims {
                    for id in lost {
                        *self.allowed.entry(id).or_default() += 1;
                    }
                }
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
}
