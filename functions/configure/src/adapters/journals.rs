//! Journals over Kafka: the reading that a survey asks for, and appends.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use domain::id::ProviderId;
use domain::message::Priority;
use journal::{JournalRecord, OpenDoubt, Survey};
use platform::kafka::Reader;
use wire::submit_journal::{Body, Drain, PRIORITIES, Resolution};
use wire::topics::{SUBMIT_JOURNAL, provider_outgoing};

use super::Kafka;
use crate::ports::{Journals, Surveyed};

/// Intents whose time is looked up, one by one, in one survey.
const LOOKED_UP_MAX: usize = 200;

impl Journals for Kafka {
    async fn survey(&self, slot: u32, at_most: Duration) -> anyhow::Result<Surveyed> {
        let until = Instant::now() + at_most;
        let partition = i32::try_from(slot)?;
        self.reading.with(move |reader| survey(reader, partition, until)).await
    }

    async fn resolve(&self, slot: u32, words: &[Resolution]) -> anyhow::Result<()> {
        let partition = i32::try_from(slot)?;
        self.confirmed(async {
            for word in words {
                let value = Body::Resolution(word.clone()).encode()?;
                self.batch.publish(SUBMIT_JOURNAL, Some(partition), &[], &value).await?;
            }
            Ok(())
        })
        .await
    }

    async fn drain(
        &self,
        provider: &ProviderId,
        bind: usize,
        slot: u32,
    ) -> anyhow::Result<[u64; PRIORITIES]> {
        let (bind, partition) = (i32::try_from(bind)?, i32::try_from(slot)?);
        let mut before = [0; PRIORITIES];
        for (before, priority) in before.iter_mut().zip(Priority::ALL) {
            let end = self.admin.end(&provider_outgoing(provider, priority), bind).await?;
            *before = u64::try_from(end)?;
        }
        let value = Body::Drain(Drain { before }).encode()?;
        self.confirmed(async {
            Ok(self.batch.publish(SUBMIT_JOURNAL, Some(partition), &[], &value).await?)
        })
        .await?;
        Ok(before)
    }
}

fn survey(reader: &Reader, partition: i32, until: Instant) -> anyhow::Result<Surveyed> {
    let bounds = reader.bounds(SUBMIT_JOURNAL, partition)?;
    let mut survey = Survey::new(bounds.end);
    while let Some(wanted) = survey.wants() {
        let stretch = wanted.start.max(bounds.start)..wanted.end;
        let read = reader.read(SUBMIT_JOURNAL, partition, stretch.clone(), until, |found| {
            let (offset, time_ms) = (found.offset, found.time_ms);
            survey.record(&JournalRecord::read(offset, time_ms, found.key, found.value));
            match survey.wants() {
                Some(_) => ControlFlow::Continue(()),
                None => ControlFlow::Break(()),
            }
        })?;
        if survey.wants().is_some() {
            if read < stretch.end {
                return Ok(Surveyed::OutOfTime);
            }
            survey.stretch_read(stretch.start);
        }
    }
    Ok(match survey.doubts() {
        Ok(mut doubts) => {
            look_up_times(reader, partition, bounds, &mut doubts, until)?;
            Surveyed::Told(doubts)
        }
        Err(why) => Surveyed::Refused(why),
    })
}

/// A position tells no times: that of the intent stands in for it.
fn look_up_times(
    reader: &Reader,
    partition: i32,
    bounds: Range<u64>,
    doubts: &mut [OpenDoubt],
    until: Instant,
) -> anyhow::Result<()> {
    let undated = doubts.iter().filter(|doubt| doubt.since_ms.is_none());
    let intents: BTreeSet<u64> = undated.map(|doubt| doubt.intent).collect();
    for intent in intents.into_iter().filter(|it| bounds.contains(it)).take(LOOKED_UP_MAX) {
        let mut time_ms = None;
        reader.read(SUBMIT_JOURNAL, partition, intent..intent + 1, until, |found| {
            time_ms = Some(found.time_ms);
            ControlFlow::Break(())
        })?;
        let about = doubts.iter_mut().filter(|doubt| doubt.intent == intent);
        about.for_each(|doubt| doubt.since_ms = doubt.since_ms.or(time_ms));
    }
    Ok(())
}
