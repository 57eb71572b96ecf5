//! Judges the way back of one customer: whatever the provider was answered OK is there, under the ids
//! that it has, and nothing of another. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use simulator::check::{Key, Outcome};

use super::books::{Books, Got, delivered_us, taken};
use crate::faults::verdict::accountable;

/// Numbers that a problem names at most.
const SHOWN: usize = 5;

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Back {
    /// Submits whose final receipt the customer has.
    pub receipts: usize,
    /// Parts of handsets' messages that the customer has.
    pub messages: usize,
    /// Deliveries that came again, under their ids.
    pub repeats: usize,
    /// The slowest way from the provider's first sending to the customer.
    pub slowest: Duration,
    /// Against the promise.
    pub problems: Vec<String>,
}

impl fmt::Display for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { receipts, messages, repeats, slowest, .. } = self;
        write!(
            f,
            "back: {receipts} receipts, {messages} parts of messages, the slowest after {:.1} s; ",
            slowest.as_secs_f64()
        )?;
        write!(f, "{repeats} again under their ids")
    }
}

/// Compares.
#[must_use]
pub fn judge(books: &Books) -> Back {
    let got = books.got();
    let mut problems = Problems { customer: books.customer, found: Vec::new() };
    receipts(books, &got, &mut problems);
    messages(books, &got, &mut problems);
    problems.note("deliveries without the gateway's id", got.nameless, "");
    Back {
        receipts: got.receipts.len(),
        messages: got.messages.len(),
        repeats: got.repeats,
        slowest: slowest(books, &got),
        problems: problems.found,
    }
}

struct Problems {
    customer: &'static str,
    found: Vec<String>,
}

impl Problems {
    fn note(&mut self, what: &str, count: usize, shown: &str) {
        if count > 0 {
            self.found.push(format!("{}: {count} {what} {shown}", self.customer));
        }
    }

    fn list(&mut self, what: &str, keys: &[Key]) {
        self.note(what, keys.len(), &format!("{:?}", &keys[..keys.len().min(SHOWN)]));
    }
}

fn receipts(books: &Books, got: &Got<'_>, problems: &mut Problems) {
    let ids = books.acknowledged();
    let whole = accountable(&books.sent);
    let must = whole.iter().filter_map(|one| match &one.outcome {
        Outcome::Acknowledged(id) => Some((id.as_str(), (one.number, one.part))),
        _ => None,
    });
    let lost: Vec<Key> =
        must.filter(|(id, _)| !got.receipts.contains_key(id)).map(|(_, key)| key).collect();
    problems.list("submits never had a receipt", &lost);
    let unknown: BTreeSet<&str> =
        got.receipts.keys().copied().filter(|id| !ids.contains_key(id)).collect();
    let hidden = books.hidden();
    problems.note(
        "receipts of submits that were not answered never came",
        hidden.saturating_sub(unknown.len()),
        "",
    );
    problems.note(
        "receipts speak of submits that this customer never made",
        unknown.len().saturating_sub(hidden),
        "",
    );
    let renamed = got.receipt_ids.iter().filter(|((id, _), names)| {
        names.len() > 1 && ids.get(id).is_none_or(|key| !books.twice_sent.contains(key))
    });
    problems.note("receipts came under several ids", renamed.count(), "");
}

fn messages(books: &Books, got: &Got<'_>, problems: &mut Problems) {
    let run = books.messages.run;
    let taken = taken(&books.messages);
    let untaken = books.posted.saturating_sub(taken.len() as u64);
    problems.note("parts were never taken from the provider", untaken as usize, "");
    let came = |key: &&Key| got.messages.contains_key(&(run, **key));
    let lost: Vec<Key> = taken.iter().filter(|key| !came(key)).copied().collect();
    problems.list("messages from handsets never came", &lost);
    let foreign: Vec<Key> =
        got.message_ids.keys().filter(|(of, _)| *of != run).map(|(_, key)| *key).collect();
    problems.list("messages are another's", &foreign);
    // SMPP names nothing by which a provider's repeat is known: each has an id of its own.
    let ids: usize = got.message_ids.values().map(|ids| ids.len() - 1).sum();
    let allowed = usize::try_from(books.repeated_by_provider).unwrap_or(usize::MAX);
    problems.note(
        "messages came under several ids, beyond what the provider repeated",
        ids.saturating_sub(allowed),
        "",
    );
}

fn slowest(books: &Books, got: &Got<'_>) -> Duration {
    let ids = books.acknowledged();
    let receipts = got.receipts.iter().filter_map(|(id, at_us)| {
        Some(at_us.saturating_sub(delivered_us(&books.receipts, *ids.get(id)?)?))
    });
    let messages = got.messages.iter().filter_map(|((_, key), at_us)| {
        Some(at_us.saturating_sub(delivered_us(&books.messages, *key)?))
    });
    Duration::from_micros(receipts.chain(messages).max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use domain::receipts::MessageState;
    use simulator::arrivals::Range;
    use simulator::check::Sent;
    use simulator::load::came::{Came, What};
    use simulator::smsc::delivered::{PartDelivered, RunDelivered};

    use super::*;

    fn came(delivery: &str, what: What) -> Came {
        let delivery = Some(delivery.to_owned());
        Came { connection: 0, place: 0, at_us: 9_000, delivery, status: Some(0), what }
    }

    fn receipt(delivery: &str, id: &str) -> Came {
        let state = MessageState::Delivered;
        came(delivery, What::Receipt { id: id.to_owned(), state, is_final: true })
    }

    fn message(delivery: &str, run: u32, number: u64) -> Came {
        came(delivery, What::Message { run, parts: vec![(number, 1)] })
    }

    fn delivered(run: u32, to: u64) -> RunDelivered {
        let ok = vec![Range { from: 0, to, times: 1 }];
        RunDelivered { run, parts: vec![PartDelivered { sent_us: vec![1_000; 9], ok }] }
    }

    /// Two submits, the second never answered, both with a receipt; two messages of run 7.
    fn books() -> Books {
        let sent = |number, outcome| Sent { number, part: 1, parts: 1, outcome };
        Books {
            customer: "acme",
            sent: vec![
                sent(0, Outcome::Acknowledged("a".to_owned())),
                sent(1, Outcome::Unanswered),
            ],
            receipts: delivered(1, 1),
            messages: delivered(7, 1),
            posted: 2,
            came: vec![
                receipt("d1", "a"),
                receipt("d2", "hidden"),
                message("d3", 7, 0),
                message("d4", 7, 1),
            ],
            ..Books::default()
        }
    }

    fn problems(change: impl FnOnce(&mut Books)) -> usize {
        let mut books = books();
        change(&mut books);
        judge(&books).problems.len()
    }

    #[test]
    fn what_came_whole_has_no_problem_and_is_counted() {
        let back = judge(&books());
        assert_eq!(back.problems, Vec::<String>::new());
        assert_eq!((back.receipts, back.messages, back.repeats), (2, 2, 0));
        assert_eq!(back.slowest, Duration::from_millis(8));
    }

    #[test]
    fn repeats_under_the_same_id_are_counted_and_no_problem() {
        let mut books = books();
        books.came.extend([receipt("d1", "a"), message("d3", 7, 0)]);
        let back = judge(&books);
        assert_eq!((back.problems.len(), back.repeats), (0, 2));
    }

    #[test]
    fn each_loss_is_a_problem() {
        for lost in 0..4 {
            assert_eq!(problems(|books| drop(books.came.remove(lost))), 1, "{lost}");
        }
        assert_eq!(problems(|books| books.came[0].status = Some(0x14)), 1, "refused is not had");
        assert_eq!(problems(|books| books.posted = 3), 1, "the provider still has it");
    }

    #[test]
    fn what_is_anothers_is_a_problem() {
        assert_eq!(problems(|books| books.came.push(receipt("d9", "b"))), 1);
        assert_eq!(problems(|books| books.came.push(message("d9", 8, 0))), 1);
    }

    #[test]
    fn a_repeat_under_another_id_is_a_problem_unless_it_is_the_providers() {
        assert_eq!(problems(|books| books.came.push(receipt("d9", "a"))), 1);
        let again = |books: &mut Books| books.came.push(message("d9", 7, 0));
        assert_eq!(problems(again), 1);
        let by_provider = |books: &mut Books| {
            again(books);
            books.repeated_by_provider = 1;
        };
        assert_eq!(problems(by_provider), 0);
        let sent_twice = |books: &mut Books| {
            books.came.push(receipt("d9", "a"));
            books.twice_sent.insert((0, 1));
        };
        assert_eq!(problems(sent_twice), 0);
    }

    #[test]
    fn a_delivery_without_the_gateways_id_is_a_problem() {
        assert!(problems(|books| books.came[0].delivery = None) > 0);
    }
}
