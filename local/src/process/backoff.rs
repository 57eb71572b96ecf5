//! How long to wait before what died is started again: 1, 2, 4, 8, 10, 10 … s; from the beginning
//! after it has run for a while.

use std::time::Duration;

/// Longest pause.
const LONGEST: Duration = Duration::from_secs(10);
/// What ran this long was well; its next death is a first one.
const WELL: Duration = Duration::from_secs(30);

/// Pauses between restarts of one part.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// It died after having run for `uptime`: how long to wait.
    pub fn died_after(&mut self, uptime: Duration) -> Duration {
        if uptime >= WELL {
            self.deaths = 0;
        }
        let pause = Duration::from_secs(1 << self.deaths.min(4)).min(LONGEST);
        self.deaths += 1;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds_and_begin_anew_after_a_good_run() {
        let mut backoff = Backoff::default();
        let brief = Duration::from_millis(5);
        let seconds: Vec<_> = (0..6).map(|_| backoff.died_after(brief).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.died_after(WELL).as_secs(), 1);
    }
}
