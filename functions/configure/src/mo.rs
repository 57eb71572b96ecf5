//! Whose message it would be that a handset writes: `POST /mo/explain`.

use domain::address::Address;
use domain::config::Document;
use domain::id::ProviderId;
use domain::mo::{Decision, MoRouter, Query, explain};
use wire::admin_api::{ClaimVerdict, ExplainMoBody, ExplainedMo};

/// The decision under one version of the configuration, in words.
pub(crate) fn explained(version: u64, document: &Document, body: &ExplainMoBody) -> ExplainedMo {
    let router = MoRouter::compile(document);
    let provider = ProviderId(body.provider.clone());
    let number = Address { ton: 0, npi: 0, number: body.number.clone() };
    let query = Query { provider: &provider, destination: number.digits(), text: &body.text };
    let explanation = explain(document, &router, &query);
    let claims = explanation.candidates.iter().map(|candidate| ClaimVerdict {
        number: candidate.address.to_string(),
        claim: candidate.claim.to_string(),
        verdict: candidate.verdict.to_string(),
    });
    let customers = match &explanation.decision {
        Decision::Customer(owner) => vec![owner.customer.to_string()],
        Decision::Wish(wished) => wished.customers.iter().map(ToString::to_string).collect(),
        Decision::Nobody(_) => Vec::new(),
    };
    let decision = in_words(&explanation.decision);
    ExplainedMo { version, decision, customers, claims: claims.collect() }
}

fn in_words(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Customer(owner) => {
            let words: Vec<&str> = owner.keyword.into_iter().chain(owner.sub_keyword).collect();
            let by = if words.is_empty() { String::new() } else { " by keyword ".to_owned() };
            format!("to customer {}{by}{}", owner.customer, words.join(" "))
        }
        Decision::Wish(wished) => {
            let customers: Vec<&str> = wished.customers.iter().map(|it| it.as_str()).collect();
            let answered = if wished.answer.is_some() { "answered" } else { "not answered" };
            let (wish, customers) = (wished.wish.as_str(), customers.join(", "));
            format!("the handset's wish ({wish}) about customer {customers}, {answered}")
        }
        Decision::Nobody(why) => format!("nobody's, a dead letter: {why}"),
    }
}
