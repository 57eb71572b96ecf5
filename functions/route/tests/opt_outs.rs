//! What a handset's STOP does to messages for it, and that it costs others nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::Ordering;

use domain::id::{CustomerId, MessageId};
use domain::message::Message;
use domain::mo::Subject;
use domain::mo::opt_out::{Change, History};
use platform::opt_outs::Key;
use support::*;
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Failure};
use wire::customer_incoming::AnswerRef;

const HANDSET: &str = "4917012345678";

/// A message of the customer that has opt-out words.
fn from_gamma(sender: &str) -> Message {
    let mut message = message(HANDSET);
    message.envelope.customer = "gamma".into();
    message.envelope.source.number = sender.into();
    message
}

/// The handset's wish, in force from `in_force_ms` on.
fn wish(sender: Option<&str>, stop: bool, in_force_ms: u64) -> (Key, History) {
    let mut history = History::default();
    let by = MessageId::new(in_force_ms, [1; 10]);
    history.add(Change { by, stop, wrote_ms: in_force_ms, in_force_ms }, 0);
    let customer = CustomerId::from("gamma");
    (Key::new(&Subject { customer: &customer, sender }, HANDSET), history)
}

async fn after(wishes: Vec<(Key, History)>, values: &[Vec<u8>]) -> (Vec<Published>, usize) {
    let (mut store, kafka) = (store(), Kafka::default());
    store.opt_outs = wishes;
    handler(&store, &kafka).handle(&read(&event(values))).await.unwrap();
    (kafka.stored.into_inner().unwrap(), store.keys_read.into_inner())
}

fn is_sent(published: &[Published]) -> bool {
    !on(published, "provider-outgoing-alpha-normal").is_empty()
}

#[tokio::test]
async fn who_said_stop_before_the_attempt_began_gets_no_message_and_its_customer_is_told() {
    let stop = || vec![wish(Some("46700"), true, ACCEPTED_MS - 1)];
    let (published, _) = after(stop(), &[encoded(&from_gamma("46700"))]).await;
    assert!(!is_sent(&published));
    let told = on(&published, "customer-deliveries");
    let told: CustomerDelivery = wire::decode(&told[0].value).unwrap();
    let Delivered::Receipt(receipt) = told.what else { panic!("{told:?}") };
    assert_eq!(receipt.error, Failure::OptedOut.error());
    let events = on(&published, "message-events")[0].json();
    let last = events["events"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["happened"], &last["detail"]),
        (&"failed".into(), &"opted_out: the handset said stop".into())
    );
    // From another sender it does.
    assert!(is_sent(&after(stop(), &[encoded(&from_gamma("46701"))]).await.0));
}

#[tokio::test]
async fn a_stop_that_is_not_in_force_or_was_taken_back_refuses_nothing() {
    let values = [encoded(&from_gamma("46700"))];
    let not_yet = vec![wish(Some("46700"), true, ACCEPTED_MS)];
    let taken_back =
        vec![wish(Some("46700"), true, ACCEPTED_MS - 9), wish(None, false, ACCEPTED_MS - 5)];
    for wishes in [Vec::new(), not_yet, taken_back] {
        assert!(is_sent(&after(wishes, &values).await.0));
    }
    let from_any = vec![wish(None, true, ACCEPTED_MS - 1)];
    assert!(!is_sent(&after(from_any, &values).await.0));
}

#[tokio::test]
async fn another_attempt_counts_by_when_it_began_itself() {
    let mut again = from_gamma("46700");
    (again.attempt, again.attempt_ms) = (1, ACCEPTED_MS + 60_000);
    let stop = || vec![wish(Some("46700"), true, ACCEPTED_MS + 30_000)];
    assert!(is_sent(&after(stop(), &[encoded(&from_gamma("46700"))]).await.0));
    assert!(!is_sent(&after(stop(), &[encoded(&again)]).await.0));
}

#[tokio::test]
async fn what_the_handset_asked_for_reaches_it() {
    let message = from_gamma("46700");
    for (answer, sent) in [(true, true), (false, false)] {
        let record = wire::encode(&AnswerRef { v: V, message: &message, answer });
        let stop = vec![wish(Some("46700"), true, ACCEPTED_MS - 1)];
        assert_eq!(is_sent(&after(stop, &[record]).await.0), sent);
    }
}

#[tokio::test]
async fn only_customers_with_opt_out_words_are_looked_up_each_key_once_a_batch() {
    let values = [encoded(&message(HANDSET)), encoded(&message(HANDSET))];
    assert_eq!(after(Vec::new(), &values).await.1, 0);
    let mut values = vec![encoded(&message(HANDSET)); 3];
    values.extend(vec![encoded(&from_gamma("46700")); 5]);
    values.push(encoded(&from_gamma("46701")));
    let (published, read) = after(Vec::new(), &values).await;
    assert_eq!(read, 3, "from either sender, from any");
    assert_eq!(on(&published, "provider-outgoing-alpha-normal").len(), 9);
}

#[tokio::test]
async fn a_table_that_does_not_answer_fails_the_batch() {
    let (store, kafka) = (store(), Kafka::default());
    let handler = handler(&store, &kafka);
    handler.handle(&read(&event(&[encoded(&message(HANDSET))]))).await.unwrap();
    store.down.store(true, Ordering::Relaxed);
    let values = [encoded(&from_gamma("46700"))];
    assert!(handler.handle(&read(&event(&values))).await.is_err());
    assert!(kafka.queued.lock().unwrap().is_empty());
}
