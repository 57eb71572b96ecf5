//! Table `mailboxes`: deliveries that wait for their customer.
//!
//! An item is there once for each delivery, and stays as a mark when it is done, so that parking again
//! does nothing. What waits is found, in the order of its time, through the local index `waiting`:
//! sparse (a mark is not in it) and consistent (a drain that begins after a park sees it).

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::BatchStatementRequest;
use domain::id::{CustomerId, DeliveryId};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use wire::assembly_deadlines::due_hour;
use wire::customer_deliveries::CustomerDelivery;

use crate::attributes::{self, Attributes, item, number, number_of, text, text_of};
use crate::batches;

use super::{AT_ONCE, DELIVERY_KEPT_MS};

/// Statements in one BatchExecuteStatement (AWS: at most 25).
const BATCH_MAX: usize = 25;
/// The local index of what waits.
const WAITING: &str = "waiting";
/// The claim of what is done: no lease reaches it.
const DONE: u64 = 9_999_999_999_999_999;
/// A week (design, section 8): so long a second parking finds the first.
const TIDY_AFTER_S: u64 = 7 * 24 * 3_600;

/// A delivery to be parked.
#[derive(Debug, Clone, PartialEq)]
pub struct Parked {
    /// Itself.
    pub delivery: CustomerDelivery,
    /// Not to be tried before, Unix milliseconds; 0: at once.
    pub not_before_ms: u64,
    /// How often the customer has put it off.
    pub tries: u32,
}

/// A delivery that was fetched, and is claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// Itself.
    pub delivery: CustomerDelivery,
    /// How often the customer has put it off.
    pub tries: u32,
}

/// What a fetch found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fetched {
    /// In their order, all claimed by the lease.
    pub mails: Vec<Mail>,
    /// Where to go on; none: that was all.
    pub next: Option<String>,
    /// The earliest time of what was left because the customer put it off.
    pub later_ms: Option<u64>,
}

/// The table.
#[derive(Debug, Clone)]
pub struct Mailboxes {
    client: Client,
    table: String,
}

impl Mailboxes {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Parks each, unless it is there already, waiting or done.
    ///
    /// # Errors
    /// The table does not answer; some may be parked.
    pub async fn park(&self, parked: &[Parked]) -> anyhow::Result<()> {
        let all: Vec<_> = parked.chunks(BATCH_MAX).map(|some| self.park_some(some)).collect();
        stream::iter(all).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn park_some(&self, parked: &[Parked]) -> anyhow::Result<()> {
        let one_by_one: Vec<&Parked> = match parked {
            [one] => vec![one],
            some => {
                let statements =
                    some.iter().map(|one| self.insert(one)).collect::<Result<_, _>>()?;
                let request = self.client.batch_execute_statement();
                let answer = request.set_statements(Some(statements)).send().await;
                let answers = answer.context("table mailboxes does not answer")?.responses;
                let answers = answers.unwrap_or_default();
                anyhow::ensure!(answers.len() == some.len(), "not each statement is answered");
                // There already, or throttled: a put tells which.
                let refused = some.iter().zip(answers).filter(|(_, it)| it.error.is_some());
                refused.map(|(one, _)| one).collect()
            }
        };
        let all: Vec<_> = one_by_one.into_iter().map(|one| self.park_one(one)).collect();
        stream::iter(all).buffer_unordered(AT_ONCE).try_collect().await
    }

    fn insert(&self, parked: &Parked) -> anyhow::Result<BatchStatementRequest> {
        let (names, values): (Vec<_>, Vec<_>) = encode(parked)?.into_iter().unzip();
        let names: Vec<_> = names.iter().map(|name| format!("'{name}': ?")).collect();
        let statement = format!(r#"INSERT INTO "{}" VALUE {{{}}}"#, self.table, names.join(", "));
        let request = BatchStatementRequest::builder().statement(statement);
        Ok(request.set_parameters(Some(values)).build()?)
    }

    async fn park_one(&self, parked: &Parked) -> anyhow::Result<()> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(encode(parked)?));
        match put.condition_expression("attribute_not_exists(id)").send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(())
            }
            Err(error) => Err(error).context("table mailboxes does not take a delivery"),
        }
    }

    /// Whether anything waits, also what was put off.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn has_mail(&self, customer: &CustomerId) -> anyhow::Result<bool> {
        let found = self.query(customer, None).limit(1).send().await;
        Ok(found.context("table mailboxes does not answer")?.count > 0)
    }

    /// Claims for the lease numbered `lease` what waits after `after`, `limit` items at most. What a newer
    /// lease claimed is left to it, what an older one did is taken over.
    ///
    /// # Errors
    /// The table does not answer; some may be claimed.
    pub async fn fetch(
        &self,
        customer: &CustomerId,
        lease: u64,
        after: Option<&str>,
        limit: usize,
        now_ms: u64,
    ) -> anyhow::Result<Fetched> {
        let query = self.query(customer, after).limit(i32::try_from(limit)?);
        let answer = query.send().await.context("table mailboxes does not answer")?;
        let goes_on = answer.last_evaluated_key.is_some();
        let items = answer.items.unwrap_or_default();
        let last = items.last().map(|item| text_of(item, WAITING).map(str::to_owned));
        let mut later_ms: Option<u64> = None;
        let mut due = Vec::with_capacity(items.len());
        for item in items {
            match number_of(&item, "not_before_ms")? {
                time_ms if time_ms > now_ms => {
                    later_ms = Some(later_ms.map_or(time_ms, |other| other.min(time_ms)));
                }
                _ => match decode(&item) {
                    Ok(mail) => due.push(mail),
                    // Written by a newer program: it stays, and holds up nothing behind it.
                    Err(error) => tracing::error!(event = "mail_unreadable", %error),
                },
            }
        }
        let claims: Vec<_> =
            due.chunks(BATCH_MAX).map(|some| self.claim(customer, lease, some)).collect();
        let claimed: Vec<Vec<Mail>> = stream::iter(claims).buffered(AT_ONCE).try_collect().await?;
        let next = if goes_on { last.transpose()? } else { None };
        Ok(Fetched { mails: claimed.into_iter().flatten().collect(), next, later_ms })
    }

    async fn claim(
        &self,
        customer: &CustomerId,
        lease: u64,
        mails: &[Mail],
    ) -> anyhow::Result<Vec<Mail>> {
        let statement = format!(
            r#"UPDATE "{}" SET claim = ? WHERE customer = ? AND id = ? AND claim <= ?"#,
            self.table
        );
        let request = |mail: &Mail| {
            let id = text(mail.delivery.id.to_string());
            let parameters = vec![number(lease), text(customer.as_str()), id, number(lease)];
            let request = BatchStatementRequest::builder().statement(&statement);
            request.set_parameters(Some(parameters)).build()
        };
        let statements = mails.iter().map(request).collect::<Result<_, _>>()?;
        let request = self.client.batch_execute_statement().set_statements(Some(statements));
        let answer = request.send().await.context("table mailboxes does not answer")?;
        let answers = answer.responses.unwrap_or_default();
        anyhow::ensure!(answers.len() == mails.len(), "not each claim is answered");
        // What was refused is another's, or the table is slow: a later look finds it.
        let mine = mails.iter().zip(answers).filter(|(_, answer)| answer.error.is_none());
        Ok(mine.map(|(mail, _)| mail.clone()).collect())
    }

    /// The customer put it off: it waits until `not_before_ms`, if the claim is still the lease's.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn put_off(
        &self,
        customer: &CustomerId,
        id: DeliveryId,
        lease: u64,
        not_before_ms: u64,
        tries: u32,
    ) -> anyhow::Result<()> {
        let key = item([("customer", text(customer.as_str())), ("id", text(id.to_string()))]);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET not_before_ms = :not_before, tries = :tries")
            .condition_expression("claim = :lease")
            .expression_attribute_values(":not_before", number(not_before_ms))
            .expression_attribute_values(":tries", number(tries.into()))
            .expression_attribute_values(":lease", number(lease));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(())
            }
            Err(error) => Err(error).context("table mailboxes does not put off"),
        }
    }

    /// Marks as done, each id once: what was answered is answered, whoever holds the claim.
    ///
    /// # Errors
    /// The table does not answer; some may be marked.
    pub async fn done(&self, done: &[(CustomerId, DeliveryId)], now_ms: u64) -> anyhow::Result<()> {
        let request = |(customer, id): &(CustomerId, DeliveryId)| {
            let mark = item([
                ("customer", text(customer.as_str())),
                ("id", text(id.to_string())),
                ("claim", number(DONE)),
                ("ttl", number((now_ms + DELIVERY_KEPT_MS) / 1000 + TIDY_AFTER_S)),
            ]);
            batches::put(mark)
        };
        let requests = done.iter().map(request).collect::<anyhow::Result<_>>()?;
        batches::write_all(&self.client, &self.table, requests).await
    }

    /// What waits, of all customers, whose 72 h end in the hour named `due_hour` and not after `until_ms`.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn due(
        &self,
        due_hour: &str,
        until_ms: u64,
        limit: usize,
    ) -> anyhow::Result<Vec<(CustomerId, DeliveryId)>> {
        let due = attributes::due(&self.client, &self.table, due_hour, until_ms, limit).await?;
        let key = |item: &Attributes| {
            anyhow::Ok((text_of(item, "customer")?.into(), text_of(item, "id")?.parse()?))
        };
        due.iter().map(key).collect()
    }

    /// Those of these that still wait.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn get(
        &self,
        keys: &[(CustomerId, DeliveryId)],
    ) -> anyhow::Result<Vec<CustomerDelivery>> {
        let gets: Vec<_> = keys.iter().map(|(customer, id)| self.get_one(customer, *id)).collect();
        let found: Vec<Option<CustomerDelivery>> =
            stream::iter(gets).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_one(
        &self,
        customer: &CustomerId,
        id: DeliveryId,
    ) -> anyhow::Result<Option<CustomerDelivery>> {
        let key = item([("customer", text(customer.as_str())), ("id", text(id.to_string()))]);
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.set_key(Some(key)).send().await;
        let found = found.context("table mailboxes does not answer")?.item;
        let waits = found.filter(|item| item.contains_key(WAITING));
        Ok(waits.map(|item| decode(&item)).transpose()?.map(|mail| mail.delivery))
    }

    fn query(
        &self,
        customer: &CustomerId,
        after: Option<&str>,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(WAITING)
            .consistent_read(true)
            .key_condition_expression("customer = :customer AND waiting > :after")
            .expression_attribute_values(":customer", text(customer.as_str()))
            .expression_attribute_values(":after", text(after.unwrap_or("0")))
    }
}

fn encode(parked: &Parked) -> anyhow::Result<Attributes> {
    let delivery = &parked.delivery;
    let id = delivery.id.to_string();
    let due_ms = delivery.at_ms.saturating_add(DELIVERY_KEPT_MS);
    Ok(item([
        ("customer", text(delivery.customer.as_str())),
        (WAITING, text(format!("{:014}#{id}", delivery.at_ms))),
        ("id", text(id)),
        ("delivery", text(String::from_utf8(wire::encode(delivery))?)),
        ("claim", number(0)),
        ("not_before_ms", number(parked.not_before_ms)),
        ("tries", number(parked.tries.into())),
        ("due_hour", text(due_hour(due_ms))),
        ("due_at", number(due_ms)),
        ("ttl", number(due_ms / 1000 + TIDY_AFTER_S)),
    ]))
}

fn decode(item: &Attributes) -> anyhow::Result<Mail> {
    Ok(Mail {
        delivery: wire::decode(text_of(item, "delivery")?.as_bytes())?,
        tries: u32::try_from(number_of(item, "tries")?)?,
    })
}
