//! A batch of records: each is read, routed under the configuration version that it names, and
//! what follows is published. Those whose handset may have said STOP wait for one read of the table
//! for all of them; the others cost nothing more.

use std::collections::HashSet;
use std::sync::Arc;

use domain::mo::opt_out;
use platform::function::shell::decode;
use platform::function::{Configurations, Decided, Event, Outputs, Place, Record, Shell, Versions};
use platform::opt_outs::Key;
use scheduling::park::Parking;

use crate::configuration::Configuration;
use crate::parking::park;
use crate::ports::{OptOuts, Schedule};
use crate::record::Accepted;

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<V, T, S, O> {
    /// The configuration.
    pub configurations: Configurations<V, Configuration>,
    /// Table `opt_outs`.
    pub opt_outs: T,
    /// Where messages wait for their time.
    pub schedule: S,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
}

/// A record that waits for what its handset wishes.
struct Waiting<'e> {
    record: &'e Record<'e>,
    value: Vec<u8>,
    keys: [Key; 2],
    configuration: Arc<Configuration>,
}

/// What reading a record led to.
enum Read {
    /// It is routed.
    Done,
    /// It is to wait.
    Waits([Key; 2], Arc<Configuration>),
    /// Its time has not come, or has not been said to have.
    Parks(Box<Parking>),
    /// It can never be processed.
    Dead(String),
}

impl<V: Versions, T: OptOuts, S: Schedule, O: Outputs> Handler<V, T, S, O> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka or a table refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.shell.invoke(self.batch(event)).await
    }

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<Decided> {
        let mut decided = Decided::default();
        let (mut waiting, mut parkings) = (Vec::new(), Vec::new());
        let mut value = Vec::new();
        for record in event.records.values().flatten() {
            decode(record, &mut value)?;
            match self.record(record, &value, &mut decided).await? {
                Read::Done => {}
                Read::Waits(keys, configuration) => {
                    let value = std::mem::take(&mut value);
                    waiting.push(Waiting { record, value, keys, configuration });
                }
                Read::Parks(parking) => parkings.push(*parking),
                Read::Dead(reason) => decided.outputs.push(self.shell.dead(record, &value, reason)),
            }
        }
        if !parkings.is_empty() {
            Box::pin(park(&self.schedule, parkings, &mut decided)).await?;
        }
        if !waiting.is_empty() {
            self.look_up(waiting, &mut decided).await?;
        }
        Ok(decided)
    }

    /// Routes a message, unless it has to wait.
    async fn record(
        &self,
        record: &Record<'_>,
        value: &[u8],
        decided: &mut Decided,
    ) -> anyhow::Result<Read> {
        let place = Place::of(record);
        let accepted = match self.shell.pure(place, || Accepted::read(value)) {
            Ok(accepted) => accepted,
            Err(reason) => return Ok(Read::Dead(reason)),
        };
        if let Some(time_ms) = accepted.waits_until_ms() {
            let now_ms = (self.shell.now_ms)();
            let parking = Parking::new(accepted.into_message(), time_ms, now_ms);
            return Ok(Read::Parks(Box::new(parking)));
        }
        let version = accepted.config();
        let Some(configuration) = self.configurations.get(version).await? else {
            return Ok(Read::Dead(format!("configuration version {version} does not exist")));
        };
        if let Some(keys) = keys(&accepted, &configuration) {
            return Ok(Read::Waits(keys, configuration));
        }
        let routed = self.route(place, accepted, &configuration, decided);
        Ok(routed.map_or_else(Read::Dead, |()| Read::Done))
    }

    /// Reads the wishes of all that wait, and routes or refuses each.
    async fn look_up(
        &self,
        waiting: Vec<Waiting<'_>>,
        decided: &mut Decided,
    ) -> anyhow::Result<()> {
        let keys: HashSet<&Key> = waiting.iter().flat_map(|waits| &waits.keys).collect();
        let keys: Vec<Key> = keys.into_iter().cloned().collect();
        let found = self.opt_outs.read(&keys).await?;
        for Waiting { record, value, keys, configuration } in &waiting {
            let place = Place::of(record);
            let histories = keys.iter().filter_map(|key| Some(&found.get(key)?.history));
            let judged = self.shell.pure(place, || {
                let accepted = Accepted::read(value)?;
                let began_ms = accepted.may_be_opted_out().map(|message| message.attempt_ms);
                let refused = began_ms.is_some_and(|began| opt_out::refuses(histories, began));
                Ok(if refused { accepted.opted_out() } else { accepted })
            });
            let routed = judged.and_then(|it| self.route(place, it, configuration, decided));
            if let Err(reason) = routed {
                decided.outputs.push(self.shell.dead(record, value, reason));
            }
        }
        Ok(())
    }

    /// Routes a message, or says why its record is a dead letter.
    fn route(
        &self,
        place: Place<'_>,
        accepted: Accepted<'_>,
        configuration: &Configuration,
        decided: &mut Decided,
    ) -> Result<(), String> {
        let before = decided.outputs.len();
        let routed = self.shell.pure(place, || {
            let now_ms = (self.shell.now_ms)();
            Ok(accepted.route(configuration, place.origin, now_ms, &mut decided.outputs))
        });
        match routed {
            Ok(events) => {
                decided.events.extend(events);
                Ok(())
            }
            Err(reason) => {
                decided.outputs.truncate(before);
                Err(reason)
            }
        }
    }
}

/// What has to be read before this message is routed; none: nothing.
fn keys(accepted: &Accepted<'_>, configuration: &Configuration) -> Option<[Key; 2]> {
    let envelope = &accepted.may_be_opted_out()?.envelope;
    let subjects = configuration.opt_outs.subjects(&envelope.customer, envelope.source.digits())?;
    Some(subjects.map(|subject| Key::new(&subject, envelope.destination.digits())))
}
