//! Who drains a mailbox: one at a time, by a lease beside the customer's binds. Leases of one customer
//! have rising numbers, so that a claim tells whether it is of an older one.

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use domain::id::CustomerId;

use super::is_held;
use crate::attributes::{item, number, number_of, text};

/// Sort key of the lease, behind all binds: their ids begin with letters or digits.
pub(super) const RESERVED: &str = "~drainer";
const TIDY_AFTER_S: u64 = 14 * 24 * 3_600;

/// A lease that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose mailbox.
    pub customer: CustomerId,
    /// Who: unique to this taking.
    pub holder: String,
    /// Higher than that of any lease before.
    pub number: u64,
    /// Its end by the holder's clock, Unix milliseconds.
    pub until_ms: u64,
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is ours.
    Taken(Lease),
    /// Somebody has it until then, by that clock.
    Held {
        /// Unix milliseconds.
        until_ms: u64,
    },
}

/// What the lease's item says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Noted {
    number: u64,
    until_ms: u64,
}

/// The number of the next lease, if the one noted is over. The time is in it, so that numbers rise even
/// after TTL has tidied the item away.
fn next(noted: &Noted, now_ms: u64) -> Result<u64, u64> {
    if is_held(noted.until_ms, now_ms) {
        Err(noted.until_ms)
    } else {
        Ok(now_ms.max(noted.number + 1))
    }
}

/// Leases in `customer-binds`.
#[derive(Debug, Clone)]
pub struct Leases {
    client: Client,
    table: String,
}

impl Leases {
    /// In table `customer-binds`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Takes the lease of `customer`'s mailbox until `until_ms`, unless somebody holds it. `holder` must
    /// be new: a repeat whose answer was lost finds itself.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn take(
        &self,
        customer: &CustomerId,
        holder: &str,
        now_ms: u64,
        until_ms: u64,
    ) -> anyhow::Result<LeaseAnswer> {
        let noted = self.noted(customer).await?;
        let number_taken = match next(&noted, now_ms) {
            Ok(number) => number,
            Err(until_ms) => return Ok(LeaseAnswer::Held { until_ms }),
        };
        let condition = "attribute_not_exists(customer) OR #number = :read OR holder = :holder";
        let update = self
            .update(customer, holder, until_ms)
            .update_expression(
                "SET holder = :holder, #number = :number, until_ms = :until, #ttl = :ttl",
            )
            .condition_expression(condition)
            .expression_attribute_names("#number", "number")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":read", number(noted.number))
            .expression_attribute_values(":number", number(number_taken))
            .expression_attribute_values(":ttl", number(until_ms / 1000 + TIDY_AFTER_S));
        if made(update.send().await)? {
            let (customer, holder) = (customer.clone(), holder.to_owned());
            return Ok(LeaseAnswer::Taken(Lease {
                customer,
                holder,
                number: number_taken,
                until_ms,
            }));
        }
        Ok(LeaseAnswer::Held { until_ms: self.noted(customer).await?.until_ms })
    }

    /// Prolongs a lease to `until_ms`; false: it is somebody else's by now.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn renew(&self, lease: &Lease, until_ms: u64) -> anyhow::Result<bool> {
        let update = self
            .update(&lease.customer, &lease.holder, until_ms)
            .update_expression("SET until_ms = :until")
            .condition_expression("holder = :holder");
        made(update.send().await)
    }

    /// Gives a lease back; one that is somebody else's by now is left alone.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn release(&self, lease: &Lease) -> anyhow::Result<()> {
        self.renew(lease, 0).await.map(drop)
    }

    async fn noted(&self, customer: &CustomerId) -> anyhow::Result<Noted> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let key = item([("customer", text(customer.as_str())), ("bind", text(RESERVED))]);
        let found = get.set_key(Some(key)).send().await;
        match found.context("table customer-binds does not answer")?.item {
            Some(item) => Ok(Noted {
                number: number_of(&item, "number")?,
                until_ms: number_of(&item, "until_ms")?,
            }),
            None => Ok(Noted::default()),
        }
    }

    fn update(
        &self,
        customer: &CustomerId,
        holder: &str,
        until_ms: u64,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let key = item([("customer", text(customer.as_str())), ("bind", text(RESERVED))]);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":until", number(until_ms))
    }
}

fn made<T, R>(answer: Result<T, SdkError<UpdateItemError, R>>) -> anyhow::Result<bool>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(SdkError::ServiceError(error))
            if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
        {
            Ok(false)
        }
        Err(error) => Err(error).context("table customer-binds does not take a lease"),
    }
}
