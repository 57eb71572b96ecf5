//! The tables and queues of a template.

use std::collections::BTreeMap;

use super::error::TemplateError;
use super::section::Section;

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Physical name.
    pub name: String,
    /// Attributes of keys: name and type (`S`, `N`, `B`).
    pub attributes: Vec<(String, String)>,
    /// Primary key.
    pub key: Vec<KeyPart>,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// Local secondary indexes.
    pub local_indexes: Vec<Index>,
    /// Attribute with the time to live.
    pub ttl: Option<String>,
}

/// Part of a key: attribute and `HASH` or `RANGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Name of the attribute.
    pub attribute: String,
    /// `HASH` or `RANGE`.
    pub kind: String,
}

/// A secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name.
    pub name: String,
    /// Key.
    pub key: Vec<KeyPart>,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// Attributes of `INCLUDE`.
    pub included: Vec<String>,
}

/// An SQS queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Physical name.
    pub name: String,
    /// Attributes as `CreateQueue` takes them.
    pub attributes: BTreeMap<String, String>,
}

/// Reads a resource of type `AWS::DynamoDB::Table`.
///
/// # Errors
/// What is missing, wrong or not played here.
pub(super) fn table(id: &str, resource: &Section<'_>) -> Result<Table, TemplateError> {
    let properties = resource.need("Properties")?;
    properties.only(&[
        "TableName",
        "BillingMode",
        "DeletionProtectionEnabled",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "TimeToLiveSpecification",
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "Tags",
    ])?;
    let ttl = properties.get("TimeToLiveSpecification").map(|it| it.need("AttributeName"));
    Ok(Table {
        name: properties.get("TableName").map_or(Ok(id.to_owned()), |it| it.text())?,
        attributes: attributes(&properties.need("AttributeDefinitions")?)?,
        key: key(&properties.need("KeySchema")?)?,
        indexes: indexes(&properties, "GlobalSecondaryIndexes")?,
        local_indexes: indexes(&properties, "LocalSecondaryIndexes")?,
        ttl: ttl.transpose()?.map(|it| it.text()).transpose()?,
    })
}

/// Reads a resource of type `AWS::SQS::Queue`.
///
/// # Errors
/// What is missing, wrong or not played here.
pub(super) fn queue(id: &str, resource: &Section<'_>) -> Result<Queue, TemplateError> {
    const NUMBERS: [&str; 4] =
        ["VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "MaximumMessageSize"];
    const IGNORED: [&str; 4] =
        ["QueueName", "SqsManagedSseEnabled", "RedriveAllowPolicy", "RedrivePolicy"];
    let Some(properties) = resource.get("Properties") else {
        return Ok(Queue { name: id.to_owned(), attributes: BTreeMap::new() });
    };
    properties.only(&[&NUMBERS[..], &IGNORED[..]].concat())?;
    let mut attributes = BTreeMap::new();
    for name in NUMBERS {
        if let Some(value) = properties.get(name) {
            attributes.insert(name.to_owned(), value.number()?.to_string());
        }
    }
    if let Some(policy) = properties.get("RedrivePolicy") {
        attributes.insert("RedrivePolicy".to_owned(), policy.json()?.to_string());
    }
    let name = properties.get("QueueName").map_or(Ok(id.to_owned()), |it| it.text())?;
    Ok(Queue { name, attributes })
}

fn attributes(section: &Section<'_>) -> Result<Vec<(String, String)>, TemplateError> {
    section
        .items()?
        .iter()
        .map(|it| Ok((it.need("AttributeName")?.text()?, it.need("AttributeType")?.text()?)))
        .collect()
}

fn key(section: &Section<'_>) -> Result<Vec<KeyPart>, TemplateError> {
    section
        .items()?
        .iter()
        .map(|it| {
            let attribute = it.need("AttributeName")?.text()?;
            Ok(KeyPart { attribute, kind: it.need("KeyType")?.text()? })
        })
        .collect()
}

fn indexes(properties: &Section<'_>, name: &str) -> Result<Vec<Index>, TemplateError> {
    properties.get(name).map_or(Ok(Vec::new()), |indexes| {
        indexes.items()?.iter().map(index).collect::<Result<_, _>>()
    })
}

fn index(section: &Section<'_>) -> Result<Index, TemplateError> {
    section.only(&["IndexName", "KeySchema", "Projection"])?;
    let projection = section.need("Projection")?;
    Ok(Index {
        name: section.need("IndexName")?.text()?,
        key: key(&section.need("KeySchema")?)?,
        projection: projection.need("ProjectionType")?.text()?,
        included: projection.get("NonKeyAttributes").map_or(Ok(Vec::new()), |it| it.texts())?,
    })
}
