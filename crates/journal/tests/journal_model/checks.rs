//! The promises, looked at whenever something is sent, published, doubted, or all rests.

use journal::{JournalRecord, OnUnknown, Publication, Rules, Survey};
use wire::submit_journal::{Body, DoubtState, End, Ending, Fate, PartAt, Writer};

use super::world::{Checked, Refused, Told, World, result};

impl World {
    /// Of a part's sends at most one lacks an unknown that names it.
    pub(super) fn sent(&mut self, part: PartAt, intent: u64, id: u128) -> Checked {
        if self.key(part).0 != id {
            return Err(format!("{part:?} sent with another message's body"));
        }
        let sends = self.sends.entry((id, part.part)).or_default();
        sends.push((intent, None));
        let named = &self.named;
        let bare = |&&(intent, refused): &&(u64, Option<Refused>)| {
            refused.is_none() && !named.iter().any(|&(at, i)| i == intent && at.part == part.part)
        };
        match sends.iter().filter(bare).count() {
            0 | 1 => Ok(()),
            n => Err(format!("{part:?} of {id} sent {n} times without an unknown: {sends:?}")),
        }
    }

    pub(super) fn check_publication(&self, publication: Publication<u128>) -> Result<Told, String> {
        match publication {
            Publication::Result { result, .. } => {
                Ok(Told::Result(result.map_or_else(String::new, |r| r.json().to_owned())))
            }
            Publication::Doubt { part, intent, .. } => Ok(Told::Doubt(part, intent)),
            Publication::Summary { message, ends, .. } => {
                for (part, end) in (0_u16..).zip(&ends) {
                    self.check_end(message.as_u128(), part, *end)?;
                }
                Ok(Told::Summary(message.as_u128()))
            }
        }
    }

    /// A summary tells the truth: accepted was sent, rejected was rejected, the rest is not out.
    fn check_end(&self, id: u128, part: u16, end: End) -> Checked {
        let none = Vec::new();
        let sends = self.sends.get(&(id, part)).unwrap_or(&none);
        let perhaps_taken = sends.iter().any(|&(_, refused)| refused.is_none());
        let rejected = sends.iter().any(|&(_, refused)| refused == Some(Refused::Rejected));
        let expired = self.config.outgoing.iter().any(|m| m.id == id && m.expired);
        let drained = self.log.iter().any(|record| matches!(*record.body, Body::Drain(_)));
        let true_so_far = match end.how {
            Ending::Accepted => return ensure(perhaps_taken, || format!("{id}/{part} never sent")),
            Ending::Rejected => rejected,
            Ending::Expired => expired,
            Ending::Drained => drained,
            Ending::Dropped | Ending::Abandoned => true,
        };
        ensure(true_so_far, || format!("{id}/{part} is not {:?}", end.how))?;
        ensure(!perhaps_taken || end.doubtful, || {
            format!("{id}/{part} told as {:?}, but it may be out", end.how)
        })
    }

    /// Nothing is doubted whose outcome stood before the takeover.
    pub(super) fn check_doubt(&self, part: PartAt, intent: u64, writer: Option<Writer>) -> Checked {
        let takeover = writer.and_then(|writer| writer.takeover).unwrap_or(0) as usize;
        let stood = self.log[..takeover.min(self.log.len())].iter().any(|record| {
            matches!(&*record.body, Body::Outcomes(outcomes)
                if outcomes.iter().any(|o| o.intent == intent && o.parts.iter().any(|p| p.at == part)))
        });
        if stood {
            Err(format!("{part:?} of intent {intent} doubted, its outcome stood"))
        } else {
            Ok(())
        }
    }

    /// Nothing is lost: each message has its summary, or waits for an operator.
    pub(crate) fn check_all_ended(&self) -> Checked {
        let hold = self.config.on_unknown == OnUnknown::Hold;
        let held = |id: u128| hold && self.named.iter().any(|&(part, _)| self.key(part).0 == id);
        for message in &self.config.outgoing {
            if !self.told.contains(&Told::Summary(message.id)) && !held(message.id) {
                return Err(format!("message {} has no end", message.id));
            }
        }
        Ok(())
    }

    /// An operator is told of the same held doubts from the newest position on as from the beginning.
    pub(crate) fn check_survey(&self) -> Checked {
        if self.config.rules != Rules::default() {
            return Ok(());
        }
        let (short, whole) = (self.surveyed(true)?, self.surveyed(false)?);
        ensure(short == whole, || format!("held: {short:?}, without positions: {whole:?}"))
    }

    fn surveyed(&self, positions: bool) -> Result<Vec<(PartAt, u64)>, String> {
        let mut survey = Survey::new(self.log.len() as u64);
        while let Some(wanted) = survey.wants() {
            for (offset, record) in (0..).zip(&self.log).skip(wanted.start as usize) {
                let is_later_position = offset > 0 && matches!(*record.body, Body::Position(_));
                if positions || !is_later_position {
                    let (writer, body) = (record.writer, Some(record.body.clone()));
                    survey.record(&JournalRecord { offset, time_ms: 0, writer, body });
                }
            }
            survey.stretch_read(wanted.start);
        }
        let doubts = survey.doubts().map_err(|why| why.to_string())?;
        let held = doubts.iter().filter(|doubt| doubt.state == DoubtState::Held);
        Ok(held.map(|doubt| (doubt.part, doubt.intent)).collect())
    }

    /// Every final outcome in the journal is published.
    pub(crate) fn check_all_published(&self) -> Checked {
        for record in &self.log {
            let Body::Outcomes(outcomes) = &*record.body else { continue };
            for (intent, part) in
                outcomes.iter().flat_map(|o| o.parts.iter().map(|p| (o.intent, p)))
            {
                let told = Told::Result(format!("\"{}\"", result(part.at, intent)));
                if matches!(part.fate, Fate::Accepted | Fate::Rejected)
                    && !self.told.contains(&told)
                {
                    return Err(format!("the outcome of {part:?} is not published"));
                }
            }
        }
        Ok(())
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}
