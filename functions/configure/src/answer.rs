//! What is answered. Inner details (Kafka, DynamoDB) go to the log, never to the caller.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::http::HeaderValue;
use domain::config::Mistake;
use domain::id::PartId;
use serde::Serialize;
use wire::admin_api::{
    DoubtList, Drained, Explained, ExplainedMo, InForce, Journey, LetterList, MessageList, Plan,
    ProblemBody, Redriven, Resolved, Version,
};

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
    /// Whose a handset's message is.
    ExplainedMo(ExplainedMo),
    /// What is in doubt.
    Doubts(DoubtList),
    /// An operator's word is in the journal.
    Resolved(Resolved),
    /// What waits for a provider is not sent there.
    Drained(Drained),
    /// What programs gave up on.
    Letters(LetterList),
    /// Records are back on their topics.
    Redriven(Redriven),
    /// What happened to a message.
    Message(Box<Journey>),
    /// What happened to several.
    Messages(MessageList),
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
    /// There is no such doubt.
    #[error("{0}")]
    NoDoubt(String),
    /// A word was said, or is of no use, about a doubt.
    #[error("{0}")]
    Settled(String),
    /// One word about more doubts than it may be meant for.
    #[error("{0}")]
    Ambiguous(String),
    /// A journal cannot be told from.
    #[error("the journal of slot {0} cannot be read: {1}")]
    Unreadable(u32, String),
    /// There is no such dead letter.
    #[error("there is no dead letter {0} (any more)")]
    NoLetter(String),
    /// Nothing is known under a message's id.
    #[error("there is no message {0}")]
    NoMessage(PartId),
    /// A record cannot be put back.
    #[error("dead letter {0} cannot be put back: {1}")]
    NotRedrivable(String, String),
    /// It may be done, or not.
    #[error("{0} may have been written, or not; say it again: a repeat does no harm")]
    Unconfirmed(&'static str),
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
            Self::NotFound(_) | Self::NoDoubt(_) | Self::NoLetter(_) | Self::NoMessage(_) => 404,
            Self::Outdated(_)
            | Self::Settled(_)
            | Self::Ambiguous(_)
            | Self::Unreadable(..)
            | Self::NotRedrivable(..) => 409,
            Self::Invalid(_) => 422,
            Self::Unconfirmed(_) | Self::Unavailable => 503,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Malformed(_) => {
                "correct the request; `gatewayctl --help` and `gatewayctl schema` tell the forms"
            }
            Self::NotFound(_) => "check the number or the path",
            Self::Invalid(_) => "correct each of them and plan again; nothing was changed",
            Self::Outdated(_) => "plan again, look at what changed in between, then apply",
            Self::NoDoubt(_) => {
                "`gatewayctl doubts list` tells what is in doubt; a provider's answer that came \
                 late ends a doubt by itself"
            }
            Self::Settled(_) => "nothing has to be done; nothing was written",
            Self::Ambiguous(_) => "name one with --message and --part, or take all with --all",
            Self::Unreadable(..) => {
                "see the log of provider-sender for this slot; where there is only too much to \
                 read, try again in some minutes, when its position is renewed"
            }
            Self::NoLetter(_) => {
                "`gatewayctl dead-letters list` tells their ids; none was redriven"
            }
            Self::NoMessage(_) => {
                "take the id as the customer was given it; a message is known some seconds after it \
                 was accepted, for as many days as MESSAGES_RETENTION_DAYS of `record` says"
            }
            Self::NotRedrivable(..) => "leave it out; none was redriven",
            Self::Unconfirmed(_) => "say it again: a repeat does no harm",
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
