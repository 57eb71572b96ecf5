//! Which hours of the index of deadlines one run looks at.
//!
//! Recent hours at every run; older ones, which hold something only after a long outage, in slices:
//! each run looks at one, and all of them together within an hour. Pure: the clock is passed in.

const HOUR_MS: u64 = 3_600_000;
/// Looked at in every run: this hour and those before it.
const RECENT: u64 = 6;
/// How far back: longer than the parts are kept, and so than anything can stay open.
const OLDEST: u64 = 21 * 24;
/// Older hours are spread over this many runs.
const SLICES: u64 = 12;
/// Time from run to run (template.yaml: the schedule of this function).
const PERIOD_MS: u64 = 5 * 60 * 1000;

/// Hours, counted from the Unix epoch, that the run at `now_ms` looks at, oldest first.
#[must_use]
pub fn hours(now_ms: u64) -> Vec<u64> {
    let hour = now_ms / HOUR_MS;
    let slice = (now_ms / PERIOD_MS) % SLICES;
    let ages = (0..OLDEST).rev().filter(|age| *age < RECENT || age % SLICES == slice);
    ages.filter_map(|age| hour.checked_sub(age)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const NOW_MS: u64 = 1_760_000_000_000;

    #[test]
    fn every_run_looks_at_the_recent_hours_and_a_twelfth_of_the_older_ones() {
        let found = hours(NOW_MS);
        let hour = NOW_MS / HOUR_MS;
        for age in 0..RECENT {
            assert!(found.contains(&(hour - age)));
        }
        assert!(found.len() < 60, "{}", found.len());
        assert!(found.is_sorted(), "the oldest deadlines come first");
    }

    #[test]
    fn the_runs_of_an_hour_look_at_every_hour() {
        let start = NOW_MS / HOUR_MS * HOUR_MS;
        let seen: BTreeSet<u64> =
            (0..SLICES).flat_map(|run| hours(start + run * PERIOD_MS)).collect();
        let hour = start / HOUR_MS;
        assert_eq!(seen, (hour + 1 - OLDEST..=hour).collect());
    }

    #[test]
    fn near_the_epoch_no_hour_is_negative() {
        assert_eq!(hours(0), [0]);
    }
}
