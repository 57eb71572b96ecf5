//! Bodies of the admin API: what `gatewayctl` sends and `configure` answers.

use domain::config::{Change, Document, Mistake};
use domain::message::Priority;
use serde::{Deserialize, Serialize};

/// Answer of `GET /config/…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Its number; none: nothing was applied yet.
    pub version: Option<u64>,
    /// The document.
    pub document: Document,
}

/// Answer of `POST /config/apply`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The new version.
    pub version: u64,
}

/// Body of `POST /config/plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanBody {
    /// The document that would come into force.
    pub document: Document,
}

/// Body of `POST /config/apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyBody {
    /// The document.
    pub document: Document,
    /// The version that the plan was made against; none: there was none.
    pub planned_against: Option<u64>,
    /// A fresh UUID that names this change: sent again after a lost answer, it succeeds.
    pub change: String,
}

/// Body of `POST /route/explain`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainBody {
    /// The customer.
    pub customer: String,
    /// The sender id.
    pub sender: String,
    /// The handset.
    pub destination: String,
    /// The message's queue.
    #[serde(default)]
    pub priority: Priority,
    /// Time of acceptance, Unix milliseconds; none: now.
    #[serde(default)]
    pub at_ms: Option<u64>,
    /// The message whose choice by weight is asked for; none: some message.
    #[serde(default)]
    pub message: Option<String>,
    /// Providers that were tried.
    #[serde(default)]
    pub tried: Vec<String>,
    /// The configuration version; none: the one in force.
    #[serde(default)]
    pub version: Option<u64>,
}

impl std::fmt::Debug for ExplainBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExplainBody({}, version {:?})", self.customer, self.version)
    }
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
