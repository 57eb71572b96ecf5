//! The session as scripts: what is answered when, and what has arrived.

use std::time::Duration;

use serde_json::json;

use super::*;

struct Open;

impl Gate for Open {
    fn admit(&self, _: &Bind) -> CommandStatus {
        CommandStatus::EsmeRok
    }
}

struct Script {
    session: Session,
    start: Now,
}

impl Script {
    /// A session that is bound, with these settings.
    fn bound(change: &serde_json::Value) -> Self {
        let start = Now { instant: Instant::now(), wall_us: 0 };
        let settings = Arc::new(Settings::default().changed(change).unwrap());
        let behaviour = Behaviour::new(settings, 0, Arc::default(), start.instant);
        let wanted = Wanted { numbers: true, records: false };
        let session =
            Session::new(0, behaviour, Maker::new(0, 0), Ids::new(Arc::default()), wanted);
        let mut script = Self { session, start };
        script.send(0, 1, &Pdu::Bind(Bind::default()));
        assert_eq!(script.answers(), [1]);
        script
    }

    fn now(&self, ms: u64) -> Now {
        Now { instant: self.start.instant + Duration::from_millis(ms), wall_us: ms * 1_000 }
    }

    fn send(&mut self, ms: u64, sequence: u32, pdu: &Pdu) {
        let mut input = BytesMut::new();
        pdu::encode(&mut input, CommandStatus::EsmeRok, sequence, pdu).unwrap();
        self.session.read(&mut input, self.now(ms), &Open);
    }

    fn submit(&mut self, ms: u64, sequence: u32) {
        self.send(ms, sequence, &Pdu::SubmitSm(Submit::default()));
    }

    /// Commands that were written since the last time, and their sequence numbers.
    fn written(&mut self) -> Vec<(smpp::CommandId, u32)> {
        let mut written = Vec::new();
        while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(self.session.output()) {
            written.push((frame.header.id, frame.header.sequence));
        }
        written
    }

    /// The sequence numbers of what was answered since the last time.
    fn answers(&mut self) -> Vec<u32> {
        let mut sequences = Vec::new();
        while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(self.session.output()) {
            sequences.push(frame.header.sequence);
        }
        sequences
    }
}

#[test]
fn a_response_waits_for_its_time_and_the_session_says_when_that_is() {
    let mut script = Script::bound(&json!({"latency": {"fixed": {"ms": 10}}}));
    script.submit(0, 2);
    script.submit(4, 3);
    assert!(script.answers().is_empty());
    assert_eq!(script.session.deadline(), Some(script.now(10).instant));
    script.session.tick(script.now(10));
    assert_eq!(script.answers(), [2]);
    script.session.tick(script.now(14));
    assert_eq!((script.answers(), script.session.deadline()), (vec![3], None));
}

#[test]
fn responses_with_different_latencies_come_in_the_order_they_are_due() {
    let change = json!({"latency": {"uniform": {"min_ms": 0, "max_ms": 100}}, "seed": 1});
    let mut script = Script::bound(&change);
    (2..50).for_each(|sequence| script.submit(0, sequence));
    let mut answered = script.answers();
    for ms in 1..=100 {
        script.session.tick(script.now(ms));
        answered.extend(script.answers());
    }
    assert!(!answered.is_sorted(), "one overtakes another");
    answered.sort_unstable();
    assert_eq!(answered, (2..50).collect::<Vec<_>>());
}

#[test]
fn behind_a_drop_nothing_is_answered_and_nothing_is_taken() {
    let mut script = Script::bound(&json!({"drop": {"when": {"at": 2}, "how": "before"}}));
    (2..6).for_each(|sequence| script.submit(0, sequence));
    assert_eq!(script.answers(), [2]);
    assert!(script.session.is_closing());
    assert_eq!(script.session.taken().arrivals.len(), 2, "the one it dropped at has arrived");
}

#[test]
fn the_number_is_found_behind_a_header_and_in_a_payload() {
    let numbered =
        Numbered { run: 1, number: 2, part: 2, parts: 2, sent_us: 3, connection: 4, priority: 1 };
    let text = numbered.to_text(80).octets;
    let with_header = [&[5, 0, 3, 9, 2, 2], text.as_slice()].concat();
    let mut script = Script::bound(&json!({}));
    for (esm_class, message, in_payload) in
        [(0, text, true), (Submit::UDHI, with_header, false), (Submit::UDHI, vec![200, 1], false)]
    {
        let submit = Submit { esm_class, message: message.into(), in_payload, ..Submit::default() };
        script.send(0, 2, &Pdu::SubmitSm(submit));
    }
    let arrivals = script.session.taken().arrivals.iter();
    let found: Vec<_> = arrivals.map(|arrival| arrival.numbered).collect();
    assert_eq!(found, [Some(numbered), Some(numbered), None]);
}

#[test]
fn a_receipt_follows_its_response_or_goes_before_it_or_is_anothers_to_deliver() {
    use smpp::CommandId::{DeliverSm, SubmitSmResp};
    let asking = || Pdu::SubmitSm(Submit { registered_delivery: 1, ..Submit::default() });
    let mut script = Script::bound(&json!({}));
    script.send(0, 2, &asking());
    assert_eq!(script.written(), [(SubmitSmResp, 2), (DeliverSm, 1)]);
    let mut script = Script::bound(&json!({"receipts": {"delay": {"fixed": {"ms": 5}}}}));
    script.send(0, 2, &asking());
    assert_eq!(script.written(), [(SubmitSmResp, 2)]);
    assert_eq!(script.session.deadline(), Some(script.now(5).instant));
    script.session.tick(script.now(5));
    assert_eq!(script.written(), [(DeliverSm, 1)]);
    let mut script = Script::bound(&json!({"receipts": {"before_response": 1}}));
    script.send(0, 2, &asking());
    assert_eq!(script.written(), [(DeliverSm, 1), (SubmitSmResp, 2)]);
    let mut script = Script::bound(&json!({"receipts": {"other_bind": 1}}));
    script.send(0, 2, &asking());
    assert_eq!(script.written(), [(SubmitSmResp, 2)]);
    assert_eq!(script.session.taken().elsewhere.len(), 1);
}
