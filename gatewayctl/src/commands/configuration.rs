//! `validate`, `plan`, `apply`, `show`, `schema`.

use std::fmt::Write as _;

use domain::config::{Change, Document, Kind, SlotLedger, validate};
use wire::admin_api::{ApplyBody, InForce, Plan, PlanBody, Version};

use super::{pretty, said};
use crate::cli::{Apply, Files};
use crate::client::Client;
use crate::failure::Failure;
use crate::sources::Sources;

/// Without a gateway: whether slots were used before is known there only.
pub(super) fn check(files: &Files, json: bool) -> Result<String, Failure> {
    let sources = Sources::read(&files.files)?;
    let mistakes = validate(&sources.document, None, &SlotLedger::default());
    if !mistakes.is_empty() {
        return Err(Failure::Mistakes(sources.locate(mistakes)));
    }
    let Document { customers, providers, routes, numbers } = &sources.document;
    let counts = serde_json::json!({
        "customers": customers.len(), "providers": providers.len(), "routes": routes.len(),
        "numbers": numbers.len(),
    });
    said(json, &counts, |counts| {
        let count = |name| counts[name].to_string();
        format!(
            "valid: {} customers, {} providers, {} routes, {} numbers",
            count("customers"),
            count("providers"),
            count("routes"),
            count("numbers")
        )
    })
}

pub(super) async fn plan(client: &Client, files: &Files, json: bool) -> Result<String, Failure> {
    let sources = Sources::read(&files.files)?;
    let plan = planned(client, &sources).await?;
    said(json, &plan, in_words)
}

pub(super) async fn apply(client: &Client, apply: &Apply, json: bool) -> Result<String, Failure> {
    let sources = Sources::read(&apply.files.files)?;
    let planned_against = match apply.planned_against {
        Some(0) => None,
        Some(version) => Some(version),
        None => planned(client, &sources).await?.planned_against,
    };
    let change = uuid::Uuid::new_v4().to_string();
    let document = sources.document.clone();
    let body = ApplyBody { document, planned_against, change };
    let applied: InForce = match client.post("/config/apply", &body).await {
        // The answer was lost, perhaps after the change was made: the same change again.
        Err(Failure::Unreachable(_)) => client.post("/config/apply", &body).await,
        other => other,
    }
    .map_err(|failure| located(failure, &sources))?;
    said(json, &applied, |applied| format!("version {} is in force", applied.version))
}

pub(super) async fn show(
    client: &Client,
    version: Option<u64>,
    json: bool,
) -> Result<String, Failure> {
    let path = version.map_or("/config/current".to_owned(), |v| format!("/config/{v}"));
    let found: Version = client.get(&path).await?;
    if json {
        return pretty(&found);
    }
    let Some(version) = found.version else {
        return Ok("nothing was applied yet".to_owned());
    };
    let yaml = serde_saphyr::to_string(&found.document);
    let yaml = yaml.map_err(|error| Failure::Unusable(error.to_string()))?;
    Ok(format!("# version {version}\n{yaml}"))
}

pub(super) fn schema() -> Result<String, Failure> {
    pretty(&schemars::schema_for!(Document))
}

/// The gateway's plan for the files; their mistakes are a failure.
async fn planned(client: &Client, sources: &Sources) -> Result<Plan, Failure> {
    let body = PlanBody { document: sources.document.clone() };
    let plan: Plan = client.post("/config/plan", &body).await?;
    if plan.mistakes.is_empty() {
        return Ok(plan);
    }
    Err(Failure::Mistakes(sources.locate(plan.mistakes)))
}

/// Mistakes that the gateway found stand in our files.
fn located(failure: Failure, sources: &Sources) -> Failure {
    match failure {
        Failure::Refused(problem) if !problem.mistakes.is_empty() => {
            Failure::Mistakes(sources.locate(problem.mistakes))
        }
        other => other,
    }
}

fn in_words(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        in_words_one(&mut text, change);
    }
    if plan.changes.is_empty() {
        text.push_str("nothing changes\n");
    }
    let version = plan.planned_against.unwrap_or(0);
    // Writing to a string cannot fail.
    let _infallible = write!(
        text,
        "\nplanned against version {version}; to put it into force:\n  \
         gatewayctl apply --planned-against {version} FILES"
    );
    text
}

fn in_words_one(text: &mut String, change: &Change) {
    let sign = match change.kind {
        Kind::Added => '+',
        Kind::Removed => '-',
        Kind::Changed | Kind::Moved => '~',
    };
    let _infallible = writeln!(text, "{sign} {}", change.row);
    for field in &change.fields {
        let _infallible = writeln!(text, "    {}: {}", field.field, field.change);
    }
    for touched in &change.touches {
        let _infallible = writeln!(text, "    touches: {touched}");
    }
}
