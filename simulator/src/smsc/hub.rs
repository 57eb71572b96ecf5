//! What the SMSC's connections share: settings, who is bound, the tally, the file of records. Locks
//! are taken once per batch that was read from a socket, never per message.

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context;
use serde_json::Value;
use smpp::{CommandStatus, Octets, pdu::Bind};
use tokio::sync::{Notify, watch};

use super::{
    behaviour::Behaviour,
    deliveries::{Delivery, What},
    ids::{Counter, Ids},
    post::Post,
    receipts::Maker,
    session::{Gate, Session, Taken, Wanted},
    settings::Settings,
    tally::Tally,
};
use crate::clock::Now;

/// Octets of records in memory, beyond which the connection that adds to them writes the file
/// itself, and is so slowed down to what the disk takes.
const RECORDS_MAX: usize = 4 << 20;

/// Who may bind.
#[derive(Clone)]
pub struct Credentials {
    pub system_id: String,
    pub password: String,
}

#[derive(Debug)]
pub struct Hub {
    credentials: Credentials,
    settings: watch::Sender<Arc<Settings>>,
    /// Counts the orders to drop all connections.
    drops: watch::Sender<u64>,
    ids: Arc<Counter>,
    accepted: Arc<AtomicU64>,
    next_bind: AtomicU64,
    bound: Mutex<HashMap<Octets, usize>>,
    tally: Mutex<Tally>,
    post: Mutex<Post>,
    /// Messages from handsets that were posted.
    posted: AtomicU64,
    numbers: bool,
    records: Option<Mutex<Records>>,
}

#[derive(Debug)]
struct Records {
    lines: Vec<u8>,
    file: File,
}

impl Hub {
    /// Errors: settings that cannot be, or a file that cannot be created.
    pub fn new(
        credentials: Credentials,
        settings: Settings,
        numbers: bool,
        record: Option<&Path>,
    ) -> anyhow::Result<Self> {
        settings.check()?;
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("cannot create {}", path.display()))
        };
        let records = record.map(create).transpose()?;
        Ok(Self {
            credentials,
            ids: Arc::new(Counter::new(settings.ids.start)),
            accepted: Arc::default(),
            settings: watch::Sender::new(Arc::new(settings)),
            drops: watch::Sender::new(0),
            next_bind: AtomicU64::new(0),
            bound: Mutex::default(),
            tally: Mutex::default(),
            post: Mutex::default(),
            posted: AtomicU64::new(0),
            numbers,
            records: records.map(|file| Mutex::new(Records { lines: Vec::new(), file })),
        })
    }

    pub fn settings(&self) -> watch::Receiver<Arc<Settings>> {
        self.settings.subscribe()
    }

    pub fn drops(&self) -> watch::Receiver<u64> {
        self.drops.subscribe()
    }

    /// Closes every connection, as a cable that is pulled would.
    pub fn drop_connections(&self) {
        self.drops.send_modify(|count| *count += 1);
    }

    /// Errors: a change that cannot be; nothing changes then.
    pub fn change(&self, change: &Value) -> anyhow::Result<Arc<Settings>> {
        let mut result = Err(anyhow::anyhow!("not reached"));
        self.settings.send_if_modified(|settings| {
            result = settings.changed(change).map(Arc::new);
            if let Ok(changed) = &result {
                // Also when it is set to what it was: the submit that is meant has passed then.
                if ["drop", "lose_responses"].iter().any(|name| change.get(name).is_some()) {
                    self.accepted.store(0, Ordering::Relaxed);
                }
                *settings = Arc::clone(changed);
            }
            result.is_ok()
        });
        result
    }

    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }

    /// Forgets the counts; ids and the count of submits begin again. Records stay.
    pub fn reset(&self) {
        self.tally().reset();
        self.accepted.store(0, Ordering::Relaxed);
        self.posted.store(0, Ordering::Relaxed);
        self.restart_ids();
    }

    /// The next id is the first again.
    pub fn restart_ids(&self) {
        self.ids.restart(self.settings.borrow().ids.start);
    }

    /// Deliveries for whoever receives, `from` left out if there is another.
    pub fn post(&self, from: Option<u64>, deliveries: Vec<Delivery>) {
        let messages = deliveries.iter().filter(|one| matches!(one.what, What::Message(_)));
        self.posted.fetch_add(messages.count() as u64, Ordering::Relaxed);
        lock(&self.post).send(from, deliveries);
    }

    /// Messages from handsets that were posted and not sent yet.
    pub fn waiting_messages(&self) -> u64 {
        let sent = self.tally().delivered().messages.summary().sent;
        self.posted.load(Ordering::Relaxed).saturating_sub(sent)
    }

    /// This bind receives from now on.
    pub fn receives(&self, bind: u64) -> Arc<Notify> {
        lock(&self.post).open(bind)
    }

    /// What was posted to this bind.
    pub fn take_post(&self, bind: u64) -> Vec<Delivery> {
        lock(&self.post).take(bind)
    }

    /// This bind is gone; others deliver what it had left.
    pub fn give_back(&self, bind: u64, left: Vec<Delivery>) {
        lock(&self.post).close(bind, left);
    }

    /// A session for a new connection, and its number.
    pub fn session(&self, settings: Arc<Settings>, now: Now) -> (u64, Session) {
        let bind = self.next_bind.fetch_add(1, Ordering::Relaxed);
        let maker = Maker::new(settings.seed, bind);
        let behaviour = Behaviour::new(settings, bind, Arc::clone(&self.accepted), now.instant);
        let wanted = Wanted { numbers: self.numbers, records: self.records.is_some() };
        (bind, Session::new(bind, behaviour, maker, Ids::new(Arc::clone(&self.ids)), wanted))
    }

    pub fn joined(&self, bind: u64, system_id: &Octets) {
        self.tally().bound(bind, system_id.to_text().into_owned());
    }

    pub fn left(&self, bind: u64, system_id: &Octets) {
        self.tally().unbound(bind);
        if let Some(count) = lock(&self.bound).get_mut(system_id) {
            *count = count.saturating_sub(1);
        }
    }

    /// Counts and records what a bind took; empties it.
    pub fn note(&self, bind: u64, taken: &mut Taken, now: Now) {
        if taken.is_empty() {
            return;
        }
        self.tally().count(bind, taken, now.wall_us);
        if !taken.elsewhere.is_empty() {
            lock(&self.post).send(Some(bind), std::mem::take(&mut taken.elsewhere));
        }
        if let Some(records) = self.records.as_ref().filter(|_| !taken.records.is_empty()) {
            let mut records = lock(records);
            records.lines.extend_from_slice(&taken.records);
            if records.lines.len() > RECORDS_MAX {
                records.write();
            }
        }
        taken.clear();
    }

    /// Writes the records to their file.
    pub fn flush(&self) {
        if let Some(records) = &self.records {
            lock(records).write();
        }
    }
}

impl Gate for Hub {
    fn admit(&self, bind: &Bind) -> CommandStatus {
        if *bind.system_id != *self.credentials.system_id.as_bytes() {
            return CommandStatus::EsmeRinvsysid;
        }
        if *bind.password != *self.credentials.password.as_bytes() {
            return CommandStatus::EsmeRinvpaswd;
        }
        let mut bound = lock(&self.bound);
        let count = bound.entry(bind.system_id.clone()).or_default();
        if self.settings.borrow().binds_max.is_some_and(|max| *count >= max) {
            return CommandStatus::EsmeRalybnd;
        }
        *count += 1;
        CommandStatus::EsmeRok
    }
}

impl Records {
    fn write(&mut self) {
        // A disk that is full must not stop the SMSC; the test that reads the file will notice.
        let _full_disk = self.file.write_all(&self.lines);
        self.lines.clear();
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What is counted is whole after every step, also of a thread that panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
