//! How wishes are recorded: with others writing meanwhile, late writes, and again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;

use domain::id::{CustomerId, MessageId};
use domain::mo::Subject;
use domain::mo::opt_out::{SETTLING_MS, refuses};
use platform::opt_outs::{Key, Put, Stored};
use route_mo::recording::{PATIENCE_MS, Recording, Step, Wanted};

const NOW_MS: u64 = 1_760_000_000_000;

/// The item and who wrote it last, by the conditions of the real table.
#[derive(Default)]
struct Table {
    items: HashMap<Key, (Stored, String)>,
}

impl Table {
    fn read(&self, keys: &[Key]) -> HashMap<Key, Stored> {
        let found = |key: &Key| Some((key.clone(), self.items.get(key)?.0.clone()));
        keys.iter().filter_map(found).collect()
    }

    fn write(&mut self, puts: &[Put], writer: &str) -> Vec<bool> {
        let mut write = |put: &Put| {
            let (version, last) =
                self.items.get(&put.key).map_or((0, ""), |(stored, last)| (stored.version, last));
            let next = put.read_version + 1;
            let made = version == put.read_version || (version == next && last == writer);
            if made {
                let stored = Stored { version: next, history: put.history.clone() };
                self.items.insert(put.key.clone(), (stored, writer.to_owned()));
            }
            made
        };
        puts.iter().map(&mut write).collect()
    }

    fn refuses(&self, message_ms: u64) -> bool {
        refuses(self.items.values().map(|(stored, _)| &stored.history), message_ms)
    }
}

fn wish(name: u8, stop: bool) -> Wanted {
    let customer = CustomerId::from("acme");
    let subject = Subject { customer: &customer, sender: Some("72000") };
    Wanted {
        key: Key::new(&subject, "4670"),
        by: MessageId::new(NOW_MS, [name; 10]),
        stop,
        wrote_ms: NOW_MS + u64::from(name),
    }
}

fn puts(recording: &Recording) -> Vec<Put> {
    let Step::Write(puts) = recording.step() else { panic!("{:?}", recording.step()) };
    puts
}

fn read(recording: &mut Recording, table: &Table, now_ms: u64) {
    let Step::Read(keys) = recording.step() else { panic!("{:?}", recording.step()) };
    recording.read(table.read(&keys), now_ms);
}

/// Goes on to the end without disturbance.
fn finish(recording: &mut Recording, table: &mut Table, writer: &str, now_ms: u64) {
    loop {
        match recording.step() {
            Step::Read(_) => read(recording, table, now_ms),
            Step::Write(puts) => recording.written(&table.write(&puts, writer), now_ms),
            Step::Done => return,
            Step::Contended => panic!("contended"),
        }
    }
}

#[test]
fn a_wish_counts_for_what_begins_after_it_is_in_force_and_a_second_run_changes_nothing() {
    let mut table = Table::default();
    finish(&mut Recording::new(vec![wish(1, true)]), &mut table, "a", NOW_MS);
    assert!(!table.refuses(NOW_MS + SETTLING_MS));
    assert!(table.refuses(NOW_MS + SETTLING_MS + 1));
    let before = table.items.clone();
    let mut again = Recording::new(vec![wish(1, true)]);
    read(&mut again, &table, NOW_MS + 60_000);
    assert_eq!(again.step(), Step::Done);
    assert_eq!(table.items, before);
}

#[test]
fn wishes_of_one_batch_are_one_write_and_the_one_written_last_decides() {
    for order in [[1, 2], [2, 1]] {
        let mut table = Table::default();
        // START is the second, in whatever order they are worked off.
        let wishes = order.map(|name| wish(name, name == 1)).to_vec();
        let mut recording = Recording::new(wishes);
        read(&mut recording, &table, NOW_MS);
        assert_eq!(puts(&recording).len(), 1);
        finish(&mut recording, &mut table, "a", NOW_MS);
        assert!(!table.refuses(NOW_MS + 2 * SETTLING_MS));
    }
}

#[test]
fn what_another_run_wrote_meanwhile_is_kept() {
    let mut table = Table::default();
    let mut one = Recording::new(vec![wish(1, true)]);
    read(&mut one, &table, NOW_MS);
    finish(&mut Recording::new(vec![wish(2, false)]), &mut table, "b", NOW_MS + 1);
    finish(&mut one, &mut table, "a", NOW_MS);
    let (stored, _) = table.items.values().next().unwrap();
    assert_eq!(stored.version, 2);
    assert!(!table.refuses(NOW_MS + 2 * SETTLING_MS), "START came after STOP");
}

#[test]
fn a_write_that_was_given_up_cannot_undo_the_one_that_follows() {
    let mut table = Table::default();
    let mut recording = Recording::new(vec![wish(1, true)]);
    read(&mut recording, &table, NOW_MS);
    let late = puts(&recording);
    recording.given_up();
    let anew_ms = NOW_MS + PATIENCE_MS;
    finish(&mut recording, &mut table, "second", anew_ms);
    let before = table.items.clone();
    assert_eq!(table.write(&late, "first"), [false]);
    assert_eq!(table.items, before);
    assert!(!table.refuses(anew_ms + SETTLING_MS));
    assert!(table.refuses(anew_ms + SETTLING_MS + 1));
}

#[test]
fn a_write_that_was_given_up_and_made_is_made_anew_with_a_new_time() {
    let mut table = Table::default();
    let mut recording = Recording::new(vec![wish(1, true)]);
    read(&mut recording, &table, NOW_MS);
    let late = puts(&recording);
    recording.given_up();
    assert_eq!(table.write(&late, "first"), [true]);
    let anew_ms = NOW_MS + 3 * PATIENCE_MS;
    finish(&mut recording, &mut table, "second", anew_ms);
    assert!(!table.refuses(anew_ms + SETTLING_MS));
    assert!(table.refuses(anew_ms + SETTLING_MS + 1));
}

#[test]
fn a_confirmation_that_comes_late_counts_as_given_up() {
    let mut table = Table::default();
    let mut recording = Recording::new(vec![wish(1, true)]);
    read(&mut recording, &table, NOW_MS);
    let made = table.write(&puts(&recording), "first");
    // The sandbox was frozen in between, say.
    let anew_ms = NOW_MS + PATIENCE_MS + 1;
    recording.written(&made, anew_ms);
    assert!(matches!(recording.step(), Step::Read(_)));
    finish(&mut recording, &mut table, "second", anew_ms);
    assert!(!table.refuses(anew_ms + SETTLING_MS));
}

#[test]
fn a_table_that_never_answers_in_time_fails_the_batch() {
    let table = Table::default();
    let mut recording = Recording::new(vec![wish(1, true)]);
    for _ in 0..100 {
        if recording.step() == Step::Contended {
            return;
        }
        read(&mut recording, &table, NOW_MS);
        recording.given_up();
    }
    panic!("it goes on for ever");
}
