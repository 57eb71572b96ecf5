//! What must hold in the end.

use scheduling::change::Changed;
use wire::message_events::Happened;

use crate::scene::{Ask, EARLIER_MS, LATER_MS, Manner, TIME_MS};
use crate::world::{Answered, World};

impl World {
    /// The message was sent once or cancelled, and what the customer was told is true.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let sent = match self.published.len() {
            0 => None,
            1 => self.published.first(),
            _ => return Err("two different messages are sent".into()),
        };
        let is_cancelled = !self.receipts.is_empty();
        match (sent, is_cancelled) {
            (None, false) => return Err("the message is neither sent nor told as cancelled".into()),
            (Some(_), true) => return Err("it is sent and told as cancelled".into()),
            _ => {}
        }
        if self.receipts.len() > 2 {
            return Err("two receipts for one part".into());
        }
        let told = if is_cancelled { Happened::Cancelled } else { Happened::Released };
        let accepted = self.events.contains(&Happened::Accepted);
        if !self.events.contains(&told) || !accepted {
            return Err("its journey has a gap".into());
        }
        for (ask, answered) in self.asked() {
            self.is_true(ask, answered, sent.map(|sent| sent.0))?;
        }
        match sent {
            Some(&(_, at_ms)) => self.in_time(at_ms),
            None => Ok(()),
        }
    }

    fn asked(&self) -> impl Iterator<Item = (Ask, Answered)> {
        self.scene.asks.iter().copied().zip(self.answers.iter().copied())
    }

    /// Whether an answer is true of the text that was sent, by its length.
    fn is_true(&self, ask: Ask, answered: Answered, sent: Option<usize>) -> Result<(), String> {
        let Answered::As(changed) = answered else { return Ok(()) };
        let Some(octets) = ask.octets() else {
            return match (changed, sent) {
                (Changed::Done, Some(_)) => Err("told as cancelled, and sent".into()),
                (Changed::Done, None) | (Changed::TooLate, Some(_)) => Ok(()),
                _ => Err(format!("a cancel is answered {changed:?}, and it is sent: {sent:?}")),
            };
        };
        let Some(sent) = sent else { return Ok(()) };
        let is_replaced = changed == Changed::Done;
        if is_replaced && !self.events.contains(&Happened::Replaced) {
            return Err("a replace is not told of".into());
        }
        // Another replace may have come after it, or may have: its answer is not known.
        let others = self.asked().filter(|(other, _)| *other != ask && other.octets().is_some());
        let mut others = others.map(|(other, answered)| (other.octets(), answered));
        let by_other = others.any(|(other, answered)| {
            other == Some(sent)
                && matches!(answered, Answered::As(Changed::Done) | Answered::Unknown)
        });
        match (is_replaced, sent == octets) {
            (true, false) if !by_other => Err("told as replaced, and sent as it was".into()),
            (false, true) => Err("told as not replaced, and sent as replaced".into()),
            _ => Ok(()),
        }
    }

    fn in_time(&self, at_ms: u64) -> Result<(), String> {
        let moved = |ask: Ask, answer: fn(Answered) -> bool| {
            self.asked().any(|(it, answered)| it == ask && answer(answered))
        };
        let surely = |answered| answered == Answered::As(Changed::Done);
        let perhaps =
            |answered| matches!(answered, Answered::As(Changed::Done) | Answered::Unknown);
        let earliest_ms = if moved(Ask::Later, surely) {
            LATER_MS
        } else if moved(Ask::Earlier, perhaps) {
            EARLIER_MS
        } else {
            TIME_MS
        };
        if at_ms < earliest_ms {
            return Err("it is sent before its time".into());
        }
        let latest_ms = earliest_ms.max(self.asked_last_ms);
        if self.scene.manner == Manner::Prompt && at_ms > latest_ms {
            return Err("it is sent late".into());
        }
        Ok(())
    }
}
