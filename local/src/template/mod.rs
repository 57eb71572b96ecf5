//! template.yaml, the SAM template that is deployed, as a typed model of what one machine plays of it.
//! What it does not play, and what might matter, is an error that names path and line.

mod error;
mod events;
mod functions;
mod intrinsics;
mod section;
mod storage;
mod yaml;

use std::collections::BTreeMap;

pub use error::TemplateError;
pub use events::{Event, HttpRoute, KafkaMapping, SqsMapping};
pub use functions::Function;
pub use storage::{Index, KeyPart, Queue, Table};

use intrinsics::{Names, Value};
use section::Section;
use yaml::Node;

/// What one machine plays of the template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// Functions, in the order of the file.
    pub functions: Vec<Function>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Queues; those that others redrive to come first.
    pub queues: Vec<Queue>,
    /// Logical ids of the HTTP APIs.
    pub apis: Vec<String>,
    /// Outputs by name.
    pub outputs: BTreeMap<String, String>,
}

/// The account that the template is played in.
#[derive(Debug, Clone)]
pub struct Account {
    /// Region.
    pub region: String,
    /// Account number.
    pub id: String,
    /// Where the queues are served (`http://127.0.0.1:9324`): `!Ref` of a queue is its URL.
    pub queues_endpoint: String,
    /// Values of parameters, over the template's defaults. Lists: separated by commas.
    pub parameters: BTreeMap<String, String>,
}

/// Resources that are part of the deployment and have no counterpart here.
const WITHOUT_COUNTERPART: &[&str] = &[
    "AWS::CloudWatch::Alarm",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::SQS::QueuePolicy",
];

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// YAML that is none, an unknown resource, property or function, a parameter without a value.
    pub fn read(text: &str, account: &Account) -> Result<Self, TemplateError> {
        let root = yaml::parse(text)?;
        let mut names = parameters(&root, account)?;
        name_resources(&root, account, &mut names)?;
        let globals = root.get("Globals").and_then(|globals| globals.get("Function"));
        let globals = globals.map(|node| Section::new(node, "Globals.Function", &names));
        let mut template = Self::default();
        for (id, resource) in resources(&root)? {
            let section = Section::new(resource, format!("Resources.{id}"), &names);
            template.add(id, &section, globals.as_ref())?;
        }
        for (name, output) in root.get("Outputs").map_or(&[][..], Node::entries) {
            let section = Section::new(output, format!("Outputs.{name}"), &names);
            template.outputs.insert(name.clone(), section.need("Value")?.text()?);
        }
        template.queues.sort_by_key(|queue| queue.attributes.contains_key("RedrivePolicy"));
        Ok(template)
    }

    fn add(
        &mut self,
        id: &str,
        resource: &Section<'_>,
        globals: Option<&Section<'_>>,
    ) -> Result<(), TemplateError> {
        let kind = resource.need("Type")?;
        match kind.text()?.as_str() {
            "AWS::Serverless::Function" => {
                self.functions.push(functions::read(id, resource, globals)?);
            }
            "AWS::DynamoDB::Table" => self.tables.push(storage::table(id, resource)?),
            "AWS::SQS::Queue" => self.queues.push(storage::queue(id, resource)?),
            "AWS::Serverless::HttpApi" => self.apis.push(id.to_owned()),
            other if WITHOUT_COUNTERPART.contains(&other) => {}
            other => return Err(kind.error(format!("{other} is not played on one machine"))),
        }
        Ok(())
    }
}

fn resources(root: &Node) -> Result<Vec<(&str, &Node)>, TemplateError> {
    let resources = root
        .get("Resources")
        .ok_or_else(|| TemplateError::new(root.line, "Resources", "is missing"))?;
    Ok(resources.entries().iter().map(|(id, node)| (id.as_str(), node)).collect())
}

fn parameters(root: &Node, account: &Account) -> Result<Names, TemplateError> {
    let mut names = Names::default();
    for (name, value) in [
        ("AWS::Region", account.region.as_str()),
        ("AWS::AccountId", &account.id),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
        ("AWS::StackName", "local"),
    ] {
        names.refs.insert(name.to_owned(), Value::Text(value.to_owned()));
    }
    let declared = root.get("Parameters").map_or(&[][..], Node::entries);
    for (name, node) in declared {
        let value = parameter(name, node, account)?;
        names.refs.insert(name.clone(), value);
    }
    if let Some(unknown) =
        account.parameters.keys().find(|name| !declared.iter().any(|(it, _)| it == *name))
    {
        return Err(TemplateError::new(0, "Parameters", format!("{unknown} is not declared")));
    }
    Ok(names)
}

fn parameter(name: &str, node: &Node, account: &Account) -> Result<Value, TemplateError> {
    let none = Names::default();
    let section = Section::new(node, format!("Parameters.{name}"), &none);
    let text = match (account.parameters.get(name), section.get("Default")) {
        (Some(text), _) => text.clone(),
        (None, Some(default)) => default.text()?,
        (None, None) => return Err(section.error("has no default and was given no value")),
    };
    let kind = section.need("Type")?.text()?;
    if kind.starts_with("List<") || kind == "CommaDelimitedList" {
        return Ok(Value::List(text.split(',').map(|it| Value::Text(it.to_owned())).collect()));
    }
    Ok(Value::Text(text))
}

/// What `!Ref` and `!GetAtt` of each resource give, from its physical name.
fn name_resources(root: &Node, account: &Account, names: &mut Names) -> Result<(), TemplateError> {
    for (id, node) in resources(root)? {
        let section = Section::new(node, format!("Resources.{id}"), names);
        let kind = section.need("Type")?.text()?;
        let (name, attributes) = identity(id, &kind, &section, account)?;
        for (attribute, value) in attributes {
            names.attributes.insert(format!("{id}.{attribute}"), value);
        }
        names.refs.insert(id.to_owned(), Value::Text(name));
    }
    Ok(())
}

type Identity = (String, Vec<(&'static str, String)>);

fn identity(
    id: &str,
    kind: &str,
    section: &Section<'_>,
    account: &Account,
) -> Result<Identity, TemplateError> {
    let Account { region, id: number, queues_endpoint, .. } = account;
    let named = |key: &str| {
        let property = section.get("Properties").and_then(|it| it.get(key));
        property.map_or(Ok(id.to_owned()), |it| it.text())
    };
    Ok(match kind {
        "AWS::DynamoDB::Table" => {
            let name = named("TableName")?;
            let arn = format!("arn:aws:dynamodb:{region}:{number}:table/{name}");
            (name, vec![("Arn", arn)])
        }
        "AWS::SQS::Queue" => {
            let name = named("QueueName")?;
            let url = format!("{queues_endpoint}/{number}/{name}");
            let arn = format!("arn:aws:sqs:{region}:{number}:{name}");
            (url.clone(), vec![("Arn", arn), ("QueueUrl", url), ("QueueName", name)])
        }
        "AWS::Serverless::Function" => {
            let name = named("FunctionName")?;
            let arn = format!("arn:aws:lambda:{region}:{number}:function:{name}");
            (name, vec![("Arn", arn)])
        }
        other => {
            let arn = format!("arn:aws:local:{region}:{number}:{other}/{id}");
            (id.to_owned(), vec![("Arn", arn)])
        }
    })
}

#[cfg(test)]
mod tests;
