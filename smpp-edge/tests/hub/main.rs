//! What a node does with deliveries, as scripts: events, and the actions that follow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod draining;

use common::{ACME, Script, delivery, read, status};
use smpp_edge::deliveries::hub::{Action, Answer, Event, Hub, Settings};
use wire::customer_deliveries::CustomerDelivery;
use wire::message_events::Happened;

const OK: Answer = Answer::Status(smpp::CommandStatus::EsmeRok);

#[test]
fn a_delivery_goes_to_the_bind_is_told_and_then_its_offset_is_committed() {
    let mut script = Script::bound(1, 10);
    script.handle(read(0, 5, delivery(1)));
    let token = script.handed(1, delivery(1));
    script.handle(Event::Ended(token, OK));
    script.told(token, Happened::Told);
    script.nothing();
    script.handle(Event::Published(token));
    assert_eq!(script.all(), [Action::Commit(0, 6)]);
    assert!(script.hub.is_quiet());
}

#[test]
fn binds_take_turns_within_their_windows_and_the_rest_waits() {
    let mut script = Script::bound(1, 2);
    script.bind(2, 1);
    for n in 1..=5 {
        script.handle(read(0, i64::from(n), delivery(n)));
    }
    let first = script.handed(1, delivery(1));
    let second = script.handed(2, delivery(2));
    script.handed(1, delivery(3));
    script.nothing();
    script.handle(Event::Ended(second, OK));
    script.told(second, Happened::Told);
    script.handed(2, delivery(4));
    script.handle(Event::Ended(first, OK));
    script.told(first, Happened::Told);
    script.handed(1, delivery(5));
}

#[test]
fn a_copy_waits_for_the_first_ones_answer_and_later_copies_are_passed_over() {
    let mut script = Script::bound(1, 10);
    script.handle(read(0, 1, delivery(1)));
    let token = script.handed(1, delivery(1));
    script.handle(read(1, 8, delivery(1)));
    script.nothing();
    script.handle(Event::Ended(token, OK));
    script.told(token, Happened::Told);
    script.handle(Event::Published(token));
    assert_eq!(script.all(), [Action::Commit(0, 2), Action::Commit(1, 9)]);
    script.handle(read(0, 2, delivery(1)));
    assert_eq!(script.all(), [Action::Commit(0, 3)]);
}

#[test]
fn a_status_that_means_later_is_tried_again_and_then_waits_in_the_mailbox() {
    let mut script = Script::bound(1, 10);
    script.handle(read(0, 1, delivery(1)));
    for pause_ms in [1_000, 4_000] {
        let token = script.handed(1, delivery(1));
        script.handle(Event::Ended(token, status(0x14)));
        script.nothing();
        script.wait(pause_ms - 1);
        script.nothing();
        script.wait(1);
    }
    let token = script.handed(1, delivery(1));
    script.handle(Event::Ended(token, status(0x58)));
    let parked = script.parked(token, delivery(1));
    assert_eq!(parked.not_before_ms, script.now_ms + 30_000);
    script.handle(Event::Written(token));
    let all = script.all();
    assert!(matches!(&all[0], Action::Mention(_, Happened::Parked)), "{all:?}");
    assert!(all.contains(&Action::Commit(0, 2)), "{all:?}");
    assert!(all.contains(&Action::Look(ACME.into())), "the queue is empty: {all:?}");
}

#[test]
fn another_status_is_final() {
    let mut script = Script::bound(1, 10);
    script.handle(read(0, 1, delivery(1)));
    let token = script.handed(1, delivery(1));
    script.handle(Event::Ended(token, status(0x0b)));
    script.told(token, Happened::NotTaken);
    script.handle(Event::Published(token));
    assert_eq!(script.all(), [Action::Commit(0, 2)]);
}

#[test]
fn what_a_lost_bind_did_not_answer_goes_to_another_bind_first() {
    let mut script = Script::bound(1, 2);
    for n in 1..=3 {
        script.handle(read(0, i64::from(n), delivery(n)));
    }
    script.handed(1, delivery(1));
    script.handed(1, delivery(2));
    script.bind(2, 3);
    script.handed(2, delivery(3));
    script.handle(Event::Unbound(1));
    assert_eq!(script.next(), Action::Unregister(ACME.into(), 1));
    script.handed(2, delivery(1));
    script.handed(2, delivery(2));
    script.nothing();
}

#[test]
fn without_a_bind_a_delivery_is_given_back_after_a_pause_that_grows_with_its_hops() {
    let mut script = Script::new();
    let mut again = delivery(1);
    again.hops = 2;
    script.handle(read(0, 1, again.clone()));
    script.nothing();
    script.wait(399);
    script.nothing();
    script.wait(1);
    let Action::GiveBack(token, given) = script.next() else { panic!() };
    again.hops = 3;
    assert_eq!(*given, again);
    script.handle(Event::Published(token));
    assert_eq!(script.all(), [Action::Commit(0, 2)]);
}

#[test]
fn what_comes_round_before_its_giving_back_is_confirmed_does_not_end_with_it() {
    let mut script = Script::new();
    script.handle(read(0, 1, delivery(1)));
    script.wait(100);
    let Action::GiveBack(token, given) = script.next() else { panic!("it is given back") };
    // Dispatch still thought that the customer was here, and was faster than Kafka's word to us.
    script.handle(read(1, 5, (*given).clone()));
    assert_eq!(script.all(), [Action::Commit(0, 2)]);
    script.handle(Event::Published(token));
    script.nothing();
    script.bind(1, 10);
    script.wait(200);
    script.handed(1, (*given).clone());
}

#[test]
fn a_customer_that_binds_during_the_pause_gets_it_here() {
    let mut script = Script::new();
    script.handle(read(0, 1, delivery(1)));
    script.bind(1, 1);
    script.wait(100);
    script.handed(1, delivery(1));
}

#[test]
fn a_full_queue_parks_and_holds_up_nobody_else() {
    let mut script = Script::bound(1, 1);
    script.handle(read(0, 0, delivery(0)));
    script.handed(1, delivery(0));
    for n in 1..=Script::QUEUE {
        script.handle(read(0, n.into(), delivery(n)));
    }
    script.nothing();
    let over = Script::QUEUE + 1;
    script.handle(read(0, over.into(), delivery(over)));
    let Action::Park(token, parked) = script.next() else { panic!() };
    assert_eq!((parked.delivery, parked.not_before_ms), (delivery(over), 0));
    script.handle(Event::Written(token));
    assert!(matches!(script.next(), Action::Mention(..)));
    script.nothing();
    // Another customer's goes its way meanwhile.
    script.bind_of("beta", 9, 1);
    let mut other = delivery(100);
    other.customer = "beta".into();
    script.handle(read(1, 0, other.clone()));
    script.handed(9, other);
}

#[test]
fn a_burst_is_queued_in_half_of_the_room_that_is_left_and_only_what_is_more_is_parked() {
    let mut script = Script::bound(1, 1);
    script.hub = Hub::new(Settings { load_max: 60, queue_least: 2, ..Settings::default() });
    script.handle(Event::Assigned(0));
    script.bind(1, 1);
    for n in 0..=20 {
        script.handle(read(0, n.into(), delivery(n)));
    }
    script.handed(1, delivery(0));
    script.nothing();
    script.handle(read(0, 21, delivery(21)));
    assert!(matches!(script.next(), Action::Park(..)));
    // What a full node has left for the next customer.
    for n in 22..=60 {
        script.handle(read(0, n.into(), delivery(n)));
        assert!(matches!(script.next(), Action::Park(..)));
    }
    assert!(script.hub.is_full());
    script.bind_of("beta", 9, 1);
    for n in 61..=63 {
        script.handle(read(
            0,
            n.into(),
            CustomerDelivery { customer: "beta".into(), ..delivery(n) },
        ));
    }
    assert!(matches!(script.next(), Action::Hand(9, ..)));
    script.nothing();
}

#[test]
fn a_closing_bind_gets_nothing_more_and_still_answers() {
    let mut script = Script::bound(1, 1);
    script.handle(read(0, 1, delivery(1)));
    script.handle(read(0, 2, delivery(2)));
    let token = script.handed(1, delivery(1));
    script.handle(Event::Closing(1));
    assert_eq!(script.next(), Action::Unregister(ACME.into(), 1));
    script.handle(Event::Ended(token, OK));
    script.told(token, Happened::Told);
    script.handle(Event::Published(token));
    assert_eq!(script.all(), [Action::Commit(0, 2)]);
    script.handle(Event::Unbound(1));
    script.wait(100);
    let Action::GiveBack(..) = script.next() else { panic!() };
}

#[test]
fn a_revoked_partition_drops_what_waits_and_leaves_with_what_was_answered() {
    let mut script = Script::bound(1, 2);
    for n in 1..=3 {
        script.handle(read(0, i64::from(n), delivery(n)));
    }
    let first = script.handed(1, delivery(1));
    let second = script.handed(1, delivery(2));
    script.handle(Event::Revoked(0));
    script.nothing();
    script.handle(read(0, 4, delivery(4)));
    script.nothing();
    for token in [first, second] {
        script.handle(Event::Ended(token, OK));
        script.told(token, Happened::Told);
    }
    for token in [first, second] {
        script.handle(Event::Published(token));
    }
    let surrendered = script.all();
    assert_eq!(
        surrendered,
        [Action::Commit(0, 2), Action::Commit(0, 3), Action::Surrender(0, Some(3))]
    );
    // Come back, it is read again; what was answered is known.
    script.handle(Event::Assigned(0));
    script.handle(read(0, 2, delivery(2)));
    assert_eq!(script.all(), [Action::Commit(0, 3)]);
}

#[test]
fn a_partition_leaves_without_an_answer_when_its_time_is_over() {
    let mut script = Script::bound(1, 2);
    script.handle(read(0, 1, delivery(1)));
    let token = script.handed(1, delivery(1));
    script.handle(Event::Revoked(0));
    script.wait(3_000);
    assert_eq!(script.all(), [Action::Surrender(0, None)]);
    script.handle(Event::Ended(token, OK));
    script.told(token, Happened::Told);
    script.handle(Event::Published(token));
    script.nothing();
}

#[test]
fn taking_leave_gives_back_what_waits_and_waits_for_what_is_out() {
    let mut script = Script::bound(1, 1);
    script.handle(read(0, 1, delivery(1)));
    script.handle(read(0, 2, delivery(2)));
    let first = script.handed(1, delivery(1));
    script.handle(Event::Stop);
    let Action::GiveBack(second, _) = script.next() else { panic!() };
    script.handle(Event::Published(second));
    script.handle(Event::Ended(first, OK));
    script.told(first, Happened::Told);
    script.handle(Event::Published(first));
    assert_eq!(script.all(), [Action::Commit(0, 3)]);
    assert!(script.hub.is_quiet());
}

#[test]
fn a_bind_that_says_nothing_for_too_long_is_taken_for_dead() {
    let mut script = Script::bound(1, 1);
    script.handle(read(0, 1, delivery(1)));
    script.handed(1, delivery(1));
    script.idle_looks(90_000);
    assert_eq!(script.next(), Action::Forsake(1));
    assert_eq!(script.next(), Action::Unregister(ACME.into(), 1));
    script.wait(100);
    let Action::GiveBack(..) = script.next() else { panic!() };
}

#[test]
fn poison_is_buried_before_its_offset_is_passed() {
    let mut script = Script::bound(1, 1);
    script.handle(Event::Read { partition: 0, offset: 3, record: None });
    let Action::Bury(place) = script.next() else { panic!() };
    script.nothing();
    script.handle(Event::Buried(place));
    assert_eq!(script.all(), [Action::Commit(0, 4)]);
}
