//! The two clocks, read together and rarely: the pure parts are told what time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For durations and deadlines.
    pub instant: Instant,
    /// Microseconds since 1970: what two processes of one machine agree upon.
    pub wall_us: u64,
}

impl Now {
    pub fn read() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), wall_us: since_1970.as_micros() as u64 }
    }
}
