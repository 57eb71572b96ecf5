//! Table `assemblies` in DynamoDB.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use platform::batches;

use super::encoding::{Attributes, decode, encode, number};
use crate::ports::Store;
use crate::run::{Put, Stored};

/// Statements of one BatchExecuteStatement (AWS: at most 25).
const STATEMENTS_MAX: usize = 25;
/// Requests of one batch to write, at a time.
const WRITES_AT_ONCE: usize = 16;
/// The table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
    keep_ms: u64,
}

impl DynamoStore {
    /// The table named `table`; an item may go `keep_ms` after its last generation ended.
    #[must_use]
    pub fn new(client: Client, table: String, keep_ms: u64) -> Self {
        Self { client, table, keep_ms }
    }

    /// Writes items that were not there, many in one request: each statement stands for itself, on
    /// the condition that there is still none, and costs what a put costs. Gives back the places of
    /// those that were refused, for whatever reason: a put tells it, and the SDK repeats that.
    async fn insert(
        &self,
        places: &[usize],
        puts: &[Put],
        writer: &str,
    ) -> anyhow::Result<Vec<usize>> {
        let statement = |place: &usize| self.statement(&puts[*place], writer);
        let statements = places.iter().map(statement).collect::<anyhow::Result<_>>()?;
        let request = self.client.batch_execute_statement().set_statements(Some(statements));
        let answer = request.send().await.context("table assemblies does not take assemblies")?;
        let answers = answer.responses.unwrap_or_default();
        ensure!(answers.len() == places.len(), "table assemblies answers not each statement");
        let refused = places.iter().zip(answers).filter(|(_, answer)| answer.error.is_some());
        Ok(refused.map(|(place, _)| *place).collect())
    }

    fn statement(&self, put: &Put, writer: &str) -> anyhow::Result<BatchStatementRequest> {
        let (names, values): (Vec<_>, Vec<_>) =
            encode(put, writer, self.keep_ms)?.into_iter().unzip();
        let names: Vec<_> = names.iter().map(|name| format!("'{name}': ?")).collect();
        let statement = format!(r#"INSERT INTO "{}" VALUE {{{}}}"#, self.table, names.join(", "));
        Ok(BatchStatementRequest::builder()
            .statement(statement)
            .set_parameters(Some(values))
            .build()?)
    }

    /// One conditional write. The SDK repeats it after a time-out; the writer's own name in the
    /// condition lets a repeat of what had been made succeed.
    async fn write_one(&self, put: &Put, writer: &str) -> anyhow::Result<bool> {
        let condition = condition(put, writer);
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(put, writer, self.keep_ms)?))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).context("table assemblies does not take an assembly"),
        }
    }
}

impl Store for DynamoStore {
    async fn read(&self, keys: &[String]) -> anyhow::Result<HashMap<String, Stored>> {
        let key =
            |key: &String| Attributes::from([("key".to_owned(), AttributeValue::S(key.clone()))]);
        let wanted = keys.iter().map(key).collect();
        let found = batches::get_all(&self.client, &self.table, wanted).await?;
        found.into_iter().map(decode).collect()
    }

    async fn write(&self, puts: Vec<Put>, writer: &str) -> anyhow::Result<Vec<bool>> {
        let (mut new, mut one_by_one): (Vec<usize>, Vec<usize>) =
            (0..puts.len()).partition(|place| puts[*place].read_version == 0);
        if new.len() == 1 {
            one_by_one.append(&mut new);
        }
        let mut made = vec![true; puts.len()];
        let refused: Vec<_> = stream::iter(new.chunks(STATEMENTS_MAX))
            .map(|places| self.insert(places, &puts, writer))
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect()
            .await?;
        // Another's is there, or our own of which the answer was lost, or the table is slow.
        one_by_one.extend(refused.into_iter().flatten());
        let written: Vec<_> = stream::iter(one_by_one)
            .map(|place| {
                let written = self.write_one(&puts[place], writer);
                async move { anyhow::Ok((place, written.await?)) }
            })
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect()
            .await?;
        for (place, is_made) in written {
            made[place] = is_made;
        }
        Ok(made)
    }
}

struct Condition {
    expression: &'static str,
    names: HashMap<String, String>,
    values: Attributes,
}

/// The version is the one read, or this writer has made this write already.
fn condition(put: &Put, writer: &str) -> Condition {
    let mut names = HashMap::from([
        ("#version".to_owned(), "version".to_owned()),
        ("#writer".to_owned(), "writer".to_owned()),
    ]);
    let mut values = Attributes::from([
        (":next".to_owned(), number(put.read_version + 1)),
        (":writer".to_owned(), AttributeValue::S(writer.to_owned())),
    ]);
    let expression = if put.read_version == 0 {
        names.insert("#key".to_owned(), "key".to_owned());
        "attribute_not_exists(#key) OR (#version = :next AND #writer = :writer)"
    } else {
        values.insert(":read".to_owned(), number(put.read_version));
        "#version = :read OR (#version = :next AND #writer = :writer)"
    };
    Condition { expression, names, values }
}
