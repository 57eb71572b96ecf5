//! Which parts run at the moment, for whoever shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It runs, with this process id.
    Running(i32),
    /// It ended, and is started again.
    Down {
        /// How it ended.
        how: String,
        /// When it is started again.
        pause: Duration,
    },
}

/// All parts that are kept running, by name.
pub type Parts = BTreeMap<String, Status>;

/// The parts, as their keepers tell.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    parts: watch::Sender<Parts>,
}

impl Roster {
    /// The parts now, and when that changes.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Parts> {
        self.parts.subscribe()
    }

    pub(super) fn tell(&self, part: &str, status: Status) {
        self.parts.send_modify(|parts| {
            parts.insert(part.to_owned(), status);
        });
    }

    pub(super) fn forget(&self, part: &str) {
        self.parts.send_modify(|parts| {
            parts.remove(part);
        });
    }
}
