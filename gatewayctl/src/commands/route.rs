//! `route explain`.

use wire::admin_api::{ExplainBody, Explained};

use super::said;
use crate::cli::Explain;
use crate::client::Client;
use crate::failure::Failure;

pub(super) async fn explain(
    client: &Client,
    asked: &Explain,
    json: bool,
) -> Result<String, Failure> {
    let body = ExplainBody {
        customer: asked.customer.clone(),
        sender: asked.sender.clone(),
        destination: asked.destination.clone(),
        priority: asked.priority.into(),
        at_ms: asked.at_ms,
        message: asked.message.clone(),
        tried: asked.tried.clone(),
        version: asked.version,
    };
    let explained: Explained = client.post("/route/explain", &body).await?;
    said(json, &explained, in_words)
}

fn in_words(explained: &Explained) -> String {
    let mut lines = vec![format!("{} (version {})", explained.decision, explained.version)];
    let width = explained.routes.iter().map(|route| route.route.len()).max().unwrap_or(0);
    let routes = explained.routes.iter();
    lines.extend(routes.map(|route| format!("  {:width$}  {}", route.route, route.verdict)));
    lines.join("\n")
}
