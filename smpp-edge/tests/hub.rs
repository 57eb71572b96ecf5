//! What a node does with deliveries, as scripts: events, and the actions that follow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{ACME, Script, delivery, hint, read, status};
use platform::deliveries::{DELIVERY_KEPT_MS, Fetched, LeaseAnswer};
use smpp_edge::deliveries::hub::{Action, Answer, Event};
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
    assert_eq!(script.next(), Action::Unregister(ACME.into(), 1));
    script.wait(100);
    let Action::GiveBack(..) = script.next() else { panic!() };
}

#[test]
fn a_mailbox_is_looked_into_once_the_bind_is_known_and_drained_under_a_lease() {
    let mut script = Script::bound(1, 10);
    let lease = script.drains();
    script.fetched([delivery(1), delivery(2)], None);
    let tokens = [1, 2].map(|n| script.handed(1, delivery(n)));
    for token in tokens {
        script.handle(Event::Ended(token, OK));
        script.told(token, Happened::Told);
        script.handle(Event::Published(token));
        assert!(matches!(script.next(), Action::Mark(marked, ..) if marked == token));
    }
    script.nothing();
    tokens.map(|token| script.handle(Event::Written(token)));
    assert_eq!(script.all(), [Action::Release(lease)]);
    script.handle(Event::Released(ACME.into()));
    script.nothing();
}

#[test]
fn a_drain_fetches_on_where_it_stopped_while_there_is_room() {
    let mut script = Script::bound(1, 1);
    let lease = script.drains();
    script.fetched((0..3).map(delivery), Some("cursor"));
    let token = script.handed(1, delivery(0));
    script.nothing();
    script.handle(Event::Ended(token, OK));
    script.told(token, Happened::Told);
    script.handed(1, delivery(1));
    let after = Some("cursor".to_owned());
    assert_eq!(script.all(), [Action::Fetch(ACME.into(), lease.number, after, 4)]);
}

#[test]
fn a_hint_during_a_drain_is_kept_and_looked_after_at_its_end() {
    let mut script = Script::bound(1, 10);
    let lease = script.drains();
    script.handle(hint(0, 1));
    assert_eq!(script.all(), [Action::Commit(0, 2)]);
    script.fetched([], None);
    assert_eq!(script.next(), Action::Release(lease));
    script.handle(Event::Released(ACME.into()));
    assert_eq!(script.all(), [Action::Look(ACME.into())]);
}

#[test]
fn a_lease_that_somebody_holds_is_asked_for_again() {
    let mut script = Script::bound(1, 10);
    script.handle(Event::Registered(1));
    assert_eq!(script.next(), Action::Look(ACME.into()));
    script.handle(Event::Looked(ACME.into(), Some(true)));
    assert_eq!(script.next(), Action::Lease(ACME.into()));
    let until_ms = script.now_ms + 1_500;
    script.handle(Event::Leased(ACME.into(), Some(LeaseAnswer::Held { until_ms })));
    script.nothing();
    script.wait(3_500);
    assert_eq!(script.all(), [Action::Look(ACME.into())]);
}

#[test]
fn the_timer_looks_every_30_s_and_often_where_no_hint_arrives() {
    let mut script = Script::bound(1, 10);
    script.wait(24_999);
    script.nothing();
    script.wait(5_001);
    assert_eq!(script.all(), [Action::Look(ACME.into())]);

    let mut deaf = Script::without_partitions();
    deaf.bind(1, 1);
    deaf.wait(2_000);
    assert_eq!(deaf.all(), [Action::Look(ACME.into())]);
}

#[test]
fn an_item_that_the_customer_puts_off_waits_longer_each_time() {
    let mut script = Script::bound(1, 10);
    let lease = script.drains();
    script.fetched([delivery(1)], None);
    let token = script.handed(1, delivery(1));
    script.handle(Event::Ended(token, status(0x64)));
    let Action::PutOff(of, put_off) = script.next() else { panic!() };
    assert_eq!((of, put_off.lease, put_off.tries), (token, lease.number, 1));
    assert_eq!(put_off.not_before_ms, script.now_ms + 60_000);
    script.handle(Event::Written(token));
    assert_eq!(script.all(), [Action::Release(lease)]);
}

#[test]
fn without_enough_of_the_lease_nothing_more_is_sent_and_without_it_nothing_is_released() {
    let mut script = Script::bound(1, 1);
    let lease = script.drains();
    script.fetched([delivery(1), delivery(2)], None);
    let token = script.handed(1, delivery(1));
    script.wait(25_000);
    assert_eq!(script.next(), Action::Renew(lease));
    script.handle(Event::Renewed(ACME.into(), Some(None)));
    script.handle(Event::Ended(token, OK));
    script.told(token, Happened::Told);
    script.handle(Event::Published(token));
    assert!(matches!(script.next(), Action::Mark(..)), "what was answered is marked all the same");
    script.handle(Event::Written(token));
    script.nothing();
    assert!(script.hub.is_quiet());
}

#[test]
fn an_item_that_is_on_its_way_by_a_record_is_not_sent_twice_and_is_marked() {
    let mut script = Script::bound(1, 10);
    script.handle(read(0, 1, delivery(1)));
    let token = script.handed(1, delivery(1));
    script.drains();
    script.fetched([delivery(1)], None);
    script.nothing();
    script.handle(Event::Ended(token, OK));
    script.told(token, Happened::Told);
    script.handle(Event::Published(token));
    assert!(matches!(script.next(), Action::Mark(..)));
    script.handle(Event::Written(token));
    assert!(script.all().contains(&Action::Commit(0, 2)));
}

#[test]
fn an_item_older_than_72_hours_is_not_sent() {
    let mut script = Script::bound(1, 10);
    script.drains();
    let mut old = delivery(1);
    old.at_ms = script.now_ms - DELIVERY_KEPT_MS;
    script.fetched([old], None);
    let Action::Tell(token, _, Happened::NotFetched, _) = script.next() else { panic!() };
    script.handle(Event::Published(token));
    assert!(matches!(script.next(), Action::Mark(..)));
}

#[test]
fn a_table_that_does_not_answer_is_asked_again_soon() {
    let mut script = Script::bound(1, 10);
    script.handle(Event::Registered(1));
    assert_eq!(script.all(), [Action::Look(ACME.into())]);
    script.handle(Event::Looked(ACME.into(), None));
    script.nothing();
    script.wait(1_000);
    assert_eq!(script.all(), [Action::Look(ACME.into())]);
    script.handle(Event::Looked(ACME.into(), Some(true)));
    assert_eq!(script.all(), [Action::Lease(ACME.into())]);
    script.handle(Event::Leased(ACME.into(), None));
    script.wait(1_000);
    assert_eq!(script.all(), [Action::Look(ACME.into())]);
}

#[test]
fn items_of_a_drain_whose_binds_are_gone_stay_in_the_mailbox() {
    let mut script = Script::bound(1, 1);
    let lease = script.drains();
    script.fetched([delivery(1), delivery(2)], None);
    script.handed(1, delivery(1));
    script.handle(Event::Unbound(1));
    let all = script.all();
    assert_eq!(all, [Action::Unregister(ACME.into(), 1), Action::Release(lease)]);
    script.handle(Event::Released(ACME.into()));
    assert!(script.hub.is_quiet());
    script.nothing();
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

#[test]
fn a_fetch_that_comes_after_the_bind_is_gone_changes_nothing() {
    let mut script = Script::bound(1, 1);
    let lease = script.drains();
    script.handle(Event::Unbound(1));
    assert_eq!(script.all(), [Action::Unregister(ACME.into(), 1)]);
    let fetched = Fetched { mails: vec![common::mail(delivery(1))], ..Fetched::default() };
    script.handle(Event::Fetched(ACME.into(), Some(fetched)));
    assert_eq!(script.all(), [Action::Release(lease)]);
}
