//! A repeat that comes later than the slot's set of repeats reaches back.

use std::time::{Duration, Instant};

use domain::id::MessageId;
use gateway_tests::log::{self, Entry, Planted};
use gateway_tests::stack::{Stack, programs};
use wire::provider_outgoing::OutgoingMessage;

const PATIENCE: Duration = Duration::from_secs(60);
const OUTGOING: &str = "provider-outgoing-alpha-normal";
/// The set of repeats keeps a second.
const START: [&str; 3] = ["--store-in-memory", "--env", "REPEATS_S=1"];
/// Enough for each of the four slots.
const SOME: &str = "--count=100";

fn send(stack: &Stack, count: &str) {
    stack.load(["--destinations=4930", "--deadline=30", count]).unwrap();
}

fn wait_for(stack: &Stack, accepted: u64) {
    let deadline = Instant::now() + PATIENCE;
    while stack.summary().unwrap().accepted < accepted {
        assert!(Instant::now() < deadline, "{}", stack.log_of("provider-sender-1"));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn planted<'a>(like: &'a Entry, value: &'a [u8]) -> Planted<'a> {
    Planted { topic: OUTGOING, partition: like.partition, key: &like.key, value }
}

#[test]
fn a_late_repeat_is_looked_up_and_not_sent_and_what_is_only_late_is_sent() {
    let stack = Stack::start(&programs(), &START).unwrap();
    let bootstrap = stack.fact("/kafka/bootstrap").to_owned();
    send(&stack, "--count=1");
    wait_for(&stack, 1);
    let first = log::read_all(&bootstrap, OUTGOING).unwrap().remove(0);
    // Each slot's set forgets what is older than what it sends now.
    std::thread::sleep(Duration::from_millis(1_500));
    send(&stack, SOME);
    wait_for(&stack, 101);

    let mut only_late: OutgoingMessage = wire::decode(&first.value).unwrap();
    let id: MessageId = only_late.message.id.derive("only late");
    only_late.message.id = id;
    only_late.message.parts[0].id = id.into();
    let only_late = wire::encode(&only_late);
    // One partition keeps their order.
    let both = [planted(&first, &first.value), planted(&first, &only_late)];
    log::append(&bootstrap, &both).unwrap();
    wait_for(&stack, 102);
    send(&stack, SOME);
    wait_for(&stack, 202);
    assert_eq!(stack.summary().unwrap().accepted, 202, "the repeat was not sent");
    stack.stop().unwrap();
}
