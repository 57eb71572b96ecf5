//! `mo explain`.

use wire::admin_api::{ExplainMoBody, ExplainedMo};

use super::{said, table};
use crate::cli::ExplainMo;
use crate::client::Client;
use crate::failure::Failure;

pub(super) async fn explain(
    client: &Client,
    asked: &ExplainMo,
    json: bool,
) -> Result<String, Failure> {
    let body = ExplainMoBody {
        number: asked.number.clone(),
        provider: asked.provider.clone(),
        text: asked.text.clone(),
        version: asked.version,
    };
    let explained: ExplainedMo = client.post("/mo/explain", &body).await?;
    said(json, &explained, in_words)
}

fn in_words(explained: &ExplainedMo) -> String {
    let decision = format!("{} (version {})", explained.decision, explained.version);
    let claims = explained.claims.iter();
    let rows: Vec<_> = claims
        .map(|it| [format!("  {}", it.number), it.claim.clone(), it.verdict.clone()])
        .collect();
    if rows.is_empty() { decision } else { format!("{decision}\n{}", table(&rows)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::admin_api::ClaimVerdict;

    #[test]
    fn the_decision_stands_first_and_each_claim_has_a_line() {
        let claim = |claim: &str, verdict: &str| ClaimVerdict {
            number: "72000".into(),
            claim: claim.into(),
            verdict: verdict.into(),
        };
        let mut explained = ExplainedMo {
            version: 3,
            decision: "to customer acme by keyword GAME".into(),
            customers: vec!["acme".into()],
            claims: vec![
                claim("keyword GAME of acme", "chosen: a short code of any provider"),
                claim("default customer beta", "the first word is GAME"),
            ],
        };
        let text = "to customer acme by keyword GAME (version 3)\n  \
                    72000  keyword GAME of acme   chosen: a short code of any provider\n  \
                    72000  default customer beta  the first word is GAME";
        assert_eq!(in_words(&explained), text);
        explained.claims.clear();
        assert_eq!(in_words(&explained), "to customer acme by keyword GAME (version 3)");
    }
}
