//! The window, repeats, and what is noted.

use smpp::{Cutter, frame::Cut};

use super::*;
use crate::smsc::mo::Flood;

struct Script {
    deliverer: Deliverer,
    settings: DeliverySettings,
    start: Instant,
    out: BytesMut,
}

impl Script {
    fn new(settings: DeliverySettings, deliveries: u64) -> Self {
        let flood: Flood =
            serde_json::from_str(r#"{"count": 1, "run": 1, "destinations": ["12345"]}"#).unwrap();
        let start = Instant::now();
        let mut deliverer = Deliverer::default();
        (0..deliveries).for_each(|number| deliverer.push(flood.delivery(number, 1, start)));
        Self { deliverer, settings, start, out: BytesMut::new() }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// Sequence numbers of what is sent at `ms`.
    fn sent(&mut self, ms: u64) -> Vec<u32> {
        let now = Now { instant: self.at(ms), wall_us: ms * 1_000 };
        self.deliverer.fill(&self.settings, &mut self.out, now);
        let mut sequences = Vec::new();
        while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(&mut self.out) {
            sequences.push(frame.header.sequence);
        }
        sequences
    }

    fn answer(&mut self, ms: u64, sequence: u32, status: CommandStatus) {
        let now = self.at(ms);
        self.deliverer.answered(sequence, status.into(), &self.settings, now);
    }

    fn noted(&mut self) -> Vec<Happened> {
        self.deliverer.noted.drain(..).map(|noted| noted.what).collect()
    }
}

fn settings() -> DeliverySettings {
    DeliverySettings {
        window: 2,
        again_after_ms: 100.0,
        unanswered_after_ms: 1_000.0,
        tries_max: 3,
    }
}

const FIRST: Happened = Happened::Sent { is_first: true };
const AGAIN: Happened = Happened::Sent { is_first: false };

#[test]
fn no_more_than_the_window_is_unanswered_and_each_is_taken_once() {
    let mut script = Script::new(settings(), 3);
    assert_eq!(script.sent(0), [1, 2]);
    assert!(script.sent(1).is_empty());
    script.answer(2, 2, CommandStatus::EsmeRok);
    script.answer(2, 2, CommandStatus::EsmeRok);
    script.answer(2, 77, CommandStatus::EsmeRok);
    assert_eq!(script.sent(2), [3]);
    assert_eq!(script.noted(), [FIRST, FIRST, Happened::Taken, FIRST]);
}

#[test]
fn a_refusal_for_now_is_repeated_and_one_for_good_is_not() {
    let mut script = Script::new(settings(), 2);
    script.sent(0);
    script.noted();
    script.answer(10, 1, CommandStatus::EsmeRxTAppn);
    script.answer(10, 2, CommandStatus::EsmeRinvdstadr);
    assert_eq!(script.noted(), [Happened::Later(0x64), Happened::Refused(0x0b)]);
    assert!(script.sent(50).is_empty());
    assert_eq!(script.deliverer.deadline(&script.settings), Some(script.at(110)));
    assert_eq!(script.sent(110), [3]);
    script.answer(120, 3, CommandStatus::EsmeRok);
    assert_eq!(script.noted(), [AGAIN, Happened::Taken]);
    assert!(script.sent(10_000).is_empty());
}

#[test]
fn what_is_not_answered_is_sent_again_so_often_at_most() {
    let mut script = Script::new(settings(), 1);
    assert_eq!(script.sent(0), [1]);
    assert_eq!(script.deliverer.deadline(&script.settings), Some(script.at(1_000)));
    assert_eq!(script.sent(1_000), [2]);
    script.answer(1_001, 1, CommandStatus::EsmeRok);
    assert_eq!(script.noted(), [FIRST, Happened::Unanswered, AGAIN], "the answer is too late");
    assert_eq!(script.sent(2_000), [3]);
    assert!(script.sent(3_000).is_empty() && script.sent(9_000).is_empty());
}

#[test]
fn a_bind_that_goes_leaves_what_was_not_taken() {
    let mut script = Script::new(settings(), 3);
    script.sent(0);
    script.answer(1, 1, CommandStatus::EsmeRok);
    let now = script.at(5);
    let left = script.deliverer.take_all(now);
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|delivery| delivery.due <= now));
    assert_eq!(script.deliverer.deadline(&script.settings), None);
}
