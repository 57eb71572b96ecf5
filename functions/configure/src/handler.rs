//! Each request over the ports. `plan` changes nothing; `apply` validates first, prepares Kafka,
//! and moves the pointer last: whoever sees a version finds its topics there.

use std::sync::Arc;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::address::Address;
use domain::config::{Document, SlotLedger, diff, validate};
use domain::id::{CustomerId, MessageId, ProviderId};
use domain::routing::{Decision, How, Query, Router, explain};
use platform::messages::NumberHash;

use crate::answer::{Answer, Problem, response};
use crate::mo;
use crate::needs;
use crate::ports::{Applied, DeadLetters, Journals, Messages, Store, Topics};
use crate::request::Request;
use wire::admin_api::{
    ApplyBody, ExplainBody, ExplainMoBody, Explained, InForce, Plan, PlanBody, RouteVerdict,
    Version,
};

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<S, K, M> {
    /// Table `config`.
    pub store: S,
    /// Kafka.
    pub kafka: K,
    /// Table `messages`.
    pub messages: M,
    /// By what handsets are found there.
    pub numbers: NumberHash,
    /// The clock, Unix milliseconds.
    pub now_ms: fn() -> u64,
}

/// The version that a document would follow.
struct Before {
    version: Option<u64>,
    document: Option<Arc<Document>>,
    slots: SlotLedger,
}

impl<S: Store, K: Topics + Journals + DeadLetters, M: Messages> Handler<S, K, M> {
    /// One request.
    pub async fn handle(&self, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let result = match Request::read(&event) {
            Ok(request) => self.answer(request).await,
            Err(problem) => Err(problem),
        };
        response(&result)
    }

    /// The result of a request.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn answer(&self, request: Request) -> Result<Answer, Problem> {
        match request {
            Request::Current => self.current().await,
            Request::Version(version) => {
                let document = self.document(version).await?;
                let document = (*document).clone();
                Ok(Answer::Version(Version { version: Some(version), document }))
            }
            Request::Plan(body) => self.plan(&body).await,
            Request::Apply(body) => self.apply(&body).await,
            Request::Explain(body) => self.explain(&body).await,
            Request::ExplainMo(body) => self.explain_mo(&body).await,
            Request::Doubts(asked) => self.doubts(&asked).await,
            Request::Resolve(body) => self.resolve(&body).await,
            Request::Drain(provider) => self.drain(&provider).await,
            Request::Letters(wanted) => self.letters(&wanted).await,
            Request::Redrive(body) => self.redrive(&body).await,
            Request::Message(asked) => self.message(&asked).await,
            Request::Messages(asked) => self.list_messages(&asked).await,
        }
    }

    async fn current(&self) -> Result<Answer, Problem> {
        let version = self.store.current().await.map_err(unavailable)?;
        let document = match version {
            Some(version) => (*self.document(version).await?).clone(),
            None => Document::default(),
        };
        Ok(Answer::Version(Version { version, document }))
    }

    async fn plan(&self, body: &PlanBody) -> Result<Answer, Problem> {
        let current = self.store.current().await.map_err(unavailable)?;
        let before = self.before(current).await?;
        let previous = before.document.as_deref();
        let needs = needs::topics(&body.document, &before.slots);
        Ok(Answer::Plan(Plan {
            planned_against: before.version,
            mistakes: validate(&body.document, previous, &before.slots),
            changes: diff(previous, &body.document),
            topics: needs.into_iter().map(|need| (need.name, need.partitions)).collect(),
        }))
    }

    async fn apply(&self, body: &ApplyBody) -> Result<Answer, Problem> {
        if uuid::Uuid::try_parse(&body.change).is_err() {
            return Err(Problem::Malformed("`change` has to be a fresh UUID".to_owned()));
        }
        let planned = body.planned_against;
        let current = self.store.current().await.map_err(unavailable)?;
        // One further may be this very change, sent again after its answer was lost.
        if current != planned && current != Some(planned.unwrap_or(0) + 1) {
            return Err(Problem::Outdated(current));
        }
        let before = self.before(planned).await?;
        let mistakes = validate(&body.document, before.document.as_deref(), &before.slots);
        if !mistakes.is_empty() {
            return Err(Problem::Invalid(mistakes));
        }
        self.prepare(&body.document, &before.slots).await?;
        match self.store.apply(planned, &body.document, &body.change).await.map_err(unavailable)? {
            Applied::Version(version) => {
                tracing::info!(event = "configuration_applied", version);
                Ok(Answer::Applied(InForce { version }))
            }
            Applied::Outdated(current) => Err(Problem::Outdated(current)),
        }
    }

    /// Kafka first. Should the version not come into force after all, topics without messages
    /// and a journal with a first position are left, which the next attempt finds.
    async fn prepare(&self, document: &Document, slots: &SlotLedger) -> Result<(), Problem> {
        let needs = needs::topics(document, slots);
        self.kafka.ensure(&needs).await.map_err(unavailable)?;
        let mut slots: Vec<u32> =
            document.providers.iter().flat_map(|provider| provider.slots.clone()).collect();
        slots.sort_unstable();
        self.kafka.found_journals(&slots).await.map_err(unavailable)
    }

    async fn explain(&self, body: &ExplainBody) -> Result<Answer, Problem> {
        let version = self.asked_version(body.version).await?;
        let document = self.document(version).await?;
        let message = match &body.message {
            Some(id) => {
                id.parse().map_err(|_| Problem::Malformed("not a message id".to_owned()))?
            }
            None => MessageId::new(0, [0; 10]),
        };
        let at_ms = body.at_ms.unwrap_or_else(self.now_ms);
        Ok(Answer::Explained(explained(version, &document, body, message, at_ms)))
    }

    async fn explain_mo(&self, body: &ExplainMoBody) -> Result<Answer, Problem> {
        let version = self.asked_version(body.version).await?;
        let document = self.document(version).await?;
        Ok(Answer::ExplainedMo(mo::explained(version, &document, body)))
    }

    /// The version that was asked for; none: the one in force.
    async fn asked_version(&self, asked: Option<u64>) -> Result<u64, Problem> {
        match asked {
            Some(version) => Ok(version),
            None => self.store.current().await.map_err(unavailable)?.ok_or_else(nothing_applied),
        }
    }

    async fn document(&self, version: u64) -> Result<Arc<Document>, Problem> {
        let found = self.store.load(version).await.map_err(unavailable)?;
        found.ok_or_else(|| Problem::NotFound(format!("there is no version {version}")))
    }

    async fn before(&self, version: Option<u64>) -> Result<Before, Problem> {
        let Some(number) = version else {
            return Ok(Before { version, document: None, slots: SlotLedger::default() });
        };
        let document = Some(self.document(number).await?);
        let slots = self.store.slots(number).await.map_err(unavailable)?;
        Ok(Before { version, document, slots })
    }
}

fn explained(
    version: u64,
    document: &Document,
    body: &ExplainBody,
    message: MessageId,
    at_ms: u64,
) -> Explained {
    let router = Router::compile(document);
    let customer = CustomerId(body.customer.clone());
    let tried: Vec<ProviderId> = body.tried.iter().cloned().map(ProviderId).collect();
    let address = |number: &str| Address { ton: 0, npi: 0, number: number.to_owned() };
    let (sender, destination) = (address(&body.sender), address(&body.destination));
    let query = Query {
        customer: &customer,
        sender: sender.digits(),
        destination: destination.digits(),
        priority: body.priority,
        accepted_ms: at_ms,
        message,
        tried: &tried,
    };
    let explanation = explain(document, &router, &query);
    let provider = match &explanation.decision {
        Decision::Route(chosen) => Some(chosen.to.provider.to_string()),
        _ => None,
    };
    let routes = explanation.candidates.iter().map(|candidate| RouteVerdict {
        route: candidate.route.to_owned(),
        verdict: candidate.verdict.to_string(),
    });
    let routes = routes.collect();
    Explained { version, decision: in_words(&explanation.decision), provider, routes }
}

fn in_words(decision: &Decision<'_>) -> String {
    let chosen = match decision {
        Decision::Route(chosen) => chosen,
        Decision::Unroutable(why) => return format!("unroutable: {why}"),
        Decision::Refused(why) => return format!("refused: {why}"),
    };
    let how = match chosen.how {
        How::Weight { of, total } if u64::from(of) == total => "its only target".to_owned(),
        How::Weight { of, total } => format!("weight {of} of {total}"),
        How::Failover(place) => format!("failover {}", place + 1),
    };
    let (provider, route) = (&chosen.to.provider, chosen.route);
    let queue = chosen.priority.as_str();
    format!("to provider {provider} by route {route} ({how}), queue {queue}, bind {}", chosen.bind)
}

fn nothing_applied() -> Problem {
    Problem::NotFound("nothing was applied yet".to_owned())
}

#[allow(clippy::needless_pass_by_value, reason = "the shape of map_err")]
pub(crate) fn unavailable(error: anyhow::Error) -> Problem {
    tracing::error!(event = "admin_request_failed", error = format!("{error:#}"));
    Problem::Unavailable
}
