//! The functions of a template.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::TemplateError;
use super::events::{self, Event};
use super::section::Section;

/// A function as the template declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Physical name.
    pub name: String,
    /// Name of its binary.
    pub binary: String,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// MB; told to the function, not enforced.
    pub memory_mb: u32,
    /// Environment, globals included.
    pub environment: BTreeMap<String, String>,
    /// Invocations at once; none: the account's limit.
    pub concurrency: Option<u32>,
    /// What triggers it, by name.
    pub events: Vec<(String, Event)>,
}

/// Played, or without meaning on one machine: what a machine has no counterpart for is not refused.
const PROPERTIES: &[&str] = &[
    "Architectures",
    "CodeUri",
    "Description",
    "Environment",
    "Events",
    "FunctionName",
    "Handler",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Policies",
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Tags",
    "Timeout",
    "Tracing",
    "VpcConfig",
];

/// Reads a resource of type `AWS::Serverless::Function`; `globals` is `Globals.Function`.
///
/// # Errors
/// What is missing, wrong or not played here.
pub(super) fn read(
    id: &str,
    resource: &Section<'_>,
    globals: Option<&Section<'_>>,
) -> Result<Function, TemplateError> {
    let properties = resource.need("Properties")?;
    properties.only(PROPERTIES)?;
    if let Some(globals) = globals {
        globals.only(PROPERTIES)?;
    }
    let either =
        |key: &str| properties.get(key).or_else(|| globals.and_then(|globals| globals.get(key)));
    let timeout = either("Timeout").map_or(Ok(3), |it| it.number_in(1, 900))?;
    Ok(Function {
        name: properties.get("FunctionName").map_or(Ok(id.to_owned()), |it| it.text())?,
        binary: resource.need("Metadata")?.need("BuildProperties")?.need("Binary")?.text()?,
        timeout: Duration::from_secs(timeout.into()),
        memory_mb: either("MemorySize").map_or(Ok(128), |it| it.number_in(128, 10_240))?,
        environment: environment(&properties, globals)?,
        concurrency: either("ReservedConcurrentExecutions")
            .map(|it| it.number_in(0, 1_000))
            .transpose()?,
        events: properties.get("Events").map_or(Ok(Vec::new()), |it| read_events(&it))?,
    })
}

fn environment(
    properties: &Section<'_>,
    globals: Option<&Section<'_>>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut all = BTreeMap::new();
    for section in globals.into_iter().chain([properties]) {
        if let Some(variables) = section.get("Environment").and_then(|it| it.get("Variables")) {
            all.extend(variables.text_map()?);
        }
    }
    Ok(all)
}

fn read_events(section: &Section<'_>) -> Result<Vec<(String, Event)>, TemplateError> {
    section
        .children()
        .into_iter()
        .map(|(name, event)| Ok((name.to_owned(), events::read(&event)?)))
        .collect()
}
