//! The flow as scripts: what is submitted when, and what an answer does.

use smpp::{Pdu, pdu};

use super::*;
use crate::load::{ledger::Expected, plan::Mix, template::Content};

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
        let ledger = Arc::new(Ledger::new(Expected::default(), 1, start));
        Self { flow: Flow::new(Arc::new(plan), 0, templates, manner, ledger, start), start }
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
    let patience = Duration::from_secs(5);
    Manner {
        window: 2,
        patience,
        retries_max,
        outcomes: true,
        deliveries: false,
        answers: Answers::default(),
    }
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
