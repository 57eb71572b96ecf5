//! Limits the time of pure code (design, section 4.5): a record on which it loops for ever would
//! hold its partition, for every customer.
//!
//! A loop cannot be broken from outside, so the process ends. The function says where its pure code
//! is; a thread looks; when it stays at one place for longer than the limit, the place is written to a
//! file in the temporary directory and the process exits with code 1. The mapping retries the whole
//! batch, and Lambda starts the function again with what is in `/tmp`: «The Lambda reset does not
//! clear the /tmp directory content prior to the next init phase»
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>, failures during
//! the invoke phase). The new process reads the file, and what stands at such a place is given up
//! instead of run; once that is confirmed, the place is forgotten. A sandbox that has not seen the
//! place (a fresh one, or another of the same function) finds it out by itself, at the cost of the
//! limit once more.
//!
//! Only pure code is limited, never a wait for Kafka, DynamoDB or SQS. Looks are counted, not time:
//! a process that is stopped or frozen has aged by one look when it goes on.
//!
//! The hot path costs an uncontended lock and two atomic additions, and allocates nothing.

mod suspects;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use suspects::Place;
use suspects::{Suspect, Suspects};

use crate::settings::{self, SettingError};

/// Why a record at a suspected place is a dead letter.
pub const EXCEEDED: &str = "exceeds the time limit of pure code";

/// Name of the file in the temporary directory.
pub const FILE: &str = "pure-code-stuck";

const SETTING: &str = "PURE_CODE_LIMIT_MS";
const MEANING: &str = "milliseconds that pure code may take for one record or one group, 100 to \
                       30000: less than the function's time-out";
/// Thousands of times what the slowest record needs, and a small part of the function's time-out.
const LIMIT_MS: u32 = 5_000;
const LIMIT_MS_MIN: u32 = 100;
const LIMIT_MS_MAX: u32 = 30_000;
/// Between two looks at most; a limit takes at least this many looks.
const LOOK_EVERY_MS_MAX: u32 = 250;
const LOOKS_MIN: u32 = 20;

/// Where pure code is, and where it was stuck before. One invocation at a time uses it.
///
/// By default nobody looks and nothing is suspected: for tests.
#[derive(Debug, Default)]
pub struct TimeLimit {
    shared: Arc<Shared>,
}

/// What the function and the thread that looks share.
#[derive(Debug, Default)]
struct Shared {
    /// Comings and goings of pure code: odd while it runs, and another number each time.
    moves: AtomicU64,
    /// Whether there are suspects at all.
    suspecting: AtomicBool,
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Topics that were met, few: a place names its topic by the index here.
    topics: Vec<String>,
    /// Where pure code runs, or ran last: topic, partition, offset.
    inside: Vec<(usize, i32, i64)>,
    suspects: Suspects,
    /// Suspects that this invocation gives up.
    given_up: Vec<Suspect>,
}

impl TimeLimit {
    /// The limit of this process, from the setting `PURE_CODE_LIMIT_MS`; its file is in the temporary
    /// directory (`TMPDIR`, `/tmp`).
    ///
    /// # Errors
    /// The setting is wrong, or the thread cannot be started.
    pub fn from_environment() -> anyhow::Result<Self> {
        let limit_ms = settings::or(SETTING, MEANING, LIMIT_MS)?;
        if !(LIMIT_MS_MIN..=LIMIT_MS_MAX).contains(&limit_ms) {
            let why = format!("{limit_ms} is out of range");
            return Err(SettingError::Wrong { name: SETTING, why, meaning: MEANING }.into());
        }
        let limit = Self::kept_in(std::env::temp_dir().join(FILE));
        limit.look_after(limit_ms)?;
        Ok(limit)
    }

    /// Knows the suspects of `file` and forgets them there; nobody looks.
    #[must_use]
    pub fn kept_in(file: PathBuf) -> Self {
        let suspects = Suspects::read(&file).unwrap_or_else(|error| {
            tracing::error!(event = "suspects_not_read", %error);
            Suspects::default()
        });
        if !suspects.is_empty() {
            tracing::warn!(event = "suspects_read", count = suspects.len());
        }
        let suspecting = AtomicBool::new(!suspects.is_empty());
        let state = Mutex::new(State { suspects, ..State::default() });
        Self { shared: Arc::new(Shared { moves: AtomicU64::new(0), suspecting, file, state }) }
    }

    /// An invocation begins: whatever an earlier one gave up was not confirmed.
    pub fn begin(&self) {
        if self.is_suspecting() {
            self.shared.state().given_up.clear();
        }
    }

    /// Whether what stands at `place` is to be given up instead of run: it was stuck before.
    pub fn gives_up(&self, place: Place<'_>) -> bool {
        if !self.is_suspecting() {
            return false;
        }
        let mut state = self.shared.state();
        let found = state.suspects.contains(place);
        if found {
            state.given_up.push(place.into());
        }
        found
    }

    /// Everything that follows from this invocation is confirmed: what it gave up is forgotten.
    pub fn confirmed(&self) {
        if !self.is_suspecting() {
            return;
        }
        let mut state = self.shared.state();
        let State { suspects, given_up, .. } = &mut *state;
        if given_up.is_empty() {
            return;
        }
        for suspect in given_up.drain(..) {
            suspects.remove(&suspect);
        }
        self.shared.suspecting.store(!suspects.is_empty(), Ordering::Relaxed);
        if let Err(error) = suspects.write(&self.shared.file) {
            // After a restart they would be given up again, if they ever came again.
            tracing::warn!(event = "suspects_not_forgotten", %error);
        }
    }

    /// Runs pure code over what stands at `places`.
    pub fn over<'p, T>(
        &self,
        places: impl IntoIterator<Item = Place<'p>>,
        pure: impl FnOnce() -> T,
    ) -> T {
        let _inside = self.enter(places);
        pure()
    }

    /// Pure code over what stands at `places` begins; it ends when the answer is dropped, which is
    /// never kept over a wait. [`TimeLimit::over`] is safer where it can be used.
    #[must_use = "dropped at once it limits nothing"]
    pub fn enter<'p>(&self, places: impl IntoIterator<Item = Place<'p>>) -> Inside<'_> {
        let mut state = self.shared.state();
        state.inside.clear();
        for place in places {
            let place = (state.topic(place.topic), place.partition, place.offset);
            state.inside.push(place);
        }
        drop(state);
        self.shared.moves.fetch_add(1, Ordering::AcqRel);
        Inside { moves: &self.shared.moves }
    }

    /// Looks from now on, for as long as we live.
    fn look_after(&self, limit_ms: u32) -> std::io::Result<()> {
        let shared = self.shared.clone();
        let every_ms = (limit_ms / LOOKS_MIN).clamp(1, LOOK_EVERY_MS_MAX);
        let mut patience = Patience::of(limit_ms.div_ceil(every_ms));
        let look = move || {
            while Arc::strong_count(&shared) > 1 {
                std::thread::sleep(Duration::from_millis(every_ms.into()));
                let moves = shared.moves.load(Ordering::Acquire);
                if patience.is_over(moves) {
                    shared.end_process(moves, limit_ms);
                }
            }
        };
        std::thread::Builder::new().name("time-limit".to_owned()).spawn(look)?;
        Ok(())
    }

    fn is_suspecting(&self) -> bool {
        self.shared.suspecting.load(Ordering::Relaxed)
    }
}

/// Pure code runs until this is dropped, on whatever way.
#[derive(Debug)]
pub struct Inside<'a> {
    moves: &'a AtomicU64,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.moves.fetch_add(1, Ordering::AcqRel);
    }
}

impl Shared {
    /// Keeps where pure code is and ends the process; not if it went on after `moves` were seen.
    fn end_process(&self, moves: u64, limit_ms: u32) {
        // Nothing can enter while we hold this.
        let mut state = self.state();
        if self.moves.load(Ordering::Acquire) != moves {
            return;
        }
        let State { topics, inside, suspects, .. } = &mut *state;
        for (topic, partition, offset) in inside.iter().copied() {
            let topic = topics[topic].as_str();
            suspects.add(Place { topic, partition, offset }.into());
        }
        let kept = suspects.write(&self.file);
        for (topic, partition, offset) in inside.iter().copied() {
            let topic = topics[topic].as_str();
            tracing::error!(event = "pure_code_stuck", topic, partition, offset, limit_ms);
        }
        if let Err(error) = kept {
            tracing::error!(event = "suspects_not_kept", %error);
        }
        std::process::exit(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn topic(&mut self, name: &str) -> usize {
        let known = self.topics.iter().position(|topic| topic == name);
        known.unwrap_or_else(|| {
            self.topics.push(name.to_owned());
            self.topics.len() - 1
        })
    }
}

/// Counts the looks at which pure code was still where it had been at the one before.
#[derive(Debug)]
struct Patience {
    looks_max: u32,
    looks: u32,
    moves: u64,
}

impl Patience {
    fn of(looks_max: u32) -> Self {
        Self { looks_max, looks: 0, moves: 0 }
    }

    /// A look; true if it is there for too long.
    fn is_over(&mut self, moves: u64) -> bool {
        let runs = moves & 1 == 1;
        self.looks = if runs && moves == self.moves { self.looks + 1 } else { 0 };
        self.moves = moves;
        self.looks >= self.looks_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: i64) -> Place<'static> {
        Place { topic: "messages", partition: 2, offset }
    }

    /// A limit that suspects these offsets, and its file.
    fn suspecting(directory: &tempfile::TempDir, offsets: &[i64]) -> (TimeLimit, PathBuf) {
        let file = directory.path().join(FILE);
        let mut suspects = Suspects::default();
        offsets.iter().for_each(|offset| suspects.add(place(*offset).into()));
        suspects.write(&file).unwrap();
        (TimeLimit::kept_in(file.clone()), file)
    }

    #[test]
    fn patience_ends_after_looks_at_one_and_the_same_stay_only() {
        let mut patience = Patience::of(3);
        // Outside; a stay; another stay; outside for long.
        let looks = [0, 0, 0, 0, 1, 1, 1, 3, 3, 3, 4, 4, 4, 4, 4];
        assert!(looks.into_iter().all(|moves| !patience.is_over(moves)));
        let over: Vec<_> = [5; 5].into_iter().map(|moves| patience.is_over(moves)).collect();
        assert_eq!(over, [false, false, false, true, true]);
    }

    #[test]
    fn pure_code_is_inside_while_it_runs_and_a_panic_leaves_too() {
        let limit = TimeLimit::default();
        let moves = || limit.shared.moves.load(Ordering::Relaxed);
        assert_eq!(limit.over([place(7)], moves), 1);
        assert_eq!(limit.shared.state().inside, [(0, 2, 7)]);
        assert_eq!(moves(), 2);
        let panics = || limit.over([place(8), place(9)], || assert_eq!(moves(), 0, "planted"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        assert_eq!(limit.shared.state().inside, [(0, 2, 8), (0, 2, 9)]);
        assert_eq!(moves(), 4);
    }

    #[test]
    fn what_is_given_up_is_forgotten_once_that_is_confirmed() {
        let directory = tempfile::TempDir::new().unwrap();
        let (limit, file) = suspecting(&directory, &[5, 6]);
        limit.begin();
        assert!(!limit.gives_up(place(4)));
        assert!(limit.gives_up(place(5)));
        assert!(!limit.gives_up(Place { partition: 3, ..place(5) }));
        assert!(!limit.gives_up(Place { topic: "parts", ..place(5) }));
        limit.confirmed();
        assert!(!limit.gives_up(place(5)) && limit.gives_up(place(6)));
        assert!(TimeLimit::kept_in(file.clone()).gives_up(place(6)));
        limit.confirmed();
        assert!(!limit.gives_up(place(6)) && !file.exists());
    }

    #[test]
    fn an_invocation_that_failed_forgets_nothing() {
        let directory = tempfile::TempDir::new().unwrap();
        let (limit, file) = suspecting(&directory, &[5]);
        limit.begin();
        assert!(limit.gives_up(place(5)));
        // It failed; the next one has other records and succeeds.
        limit.begin();
        limit.confirmed();
        assert!(limit.gives_up(place(5)) && file.exists());
    }
}
