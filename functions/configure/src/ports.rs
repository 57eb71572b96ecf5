//! What the handler needs of the world.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::config::{Document, SlotLedger};
use domain::id::{CustomerId, MessageId, PartId, ProviderId};
use journal::{OpenDoubt, Unsurveyed};
use platform::kafka::TopicNeed;
use platform::messages::{Found, Journey, Page};
use wire::dead_letters::DeadLetter;
use wire::submit_journal::{PRIORITIES, Resolution};

use crate::letters::{LetterAt, Scan, Wanted};

/// Table `config`.
pub trait Store {
    /// The version in force; none before the first.
    fn current(&self) -> impl Future<Output = anyhow::Result<Option<u64>>> + Send;
    /// A version's document; none if there is no such version.
    fn load(
        &self,
        version: u64,
    ) -> impl Future<Output = anyhow::Result<Option<Arc<Document>>>> + Send;
    /// Who had which slot in any version up to this one.
    fn slots(&self, version: u64) -> impl Future<Output = anyhow::Result<SlotLedger>> + Send;
    /// Makes `document` the version after `previous`, if that still is in force; else tells the
    /// one that is. A repeat by the same writer succeeds.
    fn apply(
        &self,
        previous: Option<u64>,
        document: &Document,
        writer: &str,
    ) -> impl Future<Output = anyhow::Result<Applied>> + Send;
}

/// What became of an [`Store::apply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// This version is in force.
    Version(u64),
    /// Another one came first; this one is in force.
    Outdated(Option<u64>),
}

/// Kafka: topics and the journals' beginnings.
pub trait Topics {
    /// Creates what is missing, grows what is small.
    fn ensure(&self, needs: &[TopicNeed]) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Writes the first position of each slot whose journal is empty.
    fn found_journals(&self, slots: &[u32]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Kafka: what is in doubt, and an operator's words.
pub trait Journals {
    /// The doubts of a slot, if they can be told within `at_most`.
    fn survey(
        &self,
        slot: u32,
        at_most: Duration,
    ) -> impl Future<Output = anyhow::Result<Surveyed>> + Send;
    /// Appends to a slot's journal; all in-sync replicas have it.
    fn resolve(
        &self,
        slot: u32,
        words: &[Resolution],
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Appends to a slot's journal that nothing is to be sent any more of what its outgoing partitions,
    /// which are those of the provider's bind `bind`, hold now. Tells their ends, by priority.
    fn drain(
        &self,
        provider: &ProviderId,
        bind: usize,
        slot: u32,
    ) -> impl Future<Output = anyhow::Result<[u64; PRIORITIES]>> + Send;
}

/// What a survey found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surveyed {
    /// All doubts.
    Told(Vec<OpenDoubt>),
    /// The journal cannot be understood.
    Refused(Unsurveyed),
    /// It takes longer.
    OutOfTime,
}

/// Kafka: what programs gave up on.
pub trait DeadLetters {
    /// Partitions of a topic; 0: it does not exist.
    fn partitions(&self, topic: &str) -> impl Future<Output = anyhow::Result<i32>> + Send;
    /// Looks through one partition of `dead-letters`, from the oldest wanted on.
    fn scan(
        &self,
        partition: i32,
        wanted: &Wanted,
        at_most: Duration,
    ) -> impl Future<Output = anyhow::Result<Scan>> + Send;
    /// One dead letter; none: there is none (any more).
    fn letter(
        &self,
        at: LetterAt,
    ) -> impl Future<Output = anyhow::Result<Option<DeadLetter>>> + Send;
    /// Publishes the records to where they stood; all in-sync replicas have them.
    fn put_back(&self, letters: &[DeadLetter]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Table `messages`.
pub trait Messages {
    /// The journey of a message, by its own id or that of one of its parts; none: nothing is known.
    fn journey(&self, id: PartId) -> impl Future<Output = anyhow::Result<Option<Journey>>> + Send;
    /// The journeys of several, in their order, without those that are gone.
    fn journeys(
        &self,
        ids: &[MessageId],
    ) -> impl Future<Output = anyhow::Result<Vec<Journey>>> + Send;
    /// A customer's messages of a day.
    fn of_customer(
        &self,
        customer: &CustomerId,
        day: &str,
        page: Page<'_>,
    ) -> impl Future<Output = anyhow::Result<Found>> + Send;
    /// Messages of a day to a handset and from it, by its number's hash.
    fn of_handset(
        &self,
        hash: &str,
        day: &str,
        page: Page<'_>,
    ) -> impl Future<Output = anyhow::Result<Found>> + Send;
}
