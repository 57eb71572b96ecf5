//! Which message a part belongs to: cases that the model's small logs do not reach.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::collections::HashMap;

use assemble::held::Held;
use assemble::item::Item;
use assemble::join::{Arrived, Joined, Settings, join};
use assemble::limit::Limit;
use assemble::output::Output;
use assemble::records::Record;
use assemble::run::{Run, Step};
use domain::address::Address;
use domain::id::PartId;
use domain::message::{Concatenation, Envelope, Message, Part, Priority, ReferenceKind};
use domain::octets::Octets;
use platform::time_limit::TimeLimit;
use wire::V;
use wire::customer_incoming::{IncomingMessage, IncomingPart};

const START_MS: u64 = 1_760_000_000_000;

/// Part `index` of `total`, its id and content made of `name`.
fn part(name: u16, index: u8, total: u8) -> IncomingPart {
    let address = |number: &str| Address { ton: 1, npi: 1, number: number.into() };
    let [high, low] = name.to_be_bytes();
    IncomingPart {
        v: V,
        envelope: Envelope {
            customer: "acme".into(),
            source: address("4670"),
            destination: address("4671"),
            service: String::new(),
            pid: 0,
            esm: 0,
            coding: 0,
            priority: Priority::Normal,
            accepted_ms: START_MS + u64::from(index),
            valid_until_ms: START_MS + 86_400_000,
            schedule_ms: None,
            config: 1,
        },
        concatenation: Concatenation { kind: ReferenceKind::Sar, reference: 7, total, index },
        part: Part {
            // The octet at 2 holds the variant bits of a UUID.
            id: PartId::new(START_MS, [high, low, 0, index, 0, 0, 0, 0, 0, 0]),
            aliases: Vec::new(),
            octets: Octets(vec![high, low, index]),
            udh: Octets::default(),
            receipt: 1,
        },
    }
}

fn at(append_ms: u64, part: IncomingPart) -> Arrived {
    Arrived { partition: 0, append_ms, part: Held::Customer(part) }
}

fn messages(joined: &Joined) -> Vec<&Message> {
    let message = |output| match output {
        &Output::Message(IncomingMessage { ref message, .. }) => message,
        other => panic!("{other:?}"),
    };
    joined.whole.iter().map(message).collect()
}

fn join_all(arrived: &[Arrived]) -> Joined {
    join(&Item::default(), arrived, &Settings::default())
}

#[test]
fn a_message_of_255_parts_in_reverse_order_is_whole_with_its_last_part() {
    let arrived: Vec<_> = (1..=255).rev().map(|index| at(START_MS, part(1, index, 255))).collect();
    assert!(join_all(&arrived[..254]).whole.is_empty());
    let joined = join_all(&arrived);
    let [message] = messages(&joined).try_into().unwrap();
    assert_eq!(message.parts.len(), 255);
    assert!(message.parts.iter().map(|part| part.octets.0[2]).eq(1..=255));
    assert!(joined.item.open.is_empty() && joined.deadlines.is_empty());
}

#[test]
fn a_message_has_the_id_and_the_envelope_of_its_first_part() {
    let mut first = part(1, 1, 2);
    first.envelope.coding = 8;
    first.envelope.priority = Priority::High;
    let joined = join_all(&[at(START_MS, part(1, 2, 2)), at(START_MS + 9, first.clone())]);
    let message = messages(&joined)[0];
    assert_eq!(message.id, first.part.id.into());
    assert_eq!(message.envelope, first.envelope);
    assert_eq!(message.split, Some(ReferenceKind::Sar));
    assert_eq!(message.attempt_ms, START_MS + 9, "the log's time, the same at every run");
}

#[test]
fn a_resend_is_carried_as_an_alias_and_other_content_is_not_a_resend() {
    let mut resend = part(1, 1, 2);
    resend.part.id = PartId::new(START_MS, [9; 10]);
    let mut other = resend.clone();
    other.envelope.coding = 8;
    let mut header = resend.clone();
    header.part.udh = Octets(vec![5, 4, 0, 0, 0, 0]);

    let whole = |second: &IncomingPart| {
        let arrived = [part(1, 1, 2), second.clone(), part(1, 2, 2)];
        join_all(&arrived.map(|part| at(START_MS, part)))
    };
    let joined = whole(&resend);
    assert_eq!(messages(&joined)[0].parts[0].aliases, [resend.part.id]);
    assert!(joined.item.open.is_empty());
    for stranger in [other, header] {
        let joined = whole(&stranger);
        assert!(messages(&joined)[0].parts[0].aliases.is_empty());
        assert_eq!(joined.item.open.len(), 1, "another message");
    }
}

#[test]
fn finished_ids_are_kept_as_long_as_said_and_as_many_as_said() {
    let settings = Settings { keep_ms: 1_000, finished_ids_max: 6, ..Settings::default() };
    let mut item = Item::default();
    for name in 0..5 {
        let arrived = [1, 2].map(|index| at(START_MS + u64::from(name), part(name, index, 2)));
        item = join(&item, &arrived, &settings).item;
    }
    assert_eq!(item.finished.len(), 3, "six ids");
    assert!(item.knows(part(4, 1, 2).part.id) && !item.knows(part(1, 1, 2).part.id));
    let later = [at(START_MS + 1_004, part(9, 1, 2))];
    item = join(&item, &later, &settings).item;
    assert_eq!(item.finished.len(), 1, "the one of the last second");
}

#[test]
fn the_last_missing_part_is_taken_however_full_the_item_is() {
    let settings = Settings { open_octets_max: 2_000, ..Settings::default() };
    let mut large = part(1, 1, 2);
    large.part.octets = Octets(vec![1; 700]);
    let others = [at(START_MS, large), at(START_MS, part(2, 1, 2)), at(START_MS, part(1, 2, 2))];
    let joined = join(&Item::default(), &others, &settings);
    assert_eq!(joined.refused, [1]);
    assert_eq!(joined.whole.len(), 1);
}

#[test]
fn the_borders_of_batches_do_not_matter() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..2_000 {
        let mut now_ms = START_MS;
        let mut arrive = |_| {
            now_ms += if random.u8(..10) == 0 { 290_000 } else { 1 };
            at(now_ms, part(random.u16(..3), random.u8(1..=3), 3))
        };
        let arrived: Vec<_> = (0..12).map(&mut arrive).collect();
        let together = join_all(&arrived);
        let (mut item, mut whole) = (Item::default(), Vec::new());
        let mut rest = arrived.as_slice();
        while !rest.is_empty() {
            // A batch may begin with parts that an earlier run has joined already.
            let (batch, after) = rest.split_at(random.usize(1..=rest.len()));
            let joined = join(&item, batch, &Settings::default());
            let again = join(&joined.item, batch, &Settings::default());
            assert!(!again.changed && again.whole.is_empty() && again.item == joined.item);
            item = joined.item;
            whole.extend(joined.whole);
            rest = after;
        }
        assert_eq!(item, together.item);
        assert_eq!(whole, together.whole);
    }
}

fn records(parts: &[IncomingPart]) -> Vec<Record> {
    let record = |(offset, part): (usize, &IncomingPart)| Record {
        offset: i64::try_from(offset).unwrap(),
        append_ms: START_MS,
        value: Octets(wire::encode(part)),
        ..Record::default()
    };
    parts.iter().enumerate().map(record).collect()
}

/// Gives up the record at offset 1, and notes where pure code runs.
#[derive(Default)]
struct Watching {
    entered: RefCell<Vec<Vec<i64>>>,
    left: RefCell<usize>,
}

struct Leaving<'a>(&'a Watching);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        *self.0.left.borrow_mut() += 1;
    }
}

impl Limit for Watching {
    type Inside<'a> = Leaving<'a>;

    fn gives_up(&self, record: &Record) -> bool {
        record.offset == 1
    }

    fn enter(&self, records: &[Record]) -> Leaving<'_> {
        let mut entered = self.entered.borrow_mut();
        assert_eq!(entered.len(), *self.left.borrow(), "one at a time");
        entered.push(records.iter().map(|record| record.offset).collect());
        Leaving(self)
    }
}

#[test]
fn a_part_that_was_stuck_is_a_dead_letter_unread_and_a_join_names_all_that_it_joins() {
    let parts = [part(1, 1, 2), part(9, 1, 2), part(1, 2, 2)];
    let limit = Watching::default();
    let mut run = Run::new(records(&parts), Settings::default(), join, START_MS, &limit);
    run.read(HashMap::new(), &limit);
    let Step::Publish(outputs) = run.step() else { panic!("{:?}", run.step()) };
    let [Output::DeadLetter(letter), Output::Message(_)] = outputs.as_slice() else {
        panic!("{outputs:?}");
    };
    let reason = "exceeds the time limit of pure code";
    assert_eq!((letter.offset, letter.reason.as_str()), (1, reason));
    assert_eq!(*limit.entered.borrow(), [vec![0], vec![2], vec![0, 2]]);
    assert_eq!(*limit.left.borrow(), 3);
}

#[test]
fn a_part_that_makes_the_join_panic_is_a_dead_letter_and_the_others_go_through() {
    fn panics_on_nine(item: &Item, arrived: &[Arrived], settings: &Settings) -> Joined {
        assert!(arrived.iter().all(|part| part.part.part().octets.0[1] != 9), "planted");
        join(item, arrived, settings)
    }
    let parts = [part(1, 1, 2), part(9, 1, 2), part(1, 2, 2)];
    let (settings, unlimited) = (Settings::default(), TimeLimit::default());
    let mut run = Run::new(records(&parts), settings, panics_on_nine, START_MS, &unlimited);
    run.read(HashMap::new(), &unlimited);
    let Step::Publish(outputs) = run.step() else { panic!("{:?}", run.step()) };
    let [Output::DeadLetter(letter), Output::Message(_)] = outputs.as_slice() else {
        panic!("{outputs:?}");
    };
    assert_eq!((letter.offset, letter.reason.as_str()), (1, "joining it panics"));
    run.published();
    let Step::Write(puts) = run.step() else { panic!("{:?}", run.step()) };
    run.written(&vec![true; puts.len()]);
    assert_eq!(run.step(), Step::Done);
}
