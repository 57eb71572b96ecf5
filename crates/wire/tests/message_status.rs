//! What became of a message, from its events: in any order, repeated, and with some still missing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::borrow::Cow;

use domain::id::{CustomerId, MessageId, PartId, ProviderId};
use domain::receipts::MessageState;
use proptest::prelude::*;
use wire::message_events::Happened::{self, *};
use wire::message_events::{MessageEvent, PartIds};
use wire::message_status::{Status, merged, standing};

fn message() -> MessageId {
    MessageId::new(1_000, [1; 10])
}

fn part(n: u8) -> PartId {
    PartId::new(1_000, [n; 10])
}

fn event(happened: Happened, attempt: u32, at_ms: u64) -> MessageEvent<'static> {
    let name = format!("{happened:?}");
    let (id, customer) = (message().event(&name, attempt), CustomerId::from("acme"));
    let provider = match happened {
        Routed | Submitted | Rejected | Progress | Delivered | Undelivered | Retried => {
            Some(Cow::Owned(ProviderId(format!("p{attempt}"))))
        }
        _ => None,
    };
    MessageEvent {
        attempt,
        provider,
        ..MessageEvent::new(id, message(), Cow::Owned(customer), happened, "test", at_ms)
    }
}

fn of_part(n: u8, happened: Happened, attempt: u32, at_ms: u64) -> MessageEvent<'static> {
    let id = message().event(&format!("{happened:?} {n}"), attempt);
    MessageEvent { id, part: Some(part(n)), ..event(happened, attempt, at_ms) }
}

fn accepted(parts: &[u8]) -> MessageEvent<'static> {
    let ids = |n: &u8| PartIds { id: part(*n), aliases: vec![part(n + 100)] };
    MessageEvent { parts: parts.iter().map(ids).collect(), ..event(Accepted, 0, 1) }
}

#[test]
fn a_message_of_one_part_goes_its_way() {
    let table: [(&[(Happened, u32)], Status); 18] = [
        (&[], Status::Unknown),
        (&[(Told, 0)], Status::Unknown),
        (&[(Doubt, 0)], Status::Doubtful),
        (&[(Doubt, 0), (Accepted, 0)], Status::Accepted),
        (&[(Accepted, 0), (Scheduled, 0), (Replaced, 0)], Status::Scheduled),
        (&[(Accepted, 0), (Scheduled, 0), (Cancelled, 0)], Status::Cancelled),
        (&[(Accepted, 0), (Routed, 0)], Status::Routed),
        (&[(Accepted, 0), (Failed, 0), (Told, 0)], Status::Failed),
        (&[(Accepted, 0), (Routed, 0), (Rejected, 0)], Status::Waiting),
        (&[(Routed, 0), (Rejected, 0), (Retried, 1)], Status::Waiting),
        (&[(Routed, 0), (Rejected, 0), (Retried, 1), (Routed, 1)], Status::Routed),
        (&[(Routed, 0), (Rejected, 0), (Retried, 1), (Failed, 1)], Status::Failed),
        (&[(Routed, 0), (Rejected, 0), (Failed, 0)], Status::Failed),
        (&[(Routed, 0), (Submitted, 0), (Progress, 0)], Status::Enroute),
        (&[(Routed, 0), (Submitted, 0), (Delivered, 0), (Told, 0)], Status::Delivered),
        (&[(Submitted, 0), (Undelivered, 0), (Retried, 1), (Routed, 1)], Status::Routed),
        (&[(Submitted, 0), (Undelivered, 0), (Routed, 1), (Undelivered, 1)], Status::Undelivered),
        // The provider's second thought, or its restarted counter: the handset has it.
        (&[(Delivered, 0), (Routed, 1), (Undelivered, 1)], Status::Delivered),
    ];
    for (happened, expected) in table {
        let events: Vec<_> = (1..).zip(happened).map(|(at, (it, n))| event(*it, *n, at)).collect();
        assert_eq!(standing(message(), &merged(events)).status, expected, "{happened:?}");
    }
}

#[test]
fn each_part_stands_for_itself_and_the_message_where_the_least_advanced_one_is() {
    let mut events = vec![accepted(&[1, 2]), event(Routed, 0, 2)];
    let status = |events: &[MessageEvent<'_>]| standing(message(), events).status;
    events.push(of_part(1, Submitted, 0, 3));
    assert_eq!(status(&events), Status::Routed);
    events.push(of_part(102, Submitted, 0, 3));
    assert_eq!(status(&events), Status::Submitted);
    events.push(of_part(2, Delivered, 0, 4));
    assert_eq!(status(&events), Status::Submitted);
    let undelivered = MessageEvent {
        state: Some(MessageState::Expired),
        error: Cow::Borrowed("027"),
        provider_message_id: Cow::Borrowed("7F"),
        ..of_part(1, Undelivered, 0, 5)
    };
    events.push(undelivered);
    let now = standing(message(), &events);
    assert_eq!((now.status, now.since_ms), (Status::Undelivered, 5));
    let first = now.of(part(101)).unwrap();
    assert_eq!((first.state, first.error.as_str()), (MessageState::Expired, "027"));
    assert_eq!(first.provider_message_id, "7F");
    assert_eq!(first.provider, Some(ProviderId::from("p0")));
    assert_eq!(now.of(part(2)).unwrap().status, Status::Delivered);
}

#[test]
fn what_failed_as_a_whole_failed_only_in_the_parts_that_no_provider_accepted() {
    let events = [
        accepted(&[1, 2]),
        event(Routed, 0, 2),
        of_part(1, Submitted, 0, 3),
        of_part(2, Rejected, 0, 3),
        event(Failed, 0, 4),
    ];
    let now = standing(message(), &events);
    let of = |n| now.of(part(n)).unwrap().status;
    assert_eq!((now.status, of(1), of(2)), (Status::Submitted, Status::Submitted, Status::Failed));
}

#[test]
fn a_message_that_we_cut_is_known_to_its_customer_by_one_id() {
    let cut = |n: &u8| PartIds { id: part(*n), aliases: Vec::new() };
    let parts = [1, 2, 3].iter().map(cut).collect();
    let routed = MessageEvent { parts, ..event(Routed, 0, 2) };
    let delivered = [1, 2].map(|n| of_part(n, Delivered, 0, 3));
    let mut events = vec![accepted(&[]), routed];
    events.extend(delivered);
    let now = standing(message(), &events);
    assert_eq!((now.status, now.parts.len(), now.cut_here), (Status::Routed, 3, true));
    assert_eq!(now.of(part(1)).unwrap().ids.id, part(3), "not the part that has the message's id");
}

#[test]
fn a_handsets_message_ends_where_the_customer_has_it() {
    let mut events = vec![event(Received, 0, 1)];
    let status = |events: &[MessageEvent<'_>]| standing(message(), events).status;
    assert_eq!(status(&events), Status::Received);
    events.push(event(Parked, 0, 2));
    assert_eq!(status(&events), Status::Parked);
    events.push(event(Told, 0, 3));
    assert_eq!(status(&events), Status::Told);
}

#[test]
fn of_two_runs_of_one_program_the_earlier_one_counts() {
    let (early, late) = (event(Routed, 0, 5), event(Routed, 0, 9));
    for events in [[early.clone(), late.clone()], [late, early.clone()]] {
        assert_eq!(merged(events), std::slice::from_ref(&early));
    }
}

fn any_event() -> impl Strategy<Value = MessageEvent<'static>> {
    let happened = prop::sample::select(vec![
        Accepted,
        Assembled,
        Routed,
        Failed,
        Submitted,
        Rejected,
        Doubt,
        Scheduled,
        Cancelled,
        Replaced,
        Progress,
        Delivered,
        Undelivered,
        Retried,
        Told,
        Parked,
        Received,
        Incomplete,
    ]);
    (happened, 0..3_u32, 0..4_u64, prop::option::of(1..4_u8), any::<bool>()).prop_map(
        |(happened, attempt, at_ms, n, cut)| match (happened, n) {
            (Accepted, _) => MessageEvent { at_ms, ..accepted(&[1, 2]) },
            (Routed, _) if cut => MessageEvent {
                parts: vec![PartIds { id: part(3), aliases: Vec::new() }],
                ..event(Routed, attempt, at_ms)
            },
            (_, Some(n)) => of_part(n, happened, attempt, at_ms),
            _ => event(happened, attempt, at_ms),
        },
    )
}

proptest! {
    #[test]
    fn neither_the_order_nor_repeats_nor_how_often_it_was_merged_change_anything(
        events in prop::collection::vec(any_event(), 0..12),
        order in any::<prop::sample::Index>(),
        split in any::<prop::sample::Index>(),
    ) {
        let once = merged(events.clone());
        let mut turned = events.clone();
        if !turned.is_empty() {
            turned.rotate_left(order.index(events.len()));
            turned.reverse();
        }
        turned.extend(events.clone());
        prop_assert_eq!(&merged(turned), &once);
        let (one, other) = events.split_at(split.index(events.len() + 1));
        let halves = merged(merged(one.to_vec()).into_iter().chain(merged(other.to_vec())));
        prop_assert_eq!(&halves, &once);
        let now = standing(message(), &once);
        let shuffled: Vec<_> = once.iter().rev().cloned().collect();
        prop_assert_eq!(&standing(message(), &shuffled), &now);
        prop_assert!(!now.parts.is_empty());
        prop_assert!(now.parts.iter().any(|part| part.status == now.status));
        let delivered = once.iter().any(|it| it.happened == Delivered && it.part.is_none());
        let received = once.iter().any(|it| it.happened == Received);
        prop_assert!(!delivered || received || now.status == Status::Delivered);
    }
}
