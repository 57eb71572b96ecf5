//! Parts from handsets: joined as customers' parts are, and passed on at the deadline as they are.

use assemble::handler::Event;
use assemble::held::Source;
use assemble::output::Output;
use serde_json::{Value, json};
use wire::provider_incoming::ProviderMessage;

use crate::{
    NOW_MS, World, deadlines_event, event_of, first_deadline, function, later, letters, of, part,
    topics,
};

/// A part from a handset: provider, addresses and reference as the customer's part has them.
fn handsets_part(reference: u16, index: u8) -> Value {
    let mut part = part(reference, index);
    let envelope = &part["envelope"];
    part["envelope"] = json!({
        "provider": "acme", "source": envelope["source"], "destination": envelope["destination"],
        "arrived_ms": NOW_MS, "config": 1,
    });
    part
}

fn of_handsets(parts: &[Value]) -> Event {
    let values: Vec<_> = parts.iter().map(|part| part.to_string().into_bytes()).collect();
    event_of(Source::Handsets, &values)
}

fn passed_on(world: &World) -> Vec<ProviderMessage> {
    let outputs = world.outputs.borrow();
    let message = |output: &Output| match output {
        Output::Handset(message) => Some(message.clone()),
        _ => None,
    };
    outputs.iter().filter_map(message).collect()
}

#[tokio::test]
async fn a_handsets_parts_become_a_message_over_batches() {
    let (handler, world) = function();
    handler.handle(of_handsets(&[handsets_part(1, 2)])).await.unwrap();
    handler.handle(of_handsets(&[handsets_part(1, 1)])).await.unwrap();
    let order = ["read", "schedule", "write", "read", "publish", "write"];
    assert_eq!(*world.happened.borrow(), order);
    assert_eq!(topics(&world), ["provider-incoming-messages"]);
    let [message] = passed_on(&world).try_into().unwrap();
    let octets: Vec<_> = message.parts.iter().map(|part| part.octets.0.clone()).collect();
    assert_eq!(octets, [[1], [2]]);
    assert_eq!(message.id, message.parts[0].id.into());
    assert_eq!(message.incomplete_of, None);
}

#[tokio::test]
async fn a_customers_part_and_a_handsets_never_meet() {
    let (handler, world) = function();
    let mut other = handsets_part(1, 2);
    other["part"]["id"] = json!("0199c000-0000-7000-8000-000000000999");
    handler.handle(of(&[part(1, 1)])).await.unwrap();
    handler.handle(of_handsets(&[other])).await.unwrap();
    assert!(world.outputs.borrow().is_empty());
    let delays = world.delays.borrow().clone();
    assert_ne!(delays[0].0.key, delays[1].0.key);
    // Each is asked for on its own topic.
    let bodies: Vec<_> = delays
        .iter()
        .map(|(deadline, _)| String::from_utf8(wire::encode(deadline)).unwrap())
        .collect();
    later(handler).handle(deadlines_event(&bodies)).await.unwrap();
    assert_eq!(*world.asked.borrow(), [Source::Customers, Source::Handsets]);
}

#[tokio::test]
async fn what_came_of_a_handsets_message_is_passed_on_once_under_one_id() {
    for (index, begins) in [(1, true), (2, false)] {
        let (handler, world) = function();
        handler.handle(of_handsets(&[handsets_part(1, index)])).await.unwrap();
        world.happened.borrow_mut().clear();
        let body = first_deadline(&world);
        let handler = later(handler);
        // The first run dies after it has published; the second tells again.
        *world.failing.borrow_mut() = Some("publish");
        handler.handle(deadlines_event(std::slice::from_ref(&body))).await.unwrap();
        *world.failing.borrow_mut() = None;
        handler.handle(deadlines_event(std::slice::from_ref(&body))).await.unwrap();
        handler.handle(deadlines_event(&[body])).await.unwrap();
        assert_eq!(topics(&world), ["provider-incoming-messages"], "no receipt, no event");
        let [message] = passed_on(&world).try_into().unwrap();
        assert_eq!((message.incomplete_of, message.parts.len()), (Some(2), 1));
        assert_eq!(message.begins(), begins);
        assert_eq!(message.envelope.arrived_ms, NOW_MS);
    }
}

#[tokio::test]
async fn a_customers_part_on_the_handsets_topic_is_a_dead_letter() {
    let (handler, world) = function();
    handler.handle(of_handsets(&[part(1, 1)])).await.unwrap();
    handler.handle(of(&[handsets_part(1, 1)])).await.unwrap();
    let reason = "not a record of this topic".to_owned();
    assert_eq!(letters(&world), [(0, reason.clone()), (0, reason)]);
}
