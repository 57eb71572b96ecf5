//! Whatever happens, in any order: everything is accounted for.

use std::time::Duration;

use proptest::prelude::*;
use smpp::{
    CommandStatus as S,
    pdu::{BindMode, QueryResp},
    session::server::{Action, Event},
};

use crate::{Script, accepted, answer, common::raw, deliver};

fn any_event() -> impl Strategy<Value = Event> {
    let sequence = 0u32..6;
    let ids = prop_oneof![0u32..0x22, 0x8000_0000u32..0x8000_0022, Just(0x103), any::<u32>()];
    let body =
        prop_oneof![Just(vec![]), Just(vec![0; 17]), prop::collection::vec(any::<u8>(), 0..40),];
    prop_oneof![
        6 => (ids, sequence.clone(), body)
            .prop_map(|(id, sequence, body)| Event::Frame(raw(id.into(), sequence, &body))),
        2 => sequence.clone().prop_map(|sequence| answer(sequence, S::EsmeRok)),
        3 => any::<u64>().prop_map(deliver),
        1 => Just(accepted()),
        2 => Just(Event::Timeout),
        1 => sequence.prop_map(|sequence| Event::AnswerQuery {
            sequence, response: QueryResp::default(),
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_every_request_and_delivery_is_accounted_for_once(
        events in prop::collection::vec((any_event(), 0u64..20), 0..120),
        end in prop_oneof![Just(Event::Closed), Just(Event::BadLength)],
    ) {
        let mut script = Script::bound(BindMode::Transceiver, 0x34);
        let (mut given, mut taken, mut closed) = (0, 0, 0);
        let events = events.into_iter().chain([(end, 0)]);
        for (event, seconds) in events {
            script.now += Duration::from_secs(seconds);
            given += usize::from(matches!(event, Event::Deliver { .. }));
            let (actions, _) = script.on(event);
            for action in actions {
                match action {
                    Action::Delivered { .. }
                    | Action::Unanswered { .. }
                    | Action::NotDelivered { .. } => taken += 1,
                    Action::Close(_) => closed += 1,
                    _ => prop_assert_eq!(closed, 0, "nothing after the end"),
                }
            }
            prop_assert!(script.server.unanswered() <= 2);
            prop_assert!(script.server.deliver_room() <= 2);
        }
        prop_assert_eq!((given, closed), (taken, 1));
        prop_assert_eq!(script.server.deadline(), None);
    }
}
