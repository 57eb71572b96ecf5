//! The ports in memory, and requests to a handler over them.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use configure::handler::Handler;
use configure::letters::{LetterAt, Scan, Wanted};
use configure::ports::{Applied, DeadLetters, Journals, Messages, Store, Surveyed, Topics};
use domain::config::{Document, SlotLedger};
use domain::id::{CustomerId, MessageId, PartId, ProviderId};
use journal::{JournalRecord, Survey};
use platform::kafka::TopicNeed;
use platform::messages::{Found, Journey, NumberHash, Page, at, day};
use serde_json::{Value, json};
use wire::dead_letters::DeadLetter;
use wire::message_events::MessageEvent;
use wire::message_status::merged;
use wire::submit_journal::{self, Resolution};

pub(crate) const FIRST: &str = "0190a5d0-0000-4000-8000-000000000001";
pub(crate) const SECOND: &str = "0190a5d0-0000-4000-8000-000000000002";

/// Table `config` and Kafka in memory; `steps` notes what was done in which order.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) versions: Mutex<Vec<(Arc<Document>, String)>>,
    pub(crate) steps: Mutex<Vec<String>>,
    pub(crate) topics: Mutex<BTreeMap<String, u32>>,
    pub(crate) kafka_down: Mutex<bool>,
    /// Records of each slot's journal; one that is not there takes too long to read.
    pub(crate) journals: Mutex<BTreeMap<u32, Vec<JournalRecord>>>,
    /// Values of the one partition of `dead-letters`, a second apart.
    pub(crate) letters: Mutex<Vec<Vec<u8>>>,
    pub(crate) put_back: Mutex<Vec<DeadLetter>>,
    /// All of table `messages`.
    pub(crate) events: Mutex<Vec<MessageEvent<'static>>>,
}

impl World {
    pub(crate) fn step(&self, step: &str) {
        self.steps.lock().unwrap().push(step.to_owned());
    }

    pub(crate) fn steps(&self) -> Vec<String> {
        std::mem::take(&mut *self.steps.lock().unwrap())
    }
}

impl Store for &World {
    async fn current(&self) -> anyhow::Result<Option<u64>> {
        let versions = self.versions.lock().unwrap().len();
        Ok((versions > 0).then_some(versions as u64))
    }

    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        let Some(index) = usize::try_from(version)?.checked_sub(1) else { return Ok(None) };
        Ok(self.versions.lock().unwrap().get(index).map(|(document, _)| document.clone()))
    }

    async fn slots(&self, version: u64) -> anyhow::Result<SlotLedger> {
        let versions = self.versions.lock().unwrap();
        let so_far = &versions[..usize::try_from(version)?];
        Ok(so_far.iter().fold(SlotLedger::default(), |ledger, (document, _)| ledger.with(document)))
    }

    async fn apply(
        &self,
        previous: Option<u64>,
        document: &Document,
        writer: &str,
    ) -> anyhow::Result<Applied> {
        let mut versions = self.versions.lock().unwrap();
        let (current, version) = (versions.len() as u64, previous.unwrap_or(0) + 1);
        if current == version && versions.last().is_some_and(|(_, by)| by == writer) {
            return Ok(Applied::Version(version));
        }
        if current + 1 != version {
            return Ok(Applied::Outdated(Some(current)));
        }
        versions.push((Arc::new(document.clone()), writer.to_owned()));
        self.step("version");
        Ok(Applied::Version(version))
    }
}

impl Topics for &World {
    async fn ensure(&self, needs: &[TopicNeed]) -> anyhow::Result<()> {
        if *self.kafka_down.lock().unwrap() {
            bail!("Kafka does not answer: broker 10.1.2.3");
        }
        let mut topics = self.topics.lock().unwrap();
        topics.extend(needs.iter().map(|need| (need.name.clone(), need.partitions)));
        self.step("topics");
        Ok(())
    }

    async fn found_journals(&self, slots: &[u32]) -> anyhow::Result<()> {
        self.step(&format!("journals {slots:?}"));
        Ok(())
    }
}

impl Journals for &World {
    async fn survey(&self, slot: u32, _: Duration) -> anyhow::Result<Surveyed> {
        if *self.kafka_down.lock().unwrap() {
            bail!("Kafka does not answer: broker 10.1.2.3");
        }
        let journals = self.journals.lock().unwrap();
        let Some(records) = journals.get(&slot) else { return Ok(Surveyed::OutOfTime) };
        let mut survey = Survey::new(records.len() as u64);
        while let Some(wanted) = survey.wants() {
            let stretch = &records[usize::try_from(wanted.start)?..];
            stretch.iter().for_each(|record| survey.record(record));
            survey.stretch_read(wanted.start);
        }
        Ok(survey.doubts().map_or_else(Surveyed::Refused, Surveyed::Told))
    }

    async fn resolve(&self, slot: u32, words: &[Resolution]) -> anyhow::Result<()> {
        let mut journals = self.journals.lock().unwrap();
        let records = journals.get_mut(&slot).unwrap();
        for word in words {
            let value = submit_journal::Body::Resolution(word.clone()).encode()?;
            let offset = records.len() as u64;
            records.push(JournalRecord::read(offset, 0, b"", &value));
        }
        Ok(())
    }

    async fn drain(&self, _: &ProviderId, bind: usize, slot: u32) -> anyhow::Result<[u64; 3]> {
        if *self.kafka_down.lock().unwrap() {
            bail!("Kafka does not answer: broker 10.1.2.3");
        }
        let before = [1, 2, 3].map(|end| 10 * bind as u64 + end);
        let value = submit_journal::Body::Drain(submit_journal::Drain { before }).encode()?;
        let mut journals = self.journals.lock().unwrap();
        let records = journals.get_mut(&slot).unwrap();
        records.push(JournalRecord::read(records.len() as u64, 0, b"", &value));
        Ok(before)
    }
}

impl DeadLetters for &World {
    async fn partitions(&self, topic: &str) -> anyhow::Result<i32> {
        let partitions = self.topics.lock().unwrap().get(topic).copied();
        Ok(i32::try_from(partitions.unwrap_or(0))?)
    }

    async fn scan(&self, partition: i32, wanted: &Wanted, _: Duration) -> anyhow::Result<Scan> {
        let mut scan = Scan::of(partition);
        for (offset, value) in (0..).zip(self.letters.lock().unwrap().iter()) {
            let time_ms = offset * 1_000;
            if time_ms >= wanted.since_ms && scan.record(wanted, offset, time_ms, value).is_break()
            {
                scan.read_to_ms = Some(time_ms);
                break;
            }
        }
        Ok(scan)
    }

    async fn letter(&self, at: LetterAt) -> anyhow::Result<Option<DeadLetter>> {
        let letters = self.letters.lock().unwrap();
        let found = letters.get(usize::try_from(at.offset)?).filter(|_| at.partition == 0);
        Ok(found.and_then(|value| wire::decode(value).ok()))
    }

    async fn put_back(&self, letters: &[DeadLetter]) -> anyhow::Result<()> {
        if *self.kafka_down.lock().unwrap() {
            bail!("Kafka does not answer: broker 10.1.2.3");
        }
        self.put_back.lock().unwrap().extend(letters.iter().cloned());
        Ok(())
    }
}

impl Messages for &World {
    async fn journey(&self, id: PartId) -> anyhow::Result<Option<Journey>> {
        if *self.kafka_down.lock().unwrap() {
            bail!("table messages does not answer: 10.1.2.3");
        }
        let events = self.events.lock().unwrap();
        let has = |event: &&MessageEvent<'_>| event.parts.iter().any(|part| part.id == id);
        let message = events.iter().find(has).map_or(id.into(), |event| event.message);
        let events = events.iter().filter(|event| event.message == message).cloned();
        let events = merged(events);
        Ok((!events.is_empty()).then_some(Journey { message, events }))
    }

    async fn journeys(&self, ids: &[MessageId]) -> anyhow::Result<Vec<Journey>> {
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.journey((*id).into()).await?);
        }
        Ok(found)
    }

    async fn of_customer(
        &self,
        customer: &CustomerId,
        of: &str,
        page: Page<'_>,
    ) -> anyhow::Result<Found> {
        Ok(self.found(of, page, |event| *event.customer == *customer))
    }

    async fn of_handset(&self, hash: &str, of: &str, page: Page<'_>) -> anyhow::Result<Found> {
        let is_its = |event: &MessageEvent<'_>| {
            event.destination.as_deref().is_some_and(|address| numbers().of(address) == hash)
        };
        Ok(self.found(of, page, is_its))
    }
}

impl World {
    fn found(
        &self,
        of: &str,
        page: Page<'_>,
        is_meant: impl Fn(&MessageEvent<'_>) -> bool,
    ) -> Found {
        let events = self.events.lock().unwrap();
        let first = events.iter().filter(|event| event.happened.is_first() && is_meant(event));
        let first = first.filter(|event| day(event.at_ms) == of);
        let mut all: Vec<_> = first.map(|event| (event.at_ms, event.message)).collect();
        all.sort_unstable_by_key(|(at_ms, message)| at(*at_ms, *message));
        all.retain(|(at_ms, message)| {
            page.after.is_none_or(|after| *at(*at_ms, *message) > *after)
        });
        let next = all.get(page.limit).and(all.get(page.limit - 1));
        let next = next.map(|(at_ms, message)| at(*at_ms, *message));
        all.truncate(page.limit);
        Found { messages: all, next }
    }
}

pub(crate) fn numbers() -> NumberHash {
    NumberHash::new("a pepper of tests")
}

pub(crate) fn now_ms() -> u64 {
    1_760_000_000_000
}

pub(crate) fn document() -> Value {
    let link = json!({"smpp": {"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}});
    json!({
        "customers": [{"id": "acme", "senders": []}],
        "providers": [{"id": "alpha", "link": link, "slots": [1, 0]}],
        "routes": [{"id": "all", "to": [{"provider": "alpha"}]},
                   {"id": "uk", "when": {"destinations": ["44"]}, "to": [{"provider": "alpha"}]}],
    })
}

pub(crate) fn request(route: &str, path: Value, body: &Value) -> Value {
    let (method, template) = route.split_once(' ').unwrap();
    json!({
        "version": "2.0", "routeKey": route, "rawPath": template, "rawQueryString": "",
        "headers": {"content-type": "application/json"}, "pathParameters": path,
        "requestContext": {"http": {"method": method, "path": template}, "timeEpoch": 0},
        "body": body.to_string(), "isBase64Encoded": false,
    })
}

pub(crate) async fn sent(world: &World, event: Value) -> (i64, Value) {
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
    let handler =
        Handler { store: world, kafka: world, messages: world, numbers: numbers(), now_ms };
    let response = handler.handle(event).await;
    let Some(Body::Text(text)) = response.body else { panic!("no text") };
    (response.status_code, serde_json::from_str(&text).unwrap())
}

pub(crate) async fn post(world: &World, path: &str, body: Value) -> (i64, Value) {
    sent(world, request(&format!("POST {path}"), json!({}), &body)).await
}

pub(crate) async fn apply(
    world: &World,
    document: &Value,
    against: Option<u64>,
    change: &str,
) -> (i64, Value) {
    let body = json!({"document": document, "planned_against": against, "change": change});
    post(world, "/config/apply", body).await
}

pub(crate) async fn get(world: &World, path: &str, query: Value) -> (i64, Value) {
    let mut event = request(&format!("GET {path}"), json!({}), &json!({}));
    event["queryStringParameters"] = query;
    sent(world, event).await
}
