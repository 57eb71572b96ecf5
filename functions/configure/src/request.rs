//! What was asked: the routes of the admin API, as template.yaml declares them.

use std::io::Read as _;
use std::str::FromStr;

use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::address::Address;
use domain::id::{CustomerId, PartId, ProviderId};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use wire::admin_api::{ApplyBody, ExplainBody, ExplainMoBody, PlanBody, RedriveBody, ResolveBody};

use crate::answer::Problem;
use crate::doubts::Asked;
use crate::letters::{self, Wanted};
use crate::messages::{self, Many, Of, One, is_day};

/// A document never grows beyond this, uncompressed.
const BODY_MAX: u64 = 256 * 1024 * 1024;

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// `GET /config/current`.
    Current,
    /// `GET /config/{version}`.
    Version(u64),
    /// `POST /config/plan`.
    Plan(Box<PlanBody>),
    /// `POST /config/apply`.
    Apply(Box<ApplyBody>),
    /// `POST /route/explain`.
    Explain(ExplainBody),
    /// `POST /mo/explain`.
    ExplainMo(ExplainMoBody),
    /// `GET /doubts`.
    Doubts(Asked),
    /// `POST /doubts/resolve`.
    Resolve(ResolveBody),
    /// `POST /providers/{provider}/drain`.
    Drain(ProviderId),
    /// `GET /dead-letters`.
    Letters(Wanted),
    /// `POST /dead-letters/redrive`.
    Redrive(RedriveBody),
    /// `GET /messages/{id}`.
    Message(One),
    /// `GET /messages`.
    Messages(Many),
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub fn read(event: &ApiGatewayV2httpRequest) -> Result<Self, Problem> {
        match event.route_key.as_deref().unwrap_or_default() {
            "GET /config/current" => Ok(Self::Current),
            "GET /config/{version}" => version(event).map(Self::Version),
            "POST /config/plan" => body(event).map(Box::new).map(Self::Plan),
            "POST /config/apply" => body(event).map(Box::new).map(Self::Apply),
            "POST /route/explain" => body(event).map(Self::Explain),
            "POST /mo/explain" => body(event).map(Self::ExplainMo),
            "GET /doubts" => doubts(event).map(Self::Doubts),
            "POST /doubts/resolve" => body(event).map(Self::Resolve),
            "POST /providers/{provider}/drain" => {
                let named = event.path_parameters.get("provider").cloned().unwrap_or_default();
                Ok(Self::Drain(ProviderId(named)))
            }
            "GET /dead-letters" => wanted(event).map(Self::Letters),
            "POST /dead-letters/redrive" => body(event).map(Self::Redrive),
            "GET /messages/{id}" => message(event).map(Self::Message),
            "GET /messages" => many(event).map(Self::Messages),
            _ => Err(Problem::NotFound("there is no such request".to_owned())),
        }
    }
}

fn version(event: &ApiGatewayV2httpRequest) -> Result<u64, Problem> {
    let text = event.path_parameters.get("version").map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| Problem::Malformed("a version is a number".to_owned()))
}

fn doubts(event: &ApiGatewayV2httpRequest) -> Result<Asked, Problem> {
    Ok(Asked {
        provider: parameter(event, "provider")?,
        slot: parameter(event, "slot")?,
        held: parameter(event, "held")?.unwrap_or(false),
        from_slot: parameter(event, "from_slot")?.unwrap_or(0),
    })
}

fn wanted(event: &ApiGatewayV2httpRequest) -> Result<Wanted, Problem> {
    let limit = parameter(event, "limit")?.unwrap_or(letters::LIMIT);
    if !(1..=letters::LIMIT_MAX).contains(&limit) {
        let why = format!("`limit` has to be 1 to {}", letters::LIMIT_MAX);
        return Err(Problem::Malformed(why));
    }
    let since_ms = parameter(event, "since_ms")?.unwrap_or(0);
    Ok(Wanted { topic: parameter(event, "topic")?, since_ms, limit })
}

fn message(event: &ApiGatewayV2httpRequest) -> Result<One, Problem> {
    let text = event.path_parameters.get("id").map(String::as_str).unwrap_or_default();
    let id: Result<PartId, _> = text.parse();
    let id = id.map_err(|_| Problem::Malformed("a message id is a UUID".to_owned()))?;
    Ok(One { id, in_full: in_full(event)? })
}

fn many(event: &ApiGatewayV2httpRequest) -> Result<Many, Problem> {
    let malformed = |why: &str| Err(Problem::Malformed(why.to_owned()));
    let customer = parameter::<String>(event, "customer")?.filter(|name| !name.is_empty());
    let number = parameter::<String>(event, "destination")?.filter(|number| !number.is_empty());
    let of = match (customer, number) {
        (Some(customer), None) => Of::Customer(CustomerId(customer)),
        (None, Some(number)) => Of::Handset(Address { ton: 0, npi: 0, number }),
        _ => return malformed("one of `customer` and `destination` is needed, not both"),
    };
    let Some(day) = parameter::<String>(event, "day")?.filter(|day| is_day(day)) else {
        return malformed("`day` has to be a day of UTC as 2026-11-21");
    };
    let limit = parameter(event, "limit")?.unwrap_or(messages::LIMIT);
    if !(1..=messages::LIMIT_MAX).contains(&limit) {
        return malformed(&format!("`limit` has to be 1 to {}", messages::LIMIT_MAX));
    }
    let after = parameter(event, "after")?;
    Ok(Many { of, day, after, limit, in_full: in_full(event)? })
}

/// Whether numbers are asked for in full.
fn in_full(event: &ApiGatewayV2httpRequest) -> Result<bool, Problem> {
    match event.query_string_parameters.first("numbers") {
        None | Some("masked") => Ok(false),
        Some("full") => Ok(true),
        Some(_) => Err(Problem::Malformed("`numbers` is `masked` or `full`".to_owned())),
    }
}

/// A parameter of the query; none: it is not there.
fn parameter<T: FromStr>(
    event: &ApiGatewayV2httpRequest,
    name: &str,
) -> Result<Option<T>, Problem> {
    let text = event.query_string_parameters.first(name);
    let value = text.map(str::parse).transpose();
    value.map_err(|_| Problem::Malformed(format!("parameter `{name}` cannot be read")))
}

/// The body: JSON, perhaps gzip (large tables), perhaps base64 (API Gateway does that to binary).
fn body<T: DeserializeOwned>(event: &ApiGatewayV2httpRequest) -> Result<T, Problem> {
    let text = event.body.as_deref().unwrap_or_default();
    let octets = if event.is_base64_encoded {
        STANDARD.decode(text).map_err(|_| Problem::Malformed("the body is cut".to_owned()))?
    } else {
        text.as_bytes().to_vec()
    };
    let gzip = event.headers.get("content-encoding").is_some_and(|value| value == "gzip");
    let json = if gzip { unzipped(&octets)? } else { octets };
    serde_json::from_slice(&json).map_err(|error| Problem::Malformed(error.to_string()))
}

fn unzipped(octets: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut json = Vec::new();
    let read = GzDecoder::new(octets).take(BODY_MAX).read_to_end(&mut json);
    read.map_err(|_| Problem::Malformed("the body is not gzip".to_owned()))?;
    Ok(json)
}
