//! Table `scheduled` and queue `releases`: what the machines of [`scheduling`] ask for, carried out.

use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use domain::id::{CustomerId, MessageId};
use scheduling::{Answer, Machine, Step};
use wire::V;
use wire::assembly_deadlines::due_hour;
use wire::scheduled::{Hint, Kept, Put, Stored};

use crate::attributes::{self, Attributes, item, number, number_of, text, text_of};
use crate::queue::DelayQueue;

/// Table `scheduled`. Reads are consistent.
pub trait Store {
    /// The customer's item of an id; none: it is not there.
    fn get(
        &self,
        customer: &CustomerId,
        id: MessageId,
    ) -> impl Future<Output = anyhow::Result<Option<Stored>>> + Send;

    /// Writes on the condition that the version is the one read, or that `writer` has made this very
    /// write before; tells whether it was made. An error leaves open whether it was.
    fn put(
        &self,
        customer: &CustomerId,
        put: &Put,
        writer: &str,
    ) -> impl Future<Output = anyhow::Result<bool>> + Send;
}

/// Queue `releases`.
pub trait Hints {
    /// Sends each to be seen after its delay; longer ones than the queue allows come early.
    fn send(&self, hints: &[(Hint, Duration)]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Both.
#[derive(Debug, Clone)]
pub struct Schedule<T, Q> {
    /// The table.
    pub table: T,
    /// The queue.
    pub queue: Q,
    /// A new name for each run, part of the condition of its writes.
    pub new_writer: fn() -> String,
}

/// [`Schedule::new_writer`] of deployed programs.
#[must_use]
pub fn writer() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl<T: Store + Sync, Q: Hints + Sync> Schedule<T, Q> {
    /// Carries out what the machine asks of table and queue; the first step that is for somebody else.
    ///
    /// # Errors
    /// DynamoDB or SQS refused, or did not answer: then it is not known whether it did what it was asked.
    pub async fn go_on<M>(&self, machine: &mut M) -> anyhow::Result<Step<M::Outcome>>
    where
        M: Machine + Send,
        M::Outcome: Send,
    {
        let writer = (self.new_writer)();
        loop {
            let answer = match machine.step() {
                Step::Send(hint, delay_ms) => {
                    let delay = delay(delay_ms);
                    self.queue.send(&[(hint, delay)]).await?;
                    Answer::Done
                }
                Step::Read(id) => Answer::Found(self.table.get(machine.customer(), id).await?),
                Step::Write(put) => {
                    let made = self.table.put(machine.customer(), &put, &writer).await?;
                    Answer::Written(made)
                }
                Step::Contended => anyhow::bail!("others write the same item all the time"),
                step => return Ok(step),
            };
            machine.answer(answer);
        }
    }
}

/// Whole seconds below, as SQS has no others: what comes a moment early waits for its time, what comes
/// late is late.
fn delay(delay_ms: u64) -> Duration {
    Duration::from_secs(delay_ms / 1000)
}

impl Hints for DelayQueue {
    async fn send(&self, hints: &[(Hint, Duration)]) -> anyhow::Result<()> {
        let body =
            |(hint, after): &(Hint, Duration)| Ok((String::from_utf8(wire::encode(hint))?, *after));
        Self::send(self, &hints.iter().map(body).collect::<anyhow::Result<Vec<_>>>()?).await
    }
}

/// The table in DynamoDB.
#[derive(Debug, Clone)]
pub struct ScheduledTable {
    client: Client,
    table: String,
}

impl ScheduledTable {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Hints for what is due in the hour named `hour` and not after `until_ms`, the earliest first.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn due(&self, hour: &str, until_ms: u64, limit: usize) -> anyhow::Result<Vec<Hint>> {
        let due = attributes::due(&self.client, &self.table, hour, until_ms, limit).await?;
        let hint = |item: &Attributes| {
            Ok(Hint {
                v: V,
                customer: text_of(item, "customer")?.into(),
                message: text_of(item, "message")?.parse()?,
                due_ms: number_of(item, "due_at")?,
                news: false,
                swept: true,
            })
        };
        due.iter().map(hint).collect()
    }
}

impl Store for ScheduledTable {
    async fn get(&self, customer: &CustomerId, id: MessageId) -> anyhow::Result<Option<Stored>> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.set_key(Some(keys(customer, id))).send().await;
        let item = found.context("table scheduled does not answer")?.item;
        item.map(|item| decode(&item)).transpose()
    }

    async fn put(&self, customer: &CustomerId, put: &Put, writer: &str) -> anyhow::Result<bool> {
        let is_new = put.read_version == 0;
        let mut request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(customer, put, writer)?))
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":next", number(put.read_version + 1))
            .expression_attribute_values(":writer", text(writer));
        let before = if is_new { "attribute_not_exists(customer)" } else { "#version = :read" };
        if !is_new {
            request = request.expression_attribute_values(":read", number(put.read_version));
        }
        let condition = format!("{before} OR (#version = :next AND writer = :writer)");
        match request.condition_expression(condition).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).context("table scheduled does not take an item"),
        }
    }
}

fn keys(customer: &CustomerId, id: MessageId) -> Attributes {
    item([("customer", text(customer.as_str())), ("message", text(id.to_string()))])
}

fn encode(customer: &CustomerId, put: &Put, writer: &str) -> anyhow::Result<Attributes> {
    let kept = Kept { v: V, item: put.item.clone() };
    let mut attributes = keys(customer, put.message);
    attributes.extend(item([
        ("version", number(put.read_version + 1)),
        ("writer", text(writer)),
        ("data", text(String::from_utf8(wire::encode(&kept))?)),
        ("ttl", number(put.item.kept_until_ms() / 1000)),
    ]));
    if let Some(due_ms) = put.item.due_ms() {
        attributes.extend(item([("due_hour", text(due_hour(due_ms))), ("due_at", number(due_ms))]));
    }
    Ok(attributes)
}

fn decode(item: &Attributes) -> anyhow::Result<Stored> {
    let kept: Kept = wire::decode(text_of(item, "data")?.as_bytes())?;
    Ok(Stored { version: number_of(item, "version")?, item: kept.item })
}
