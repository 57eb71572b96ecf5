//! What a handset is answered that wrote an opt-out word: a message of the gateway's own, from the
//! number it wrote to. It goes the way of every message of the customer whom the wish concerns.

use domain::config::Wish;
use domain::id::CustomerId;
use domain::message::{Envelope, Message, Part, Priority};
use domain::octets::Octets;
use platform::function::Output;
use smpp::coding::Coding;
use wire::V;
use wire::customer_incoming::AnswerRef;
use wire::provider_incoming::ProviderMessage;
use wire::topics::CUSTOMER_INCOMING_MESSAGES;

/// An answer that comes later than this says nothing any more.
const VALID_MS: u64 = 24 * 3_600 * 1000;

/// The record that carries `text` to the handset that wrote `to`.
///
/// That a handset said STOP does not hold back what it asks for afterwards: the answer to START and
/// to HELP. The answer to STOP is sent once, since the wish is not in force yet when it is; a second
/// STOP is not answered, and two machines that answer each other with it fall silent.
#[must_use]
pub fn answer(to: &ProviderMessage, customer: &CustomerId, wish: Wish, text: &str) -> Output {
    let message = message(to, customer, text);
    let record = AnswerRef { v: V, message: &message, answer: wish != Wish::Stop };
    let value = wire::encode(&record);
    Output { topic: CUSTOMER_INCOMING_MESSAGES.into(), partition: None, key: String::new(), value }
}

fn message(to: &ProviderMessage, customer: &CustomerId, text: &str) -> Message {
    let id = to.id.derive("answer");
    let (coding, octets) = encoded(text);
    let from = &to.envelope;
    let envelope = Envelope {
        customer: customer.clone(),
        source: from.destination.clone(),
        destination: from.source.clone(),
        service: String::new(),
        pid: 0,
        esm: 0,
        coding,
        priority: Priority::Normal,
        accepted_ms: from.arrived_ms,
        valid_until_ms: from.arrived_ms.saturating_add(VALID_MS),
        schedule_ms: None,
        config: from.config,
    };
    let part = Part {
        id: id.into(),
        aliases: Vec::new(),
        octets: Octets(octets),
        udh: Octets::default(),
        receipt: 0,
    };
    Message {
        id,
        envelope,
        split: None,
        parts: vec![part],
        attempt: 0,
        attempt_ms: from.arrived_ms,
        tried: Vec::new(),
    }
}

/// In the alphabet in which most fits into a part.
fn encoded(text: &str) -> (u8, Vec<u8>) {
    let encoded = |coding: Coding| Some((coding.data_coding(), coding.encode(text).ok()?));
    let either = encoded(Coding::Gsm).or_else(|| encoded(Coding::Ucs2));
    either.unwrap_or_default() // every text is UCS-2's
}
