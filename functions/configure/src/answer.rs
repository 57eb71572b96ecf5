//! What is answered. Inner details (Kafka, DynamoDB) go to the log, never to the caller.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::http::HeaderValue;
use domain::config::Mistake;
use serde::Serialize;
use wire::admin_api::{Explained, InForce, Plan, ProblemBody, Version};

/// A result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A version with its document.
    Version(Version),
    /// What a document would change.
    Plan(Plan),
    /// A new version is in force.
    Applied(InForce),
    /// A routing decision.
    Explained(Explained),
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The request cannot be read.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The document has mistakes.
    #[error("the document has {} mistakes", .0.len())]
    Invalid(Vec<Mistake>),
    /// Another version came into force since the plan.
    #[error("the plan is outdated: version {} is in force", shown(*.0))]
    Outdated(Option<u64>),
    /// Kafka or the store does not answer.
    #[error("a part of the gateway does not answer")]
    Unavailable,
}

fn shown(version: Option<u64>) -> String {
    version.map_or("none".to_owned(), |version| version.to_string())
}

impl Problem {
    fn status(&self) -> i64 {
        match self {
            Self::Malformed(_) => 400,
            Self::NotFound(_) => 404,
            Self::Outdated(_) => 409,
            Self::Invalid(_) => 422,
            Self::Unavailable => 503,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Malformed(_) => {
                "correct the request; `gatewayctl schema` tells the document's form"
            }
            Self::NotFound(_) => "check the number or the path",
            Self::Invalid(_) => "correct each of them and plan again; nothing was changed",
            Self::Outdated(_) => "plan again, look at what changed in between, then apply",
            Self::Unavailable => "try again; nothing was put into force",
        }
    }
}

/// The HTTP response of a result.
#[must_use]
pub fn response(result: &Result<Answer, Problem>) -> ApiGatewayV2httpResponse {
    let (status, kind, body) = match result {
        Ok(answer) => (200, "application/json", serde_json::to_string(answer)),
        Err(problem) => {
            let mistakes = match problem {
                Problem::Invalid(mistakes) => mistakes.clone(),
                _ => Vec::new(),
            };
            let (title, cure) = (problem.to_string(), problem.cure().to_owned());
            let body = serde_json::to_string(&ProblemBody { title, cure, mistakes });
            (problem.status(), "application/problem+json", body)
        }
    };
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.headers.insert("content-type", HeaderValue::from_static(kind));
    // Plain structs: they always have a JSON form.
    response.body = Some(Body::Text(body.unwrap_or_default()));
    response
}
