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
    inflight::{Inflight, Open},
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

    /// Handles every whole PDU in `input`. `false`: the stream is of no more use.
    pub fn read(&mut self, input: &mut BytesMut, now: Now) -> bool {
        loop {
            match Cutter::new(Cutter::BOUND).cut(input) {
                Cut::NeedMore => return true,
                Cut::BadLength(_) => return false,
                Cut::Frame(frame) if frame.header.id.is_response() => self.answered(&frame, now),
                Cut::Frame(frame) => match esme::answer_request(&frame, &mut self.output) {
                    Asked::Delivery => self.stats.deliveries += 1,
                    Asked::Unbind => self.peer_unbinds = true,
                    Asked::Other => {}
                },
            }
        }
    }

    /// Gives up what was not answered in time.
    pub fn tick(&mut self, now: Now) {
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
        [due.filter(|_| self.may_submit()), sweep].into_iter().flatten().min()
    }

    /// The connection is gone: what was open is unanswered, and will never be sent again.
    pub fn lost(&mut self) {
        self.stats.connections_lost += 1;
        self.output.clear();
        self.peer_unbinds = false;
        self.give_up();
    }

    /// No more is begun; what is open may still be answered.
    pub fn stop(&mut self) {
        self.next = None;
        for retry in std::mem::take(&mut self.retries) {
            self.refused(&retry.item, retry.status);
        }
    }

    /// Whatever is open counts as unanswered.
    pub fn give_up(&mut self) {
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
        if self.manner.outcomes {
            let id = frame.body.split(|octet| *octet == 0).next().unwrap_or_default();
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
mod tests {
    use smpp::{Pdu, pdu};

    use super::*;
    use crate::load::{plan::Mix, template::Content};

    struct Script {
        flow: Flow,
        start: Instant,
    }

    impl Script {
        fn new(messages: u64, rate_per_s: Option<f64>, manner: Manner) -> Self {
            let plan = Plan {
                connections: 1,
                messages: Some(messages),
                parts: 1,
                long_ppm: 0,
                spread: false,
                mix: Mix::default(),
                rate_per_s,
            };
            let content = Content {
                run: 1,
                source: "Load".into(),
                destinations: vec!["44".into()],
                text_octets: 80,
                registered_delivery: 0,
                parts: 1,
            };
            let templates = Templates::new(&content, 0).unwrap();
            let start = Instant::now();
            Self { flow: Flow::new(Arc::new(plan), 0, templates, manner, start), start }
        }

        fn now(&self, ms: u64) -> Now {
            Now { instant: self.start + Duration::from_millis(ms), wall_us: ms * 1_000 }
        }

        /// Sequence numbers and destinations of what is submitted at `ms`.
        fn submits(&mut self, ms: u64) -> Vec<(u32, Vec<u8>)> {
            self.flow.fill(self.now(ms));
            let mut submits = Vec::new();
            while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(self.flow.output()) {
                let Ok(Pdu::SubmitSm(submit)) = pdu::decode(&frame) else { panic!("submit_sm") };
                submits.push((frame.header.sequence, submit.destination.addr.to_vec()));
            }
            submits
        }

        fn answer(&mut self, ms: u64, sequence: u32, status: CommandStatus) {
            let mut input = BytesMut::new();
            pdu::submit_sm_resp(&mut input, sequence, status, b"id").unwrap();
            assert!(self.flow.read(&mut input, self.now(ms)));
        }

        fn outcomes(&mut self) -> Vec<Outcome> {
            let lines = std::mem::take(self.flow.outcomes());
            let lines = lines.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice::<Sent>(line).unwrap().outcome).collect()
        }
    }

    fn manner(retries_max: u8) -> Manner {
        Manner { window: 2, patience: Duration::from_secs(5), retries_max, outcomes: true }
    }

    #[test]
    fn the_window_is_filled_and_each_answer_makes_room_for_one() {
        let mut script = Script::new(4, None, manner(0));
        let first = script.submits(0);
        assert_eq!(first.len(), 2);
        assert!(script.submits(1).is_empty());
        script.answer(2, first[1].0, CommandStatus::EsmeRok);
        assert_eq!(script.submits(2).len(), 1);
        assert!(!script.flow.is_done());
    }

    #[test]
    fn a_paced_flow_submits_when_it_is_due_and_says_when_that_is() {
        let mut script = Script::new(10, Some(100.0), manner(0));
        let first = script.submits(5);
        assert_eq!(first.len(), 1);
        assert_eq!(script.flow.deadline(), Some(script.now(10).instant));
        assert_eq!(script.submits(30).len(), 1, "the window holds two");
        let sweep = script.start + SWEEP;
        assert_eq!(script.flow.deadline(), Some(sweep), "nothing is due while it is full");
    }

    #[test]
    fn what_was_not_answered_in_time_is_given_up_and_never_sent_again() {
        let mut script = Script::new(2, None, manner(3));
        assert_eq!(script.submits(0).len(), 2);
        script.flow.tick(script.now(4_900));
        assert_eq!(script.flow.stats.unanswered, 0);
        script.flow.tick(script.now(5_500));
        assert_eq!(script.outcomes(), [Outcome::Unanswered, Outcome::Unanswered]);
        assert!(script.submits(6_000).is_empty() && script.flow.is_done());
    }

    #[test]
    fn an_answer_that_comes_too_late_answers_nothing() {
        let mut script = Script::new(1, None, manner(0));
        let sequence = script.submits(0)[0].0;
        script.flow.tick(script.now(5_500));
        script.answer(5_600, sequence, CommandStatus::EsmeRok);
        assert_eq!((script.flow.stats.acknowledged, script.flow.stats.unexpected), (0, 1));
    }

    #[test]
    fn a_lost_connection_leaves_what_was_open_unanswered_and_the_rest_to_be_sent() {
        let mut script = Script::new(3, None, manner(0));
        let before = script.submits(0);
        script.flow.lost();
        assert_eq!(script.outcomes(), [Outcome::Unanswered, Outcome::Unanswered]);
        let after = script.submits(1);
        assert_eq!(after.len(), 1);
        assert!(before.iter().all(|(_, destination)| *destination != after[0].1));
    }

    #[test]
    fn a_throttled_submit_is_resent_as_often_as_allowed_and_then_refused() {
        let mut script = Script::new(1, None, manner(2));
        for (ms, throttled) in [(0, true), (100, true), (200, true), (300, false)] {
            let submits = script.submits(ms);
            assert_eq!(submits.len(), usize::from(throttled), "at {ms}");
            for (sequence, _) in submits {
                script.answer(ms, sequence, CommandStatus::EsmeRthrottled);
            }
        }
        assert_eq!(script.outcomes(), [Outcome::Refused(0x58)]);
        assert_eq!((script.flow.stats.retried, script.flow.stats.submitted), (2, 3));
        assert!(script.flow.is_done());
    }

    #[test]
    fn other_refusals_are_final_and_a_nack_is_never_a_success() {
        let mut script = Script::new(2, None, manner(2));
        let submits = script.submits(0);
        script.answer(1, submits[0].0, CommandStatus::EsmeRsubmitfail);
        let mut nack = BytesMut::new();
        let ok = CommandStatus::EsmeRok;
        pdu::encode(&mut nack, ok, submits[1].0, &Pdu::GenericNack).unwrap();
        assert!(script.flow.read(&mut nack, script.now(1)));
        assert_eq!(script.outcomes(), [Outcome::Refused(0x45), Outcome::Refused(0)]);
    }

    #[test]
    fn a_stopped_flow_begins_nothing_and_ends_with_its_answers() {
        let mut script = Script::new(100, None, manner(0));
        let submits = script.submits(0);
        script.flow.stop();
        for (sequence, _) in submits {
            assert!(!script.flow.is_done());
            script.answer(1, sequence, CommandStatus::EsmeRok);
        }
        assert!(script.submits(2).is_empty() && script.flow.is_done());
    }
}
