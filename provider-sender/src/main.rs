//! provider-sender: persistent binds to the providers. Settings come from the environment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use platform::config_store::ConfigStore;
use platform::health::Health;
use platform::kafka::{KafkaSettings, check_topics};
use platform::secrets::Secrets;
use platform::settings::exit_on_error;
use platform::{aws, config_watch, shutdown, telemetry};
use provider_sender::group::{self, Change};
use provider_sender::journal_reader;
use provider_sender::late_repeats::LateRepeats;
use provider_sender::plan::Plan;
use provider_sender::publishing::Producers;
use provider_sender::settings::Settings;
use provider_sender::slot::{Shared, SlotTask};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use wire::topics;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::start();
    let settings = exit_on_error(Settings::from_environment());
    let stop = shutdown::on_signal()?;
    let kafka = KafkaSettings::from_environment().await?;
    let needed = [
        topics::PROVIDER_SLOTS,
        topics::SUBMIT_JOURNAL,
        topics::PROVIDER_EVENTS,
        topics::PROVIDER_INCOMING_MESSAGES,
        topics::PROVIDER_INCOMING_MESSAGE_PARTS,
        topics::DEAD_LETTERS,
    ];
    check_topics(&kafka, &needed.map(str::to_owned)).await?;
    let watched = stop.clone();
    let health =
        move || if watched.is_cancelled() { Health::Bad("stopping") } else { Health::Good };
    let address = platform::health::serve(settings.health, health, stop.clone()).await?;
    tracing::info!(event = "started", health = %address);
    let dynamodb = aws::dynamodb().await;
    let late = LateRepeats::new(&kafka, dynamodb.clone(), &settings)?;
    let store = ConfigStore::new(dynamodb, settings.config_table.clone());
    let compile = |version, document: &_| Arc::new(Plan::compile(version, document));
    let plans = config_watch::follow(store, compile, stop.clone()).await;
    let topics = plans.borrow().topics();
    check_topics(&kafka, &topics).await?;
    let patience = settings.release + Duration::from_secs(3);
    let (changes, releases, thread) = group::join(&kafka, &settings.group, patience, stop.clone())?;
    let shared = Arc::new(Shared {
        producers: Producers::new(&kafka)?,
        journals: journal_reader::start(&kafka)?,
        secrets: Secrets::from_environment(),
        late,
        task: fastrand::u64(..),
        settings,
        kafka,
        releases,
    });
    run_slots(&shared, changes, plans).await;
    let joined = tokio::task::spawn_blocking(move || thread.join());
    if joined.await?.is_err() {
        tracing::error!(event = "slot_group_panicked");
    }
    tokio::task::spawn_blocking(move || shared.producers.flush(Duration::from_secs(5))).await?;
    tracing::info!(event = "stopped");
    Ok(())
}

/// One task for each slot that was ever ours, until the group is left.
async fn run_slots(
    shared: &Arc<Shared>,
    mut changes: mpsc::Receiver<Change>,
    plans: watch::Receiver<Arc<Plan>>,
) {
    let tasks = TaskTracker::new();
    let mut slots: HashMap<u32, mpsc::Sender<Change>> = HashMap::new();
    while let Some(change) = changes.recv().await {
        let (Change::Assigned(number) | Change::Revoked(number)) = change;
        let slot = slots.entry(number).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(16);
            tasks.spawn(SlotTask::new(number, shared.clone()).run(receiver, plans.clone()));
            sender
        });
        if slot.send(change).await.is_err() {
            // A slot's task ends only by a panic: the others must not go on without it.
            tracing::error!(event = "slot_task_died", slot = number);
            std::process::exit(1);
        }
    }
    drop(slots);
    tasks.close();
    tasks.wait().await;
}
