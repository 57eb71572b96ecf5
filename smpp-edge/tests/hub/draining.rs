//! The mailbox: look, lease, fetch, release.

use platform::deliveries::{DELIVERY_KEPT_MS, Fetched, LeaseAnswer};
use smpp_edge::deliveries::hub::{Action, Event};
use wire::message_events::Happened;

use crate::OK;
use crate::common::{self, ACME, Script, delivery, hint, read, status};

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
    for token in tokens {
        script.handle(Event::Written(token));
    }
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
fn a_drain_that_stopped_for_want_of_places_goes_on_when_a_mark_is_written() {
    let mut script = Script::bound(1, 20);
    let lease = script.drains();
    let next = || Action::Fetch(ACME.into(), lease.number, Some("cursor".to_owned()), 4);
    let mut tokens = Vec::new();
    for first in [0, 4, 8] {
        script.fetched((first..first + 4).map(delivery), Some("cursor"));
        tokens.extend((first..first + 4).map(|n| script.handed(1, delivery(n))));
        assert_eq!(script.all(), if first < 8 { vec![next()] } else { vec![] }, "three fetches");
    }
    for token in &tokens {
        script.handle(Event::Ended(*token, OK));
        script.told(*token, Happened::Told);
        script.handle(Event::Published(*token));
        assert!(matches!(script.next(), Action::Mark(marked, ..) if marked == *token));
    }
    script.nothing();
    script.handle(Event::Written(tokens[0]));
    assert_eq!(script.all(), [next()]);
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
fn a_fetch_that_comes_after_the_bind_is_gone_changes_nothing() {
    let mut script = Script::bound(1, 1);
    let lease = script.drains();
    script.handle(Event::Unbound(1));
    assert_eq!(script.all(), [Action::Unregister(ACME.into(), 1)]);
    let fetched = Fetched { mails: vec![common::mail(delivery(1))], ..Fetched::default() };
    script.handle(Event::Fetched(ACME.into(), Some(fetched)));
    assert_eq!(script.all(), [Action::Release(lease)]);
}
