//! The load's side of one connection: what to submit now, what an answer means, what is open. No
//! socket, no clock.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use smpp::{CommandId, CommandStatus, Cutter, Frame, frame::Cut};

use super::{
    back::{Answers, Back},
    inflight::{Inflight, Open},
    ledger::Ledger,
    plan::{Item, Items, Plan},
    stats::Stats,
    template::Templates,
};
use crate::{
    check::{Outcome, Sent},
    clock::Now,
    esme::{self, Asked},
};

/// How a connection of the load behaves.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Unanswered submits at most.
    pub window: usize,
    /// A submit that was not answered for so long counts as unanswered.
    pub patience: Duration,
    /// How often a submit that was refused as too fast is sent again.
    pub retries_max: u8,
    /// Outcomes are kept for a file.
    pub outcomes: bool,
    /// Deliveries are kept for a file.
    pub deliveries: bool,
    /// How receipts and handsets' messages are answered.
    pub answers: Answers,
}

/// Before a submit that was refused as too fast is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// Submits that may wait for that, for each place in the window; with more of them nothing new is
/// begun.
const RETRIES_PER_WINDOW: usize = 16;
/// Octets in the output, beyond which no more submits are added.
const OUTPUT_MAX: usize = 256 << 10;
/// How often overdue submits are looked for.
const SWEEP: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Flow {
    plan: Arc<Plan>,
    templates: Templates,
    manner: Manner,
    start: Instant,
    items: Items,
    /// The next of the plan; `None` at its end, or when told to stop.
    next: Option<(Item, Instant)>,
    retries: VecDeque<Retry>,
    inflight: Inflight,
    output: BytesMut,
    stats: Stats,
    back: Back,
    /// The ledger knows that all was submitted.
    told_sent_all: bool,
    /// Nothing is waited for any more.
    gave_up: bool,
    outcomes: Vec<u8>,
    swept: Instant,
    peer_unbinds: bool,
}

#[derive(Debug)]
struct Retry {
    item: Item,
    refusals: u8,
    /// Of the last refusal.
    status: u32,
    due: Instant,
}

impl Flow {
    pub fn new(
        plan: Arc<Plan>,
        connection: u32,
        templates: Templates,
        manner: Manner,
        ledger: Arc<Ledger>,
        start: Instant,
    ) -> Self {
        let mut flow = Self {
            items: plan.items(connection),
            plan,
            templates,
            start,
            next: None,
            retries: VecDeque::new(),
            inflight: Inflight::new(manner.window.max(1)),
            back: Back::new(manner.answers.clone(), ledger, connection, manner.deliveries),
            told_sent_all: false,
            gave_up: false,
            manner,
            output: BytesMut::new(),
            stats: Stats::default(),
            outcomes: Vec::new(),
            swept: start,
            peer_unbinds: false,
        };
        flow.advance();
        flow
    }

    /// Submits what is due, as far as the window has room.
    pub fn fill(&mut self, now: Now) {
        while self.may_submit() {
            let Some((item, refusals)) = self.due(now.instant) else { break };
            let open = Open { item, refusals, written: now.instant };
            let sequence = self.inflight.insert(open);
            let priority = self.plan.mix.priority_of(item.number);
            self.templates.write(&mut self.output, sequence, &item, priority, now.wall_us);
            self.stats.submitted(now.instant);
        }
    }

    /// One that submits nothing and takes what comes.
    pub fn receiving(mut self) -> Self {
        self.stop();
        // It is not among those that the ledger waits for.
        self.told_sent_all = true;
        self
    }

    /// Handles every whole PDU in `input`. `false`: the stream is of no more use.
    pub fn read(&mut self, input: &mut BytesMut, now: Now) -> bool {
        let is_useful = self.frames(input, now);
        self.back.flush(now);
        is_useful
    }

    fn frames(&mut self, input: &mut BytesMut, now: Now) -> bool {
        loop {
            match Cutter::new(Cutter::BOUND).cut(input) {
                Cut::NeedMore => return true,
                Cut::BadLength(_) => return false,
                Cut::Frame(frame) if frame.header.id.is_response() => self.answered(&frame, now),
                Cut::Frame(frame)
                    if matches!(frame.header.id, CommandId::DeliverSm | CommandId::DataSm) =>
                {
                    self.stats.deliveries += 1;
                    self.back.delivered(&frame, now, &mut self.output);
                }
                Cut::Frame(frame) => {
                    let asked = esme::answer_request(&frame, &mut self.output);
                    self.peer_unbinds |= asked == Asked::Unbind;
                }
            }
        }
    }

    /// Writes answers that are due, and gives up what was not answered in time.
    pub fn tick(&mut self, now: Now) {
        self.back.tick(now.instant, &mut self.output);
        if now.instant >= self.swept + SWEEP {
            self.swept = now.instant;
            let overdue = self.inflight.take_overdue(self.manner.patience, now.instant);
            overdue.into_iter().for_each(|open| self.unanswered(&open));
        }
    }

    /// When there is something to do without the peer.
    pub fn deadline(&self) -> Option<Instant> {
        let sweep = (self.inflight.open() > 0).then(|| self.swept + SWEEP);
        let retry = self.retries.front().map(|retry| retry.due);
        let next = self.next.filter(|_| self.may_begin()).map(|(_, due)| due);
        let due = [next, retry].into_iter().flatten().min();
        let due = due.filter(|_| self.may_submit());
        [due, sweep, self.back.deadline()].into_iter().flatten().min()
    }

    /// The connection is gone: what was open is unanswered, and will never be sent again.
    pub fn lost(&mut self) {
        self.stats.connections_lost += 1;
        self.output.clear();
        self.peer_unbinds = false;
        self.back.lost();
        self.unanswered_all();
    }

    /// No more is begun; what is open may still be answered.
    pub fn stop(&mut self) {
        self.next = None;
        for retry in std::mem::take(&mut self.retries) {
            self.refused(&retry.item, retry.status);
        }
    }

    /// Whatever is open counts as unanswered, and nothing is waited for any more.
    pub fn give_up(&mut self) {
        self.gave_up = true;
        self.unanswered_all();
    }

    /// Whether receipts or messages are still to come, over any connection. Only to be asked once
    /// all is submitted.
    pub fn waits(&mut self, now: Instant) -> bool {
        if !std::mem::replace(&mut self.told_sent_all, true) {
            self.back.sent_all(now);
        }
        !self.gave_up && self.back.waits(now)
    }

    /// Whether an answer to the other side is not written yet: without it a delivery comes again.
    pub fn owes(&self) -> bool {
        !self.gave_up && (!self.output.is_empty() || self.back.deadline().is_some())
    }

    fn unanswered_all(&mut self) {
        let open = self.inflight.take_all();
        open.into_iter().for_each(|open| self.unanswered(&open));
    }

    pub fn is_done(&self) -> bool {
        self.next.is_none() && self.retries.is_empty() && self.inflight.open() == 0
    }

    pub const fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Lines of JSON, one [`Sent`] each; the caller takes them.
    pub const fn outcomes(&mut self) -> &mut Vec<u8> {
        &mut self.outcomes
    }

    /// Lines of JSON, one [`super::came::Came`] each; the caller takes them.
    pub const fn deliveries(&mut self) -> Option<&mut Vec<u8>> {
        self.back.log()
    }

    pub const fn stats(&mut self) -> &mut Stats {
        &mut self.stats
    }

    /// A sequence number for a request of another kind.
    pub const fn sequence(&mut self) -> u32 {
        self.inflight.sequence()
    }

    fn may_submit(&self) -> bool {
        self.inflight.room() > 0 && self.output.len() < OUTPUT_MAX && !self.peer_unbinds
    }

    fn may_begin(&self) -> bool {
        self.retries.len() < self.manner.window * RETRIES_PER_WINDOW
    }

    fn advance(&mut self) {
        self.next =
            self.items.next(&self.plan).map(|item| (item, self.start + self.plan.due(&item)));
    }

    /// What may be submitted now: retries first, they are older.
    fn due(&mut self, now: Instant) -> Option<(Item, u8)> {
        if let Some(retry) = self.retries.pop_front_if(|retry| retry.due <= now) {
            return Some((retry.item, retry.refusals));
        }
        let (item, _) = self.next.filter(|(_, due)| *due <= now && self.may_begin())?;
        self.advance();
        Some((item, 0))
    }

    fn answered(&mut self, frame: &Frame, now: Now) {
        let header = &frame.header;
        let is_ours = matches!(header.id, CommandId::SubmitSmResp | CommandId::GenericNack);
        let Some(open) = self.inflight.take(header.sequence).filter(|_| is_ours) else {
            self.stats.unexpected += 1;
            return;
        };
        *self.stats.statuses.entry(header.status).or_default() += 1;
        if header.status != 0 || header.id == CommandId::GenericNack {
            return self.retry_or_refuse(&open, header.status, now);
        }
        self.stats.acknowledged(open.written, now.instant);
        let id = frame.body.split(|octet| *octet == 0).next().unwrap_or_default();
        self.back.acknowledged(id, open.item, open.written);
        if self.manner.outcomes {
            self.outcome(&open.item, Outcome::Acknowledged(String::from_utf8_lossy(id).into()));
        }
    }

    fn retry_or_refuse(&mut self, open: &Open, status: u32, now: Now) {
        let Open { item, refusals, .. } = *open;
        let is_too_fast = matches!(
            CommandStatus::from(status),
            CommandStatus::EsmeRthrottled | CommandStatus::EsmeRmsgqful
        );
        if is_too_fast && refusals < self.manner.retries_max {
            self.stats.retried += 1;
            let due = now.instant + RETRY_AFTER;
            self.retries.push_back(Retry { item, refusals: refusals + 1, status, due });
        } else {
            self.refused(&item, status);
        }
    }

    fn refused(&mut self, item: &Item, status: u32) {
        self.stats.refused += 1;
        self.outcome(item, Outcome::Refused(status));
    }

    fn unanswered(&mut self, open: &Open) {
        self.stats.unanswered += 1;
        self.outcome(&open.item, Outcome::Unanswered);
    }

    fn outcome(&mut self, item: &Item, outcome: Outcome) {
        if self.manner.outcomes {
            let Item { number, part, parts } = *item;
            // Plain fields into memory: cannot fail.
            let sent = Sent { number, part, parts, outcome };
            let _cannot_fail = serde_json::to_writer(&mut self.outcomes, &sent);
            self.outcomes.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests;
