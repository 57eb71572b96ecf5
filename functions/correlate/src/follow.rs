//! What follows from a receipt whose result is known. Pure.

use std::borrow::Cow;

use domain::config::ReceiptSettings;
use domain::receipts::{Attempt, Consequence, Fault, Meaning, consequence, done_ms, meaning};
use wire::V;
use wire::customer_deliveries::CustomerDelivery;
use wire::message_events::{Happened, MessageEvent};
use wire::provider_events::{Doubt, ProviderReceipt, SubmitResult, Summary};
use wire::retries::{Because, Retry};
use wire::submit_journal::Ending;

/// The name of this program in records.
pub const BY: &str = "correlate";

/// What a matched receipt leads to; the same at every run.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// What the customer is told.
    pub deliveries: Vec<CustomerDelivery>,
    /// The attempt that may follow.
    pub retry: Option<Retry>,
    /// What happened.
    pub event: MessageEvent<'static>,
}

/// What follows from a receipt that is this result's.
#[must_use]
pub fn follow(
    receipt: &ProviderReceipt,
    result: &SubmitResult,
    settings: &ReceiptSettings,
) -> Followed {
    let meaning = meaning(&receipt.said(), settings);
    let event = event(receipt, result, &meaning);
    let attempt = attempt(receipt, result, settings);
    // Whether a provider is left only `retry` can say, which knows the routing in force.
    let (told, is_retry) = match consequence(&meaning, &attempt) {
        Consequence::Retry => {
            (consequence(&meaning, &Attempt { provider_left: false, ..attempt }), true)
        }
        told => (told, false),
    };
    let told = if let Consequence::Tell(told) = told { told } else { Vec::new() };
    let at_ms = at_ms(receipt, result);
    let delivery = |told| {
        let addresses = [result.source.clone(), result.destination.clone()];
        let customer = result.customer.clone();
        CustomerDelivery::receipt(customer, result.message, addresses, told, at_ms)
    };
    let deliveries: Vec<_> = told.into_iter().map(delivery).collect();
    if !is_retry {
        return Followed { deliveries, retry: None, event };
    }
    let retry = Retry {
        v: V,
        message: result.message,
        customer: result.customer.clone(),
        provider: result.provider.clone(),
        attempt: result.attempt,
        origin: result.origin,
        because: Because::Receipt(deliveries),
        at_ms,
    };
    Followed { deliveries: Vec::new(), retry: Some(retry), event }
}

/// What `retry` is to decide after an attempt; none: all parts were accepted.
#[must_use]
pub fn after(summary: Summary) -> Option<Retry> {
    let Summary { message, customer, provider, attempt, origin, parts, at_ms, .. } = summary;
    let failed = parts.iter().any(|part| part.outcome != Ending::Accepted);
    let because = Because::Summary(parts);
    failed.then_some(Retry { v: V, message, customer, provider, attempt, origin, because, at_ms })
}

/// What happened by a doubt. The journal, which it is from, does not say whose message it is.
#[must_use]
pub fn doubt(doubt: &Doubt) -> MessageEvent<'static> {
    let Doubt { provider, message, part, attempt, slot, intent, held, at_ms, .. } = doubt;
    let id = message.event(&format!("doubt {slot} {intent} {part}"), *attempt);
    let next = if *held { "held for an operator" } else { "sent again" };
    let detail = format!("part {} of it: slot {slot}, intent {intent}, {next}", part + 1);
    MessageEvent {
        attempt: *attempt,
        provider: Some(Cow::Owned(provider.clone())),
        detail: Cow::Owned(detail),
        ..MessageEvent::new(id, *message, Cow::Owned("".into()), Happened::Doubt, BY, *at_ms)
    }
}

/// A receipt counts from when both it and its result were there.
fn at_ms(receipt: &ProviderReceipt, result: &SubmitResult) -> u64 {
    receipt.arrived_ms.max(result.at_ms)
}

fn attempt<'a>(
    receipt: &ProviderReceipt,
    result: &'a SubmitResult,
    settings: &ReceiptSettings,
) -> Attempt<'a> {
    let arrived_ms = at_ms(receipt, result);
    let (done, submitted) = (receipt.done(), receipt.submitted());
    Attempt {
        part: result.part,
        aliases: &result.aliases,
        registered_delivery: result.receipt,
        parts: result.parts.into(),
        valid_until_ms: result.valid_until_ms,
        provider_left: true,
        accepted_ms: result.accepted_ms,
        arrived_ms,
        done_ms: done_ms(done, submitted, result.at_ms, arrived_ms, settings),
    }
}

fn event(
    receipt: &ProviderReceipt,
    result: &SubmitResult,
    meaning: &Meaning,
) -> MessageEvent<'static> {
    let part = result.part;
    let happened = match meaning.is_final {
        false => Happened::Progress,
        true if meaning.state.is_success() => Happened::Delivered,
        true => Happened::Undelivered,
    };
    let name = format!("receipt {} {part}", meaning.state.as_str());
    let id = result.message.event(&name, result.attempt);
    let customer = Cow::Owned(result.customer.clone());
    MessageEvent {
        attempt: result.attempt,
        provider: Some(Cow::Owned(result.provider.clone())),
        part: Some(part),
        provider_message_id: Cow::Owned(result.provider_message_id.clone()),
        state: Some(meaning.state),
        error: Cow::Owned(meaning.error.clone()),
        detail: Cow::Borrowed(fault(meaning.fault)),
        ..MessageEvent::new(id, result.message, customer, happened, BY, at_ms(receipt, result))
    }
}

fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Nobody => "",
        Fault::Recipient => "the recipient's fault",
        Fault::Customer => "the customer's fault",
        Fault::Provider => "the provider's fault",
        Fault::Gateway => "the gateway's fault",
        Fault::Unknown => "nobody says whose fault",
    }
}
