//! The machine names the timers that it wants; this table runs them.

use std::time::{Duration, Instant};

use journal::{Event, Timer};

use super::{PACE_STEP, SlotTask};

const FLUSH: Duration = Duration::from_millis(8);
const RETAKE_MIN: Duration = Duration::from_millis(300);
const RETAKE_SPREAD_MS: u64 = 700;
/// A slot that refused to start looks again.
const REFUSED: Duration = Duration::from_secs(5);
/// What a full queue refused is told to the machine after a while: it would append again at once.
const APPEND_REFUSED: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3600);
const ALL: [Timer; 5] = [Timer::Flush, Timer::Look, Timer::Position, Timer::Retake, Timer::Release];

/// When each runs out; none: it does not run.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: [Option<Instant>; ALL.len()],
    pub(super) refused: Option<Instant>,
    append_refused: Option<Instant>,
}

impl SlotTask {
    /// Starts the timers that are wanted, stops the others, tells of those that ran out.
    pub(super) fn run_timers(&mut self, now: Instant) {
        for (index, timer) in ALL.into_iter().enumerate() {
            if !self.planned.machine.wants(timer) {
                self.timers.due[index] = None;
            } else if self.timers.due[index].is_some_and(|due| due <= now) {
                self.timers.due[index] = None;
                self.planned.machine.handle(Event::Timer(timer));
            } else if self.timers.due[index].is_none() {
                self.timers.due[index] = Some(now + self.length(timer));
            }
        }
        self.tell_refused_appends(now);
        if self.timers.refused.is_some_and(|due| due <= now) {
            self.timers.refused = None;
            self.planned.assign_again();
        }
    }

    /// When the task has to wake by itself.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let timers = self.timers.due.iter().flatten().copied().min();
        let pace = self.pace_due(now);
        let Timers { refused, append_refused, .. } = self.timers;
        let wanted = [timers, pace, self.link.due(), refused, append_refused];
        wanted.into_iter().flatten().min().unwrap_or(now + NEVER)
    }

    /// While messages wait for tokens: when there will be some, a few at a time.
    fn pace_due(&self, now: Instant) -> Option<Instant> {
        let any = self.planned.machine.is_waiting() || !self.intended.is_empty();
        let waiting = any && self.link.room() > 0;
        self.pacing.next().filter(|_| waiting).map(|token| token.max(now + PACE_STEP))
    }

    fn length(&self, timer: Timer) -> Duration {
        match timer {
            Timer::Flush => FLUSH,
            Timer::Look => self.shared.settings.look_every,
            Timer::Position => self.shared.settings.position_every,
            Timer::Retake => RETAKE_MIN + Duration::from_millis(fastrand::u64(..RETAKE_SPREAD_MS)),
            Timer::Release => self.shared.settings.release,
        }
    }

    /// An append was not taken, and certainly not written.
    pub(super) fn append_refused(&mut self, number: u64, now: Instant) {
        self.refused_appends.push(number);
        self.timers.append_refused.get_or_insert(now + APPEND_REFUSED);
    }

    fn tell_refused_appends(&mut self, now: Instant) {
        if self.timers.append_refused.is_none_or(|due| due > now) {
            return;
        }
        self.timers.append_refused = None;
        for number in std::mem::take(&mut self.refused_appends) {
            if let Some(ticket) = self.appends.remove(&number) {
                self.planned.machine.handle(Event::AppendFailed(ticket));
            }
        }
    }

    /// The slot refused to start: looks again later.
    pub(super) fn refused(&mut self, now: Instant) {
        self.timers.refused = Some(now + REFUSED);
    }
}
