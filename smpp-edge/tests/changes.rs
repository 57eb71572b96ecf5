//! `cancel_sm` and `replace_sm`: whose message is looked for, and what is answered.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::address::Address;
use domain::id::PartId;
use scheduling::change::{Change, Changed};
use smpp::CommandStatus;
use smpp::pdu::{self, Cancel, Replace};
use smpp_edge::changes::{Asked, Request, status};

const HOUR_MS: u64 = 3_600_000;
const NOW_MS: u64 = 1_795_259_109_500;
const MAX_MS: u64 = 72 * HOUR_MS;

fn address(number: &str) -> pdu::Address {
    pdu::Address { addr: number.into(), ..pdu::Address::default() }
}

fn id() -> PartId {
    let source = Address { ton: 1, npi: 1, number: "4477".into() };
    PartId::new(NOW_MS, [3; 10]).scheduled(&"acme".into(), &source)
}

fn cancel(id: &str, source: &str) -> Request {
    let (message_id, source) = (id.into(), address(source));
    Request::Cancel(Cancel { message_id, source, ..Cancel::default() })
}

fn refused(customer: &str, request: Request) -> Option<CommandStatus> {
    request.read(&customer.into(), NOW_MS, MAX_MS).err()
}

#[test]
fn only_the_customers_own_scheduled_message_from_that_sender_is_looked_for() {
    let (id, fail) = (id(), Some(CommandStatus::EsmeRcancelfail));
    let text = id.to_string();
    assert_eq!(refused("acme", cancel(&text, "4477")), None);
    assert_eq!(refused("acme", cancel(&text, "+4477")), None);
    assert_eq!(refused("beta", cancel(&text, "4477")), fail, "another's");
    assert_eq!(refused("acme", cancel(&text, "4478")), fail, "another sender");
    assert_eq!(refused("acme", cancel(&text, "")), fail, "no sender");
    assert_eq!(refused("acme", cancel("", "4477")), fail, "all of a sender");
    let at_once = PartId::new(NOW_MS, [3; 10]).at_once().to_string();
    assert_eq!(refused("acme", cancel(&at_once, "4477")), fail, "not scheduled");
}

#[test]
fn a_replaces_times_are_read_as_a_submits() {
    let with = |change: fn(&mut Replace)| {
        let (message_id, source) = (id().to_string().into(), address("4477"));
        let mut replace = Replace { message_id, source, ..Replace::default() };
        change(&mut replace);
        Request::Replace(replace).read(&"acme".into(), NOW_MS, MAX_MS)
    };
    assert!(with(|_| ()).is_ok());
    type Spoil = fn(&mut Replace);
    let wrong: [(Spoil, CommandStatus); 4] = [
        (|it| it.schedule = "000100000001000R".into(), CommandStatus::EsmeRinvsched),
        (|it| it.schedule = "tomorrow".into(), CommandStatus::EsmeRinvsched),
        (|it| it.validity = "tomorrow".into(), CommandStatus::EsmeRinvexpiry),
        (|it| it.default_msg_id = 1, CommandStatus::EsmeRinvdftmsgid),
    ];
    for (change, status) in wrong {
        assert_eq!(with(change).err(), Some(status));
    }
    let Ok(Asked { change: Change::Replace(read), .. }) =
        with(|it| it.schedule = "000000001000000R".into())
    else {
        panic!("not a replace")
    };
    assert_eq!(read.time_ms, Some(NOW_MS + 600_000));
}

#[test]
fn answers_say_what_came_of_it() {
    let fail = CommandStatus::EsmeRreplacefail;
    assert_eq!(status(Changed::Done, fail), CommandStatus::EsmeRok);
    assert_eq!(status(Changed::NotValid, fail), CommandStatus::EsmeRinvexpiry);
    for other in [Changed::TooLate, Changed::NotThere, Changed::Another, Changed::Impossible] {
        assert_eq!(status(other, fail), fail);
    }
}
