//! What is answered. Inner details (Kafka, DynamoDB) go to the log, never to the caller.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::http::HeaderValue;
use domain::config::{Change, Document, Mistake};
use serde::{Deserialize, Serialize};

/// A result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A version with its document.
    Version {
        /// Its number; none: nothing was applied yet.
        version: Option<u64>,
        /// The document.
        document: Document,
    },
    /// What a document would change.
    Plan(Plan),
    /// A new version is in force.
    Applied {
        /// Its number.
        version: u64,
    },
    /// A routing decision.
    Explained(Explained),
}

/// What a document would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version in force, to be named by `apply`.
    pub planned_against: Option<u64>,
    /// What is wrong; then nothing can be applied.
    pub mistakes: Vec<Mistake>,
    /// What changes, and what that touches.
    pub changes: Vec<Change>,
    /// Kafka topics that are needed, with their partitions.
    pub topics: Vec<(String, u32)>,
}

/// A routing decision in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The version that was asked.
    pub version: u64,
    /// `to provider alpha, bind 2, queue normal`, or why not.
    pub decision: String,
    /// The provider, if there is one.
    pub provider: Option<String>,
    /// Each route and what spoke for or against it, the closest first.
    pub routes: Vec<RouteVerdict>,
}

/// A route and what spoke for or against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteVerdict {
    /// Its name.
    pub route: String,
    /// In words.
    pub verdict: String,
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

/// A problem on the wire (RFC 9457, with the cure).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// What is wrong.
    pub title: String,
    /// What to do.
    pub cure: String,
    /// Mistakes of a document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<Mistake>,
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
