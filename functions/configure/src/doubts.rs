//! `GET /doubts`, `POST /doubts/resolve`: submits whose fate is unknown, and an operator's word
//! about those that wait for it.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::id::{MessageId, ProviderId};
use journal::OpenDoubt;
use wire::admin_api::{Doubt, DoubtList, ResolveBody, Resolved, Unread};
use wire::submit_journal::{DoubtState, Ending, Resolution, Word};

use crate::answer::{Answer, Problem};
use crate::handler::{Handler, unavailable};
use crate::ports::{Journals, Store, Surveyed};

/// For one answer: below the function's time-out (29 s, template.yaml), with room for a store or
/// Kafka that is slow to answer.
const TIME_MS: u64 = 18_000;
/// A slot is not begun with less.
const SLOT_MIN_MS: u64 = 3_000;
/// Doubts of one slot in an answer: Lambda's answers have 6 MB at most.
const OF_SLOT_MAX: usize = 5_000;
/// Doubts in an answer after which no further slot is begun.
const ANSWER_MAX: usize = 10_000;

/// Which doubts are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Only of this provider's slots.
    pub provider: Option<String>,
    /// Only of this slot.
    pub slot: Option<u32>,
    /// Only what waits for an operator's word.
    pub held: bool,
    /// Slots from here on.
    pub from_slot: u32,
}

/// What a word comes to.
#[derive(Debug, PartialEq, Eq)]
struct Decision {
    words: Vec<Resolution>,
    resolved: usize,
    settled_before: usize,
}

impl<S: Store, K: Journals, M> Handler<S, K, M> {
    pub(crate) async fn doubts(&self, asked: &Asked) -> Result<Answer, Problem> {
        let slots = matching(self.slots_ever().await?, asked)?;
        let until_ms = (self.now_ms)() + TIME_MS;
        let mut list = DoubtList::default();
        for (slot, provider) in slots.range(asked.from_slot..) {
            let left_ms = until_ms.saturating_sub((self.now_ms)());
            (list.more, list.next_slot) = (true, Some(*slot));
            if left_ms < SLOT_MIN_MS || list.doubts.len() >= ANSWER_MAX {
                break;
            }
            let left = Duration::from_millis(left_ms);
            let surveyed = self.kafka.survey(*slot, left).await.map_err(unavailable)?;
            // A slot that had most of the time will not do with all of it either.
            if surveyed == Surveyed::OutOfTime && left_ms < TIME_MS / 2 {
                break;
            }
            (list.more, list.next_slot) = (false, None);
            add(&mut list, *slot, provider, surveyed, asked.held);
        }
        Ok(Answer::Doubts(list))
    }

    pub(crate) async fn resolve(&self, body: &ResolveBody) -> Result<Answer, Problem> {
        if !self.slots_ever().await?.contains_key(&body.slot) {
            return Err(no_slot(body.slot));
        }
        let at_most = Duration::from_millis(TIME_MS);
        let surveyed = self.kafka.survey(body.slot, at_most).await.map_err(unavailable)?;
        let doubts = match surveyed {
            Surveyed::Told(doubts) => doubts,
            Surveyed::Refused(why) => return Err(Problem::Unreadable(body.slot, why.to_string())),
            Surveyed::OutOfTime => return Err(Problem::Unreadable(body.slot, too_long())),
        };
        let Decision { words, resolved, settled_before } = decide(&doubts, body)?;
        if !words.is_empty() {
            self.kafka.resolve(body.slot, &words).await.map_err(|error| {
                tracing::error!(event = "resolution_failed", error = format!("{error:#}"));
                Problem::Unconfirmed("the word")
            })?;
            let (slot, intent) = (body.slot, body.intent);
            tracing::info!(event = "doubts_resolved", slot, intent, word = ?body.word, resolved);
        }
        let next = next(resolved, body.word).to_owned();
        Ok(Answer::Resolved(Resolved { resolved, settled_before, next }))
    }

    /// Every slot that any version up to the one in force has named: one that is gone from the
    /// configuration may still hold messages.
    async fn slots_ever(&self) -> Result<BTreeMap<u32, ProviderId>, Problem> {
        let Some(version) = self.store.current().await.map_err(unavailable)? else {
            return Ok(BTreeMap::new());
        };
        let ledger = self.store.slots(version).await.map_err(unavailable)?;
        Ok(ledger.0.into_iter().map(|(slot, owner)| (slot, owner.provider)).collect())
    }
}

fn matching(
    mut slots: BTreeMap<u32, ProviderId>,
    asked: &Asked,
) -> Result<BTreeMap<u32, ProviderId>, Problem> {
    if let Some(provider) = &asked.provider {
        slots.retain(|_, of| of.as_str() == provider);
        if slots.is_empty() {
            return Err(Problem::NotFound(format!("there is no provider {provider}")));
        }
    }
    if let Some(slot) = asked.slot {
        slots.retain(|number, _| *number == slot);
        if slots.is_empty() {
            return Err(no_slot(slot));
        }
    }
    Ok(slots)
}

fn no_slot(slot: u32) -> Problem {
    Problem::NotFound(format!("there is no such slot {slot}"))
}

fn too_long() -> String {
    "it is longer than can be read in time".to_owned()
}

fn add(list: &mut DoubtList, slot: u32, provider: &ProviderId, surveyed: Surveyed, held: bool) {
    let mut unread = |why: String| list.unread.push(Unread { slot, why });
    let doubts = match surveyed {
        Surveyed::Told(doubts) => doubts,
        Surveyed::Refused(why) => return unread(why.to_string()),
        Surveyed::OutOfTime => return unread(too_long()),
    };
    let told = doubts.iter().map(|doubt| told(slot, provider, doubt));
    let mut told: Vec<Doubt> =
        told.filter(|doubt| !held || doubt.state == DoubtState::Held).collect();
    if told.len() > OF_SLOT_MAX {
        unread(format!("{} doubts; only the first {OF_SLOT_MAX} are told", told.len()));
        told.truncate(OF_SLOT_MAX);
    }
    list.doubts.append(&mut told);
}

fn told(slot: u32, provider: &ProviderId, doubt: &OpenDoubt) -> Doubt {
    Doubt {
        slot,
        provider: provider.to_string(),
        intent: doubt.intent,
        message: MessageId::from(doubt.message).to_string(),
        part: doubt.part.part,
        attempt: doubt.attempt,
        since_ms: doubt.since_ms,
        state: doubt.state,
    }
}

/// Which records say the word. Said again it comes to nothing and succeeds; another word about
/// what is settled is refused.
fn decide(doubts: &[OpenDoubt], body: &ResolveBody) -> Result<Decision, Problem> {
    let message = body.message.as_deref().map(str::parse::<MessageId>).transpose();
    let message = message.map_err(|_| Problem::Malformed("not a message id".to_owned()))?;
    let meant = doubts.iter().filter(|doubt| {
        doubt.intent == body.intent
            && message.is_none_or(|message| message == MessageId::from(doubt.message))
            && body.part.is_none_or(|part| part == doubt.part.part)
    });
    let meant: Vec<&OpenDoubt> = meant.collect();
    let held: Vec<&&OpenDoubt> =
        meant.iter().filter(|doubt| doubt.state == DoubtState::Held).collect();
    let (resolved, settled_before) = (held.len(), meant.len() - held.len());
    if held.is_empty() {
        let state = meant.iter().map(|doubt| doubt.state).find(|it| !agrees(*it, body.word));
        return match (meant.is_empty(), state) {
            (true, _) => Err(Problem::NoDoubt(format!("{} is not in doubt", named(body)))),
            (false, Some(state)) => Err(Problem::Settled(settled(body, state))),
            (false, None) => Ok(Decision { words: Vec::new(), resolved, settled_before }),
        };
    }
    if body.message.is_none() && !body.all && resolved > 1 {
        let why = format!("{} holds {resolved} parts of messages", named(body));
        return Err(Problem::Ambiguous(why));
    }
    let (intent, word) = (body.intent, body.word);
    let words = match body.message.is_none() && body.all {
        true => vec![Resolution { intent, part: None, word }],
        false => {
            let parts = held.iter().map(|doubt| Some(doubt.part));
            parts.map(|part| Resolution { intent, part, word }).collect()
        }
    };
    Ok(Decision { words, resolved, settled_before })
}

/// Whether a settled doubt is settled the way that the word asks for.
fn agrees(state: DoubtState, word: Word) -> bool {
    match word {
        Word::Resend => matches!(state, DoubtState::Resent | DoubtState::Ended(Ending::Accepted)),
        Word::Drop => state == DoubtState::Ended(Ending::Dropped),
    }
}

fn named(body: &ResolveBody) -> String {
    let message = body.message.as_ref().map(|it| format!(", message {it}")).unwrap_or_default();
    let part = body.part.map(|it| format!(", part {it}")).unwrap_or_default();
    format!("intent {} of slot {}{message}{part}", body.intent, body.slot)
}

fn settled(body: &ResolveBody, state: DoubtState) -> String {
    let how = match state {
        DoubtState::Held => "still waits",
        DoubtState::Resent => "is being sent again already",
        DoubtState::Ended(Ending::Accepted) => "was sent again and accepted",
        DoubtState::Ended(Ending::Rejected) => "was rejected",
        DoubtState::Ended(Ending::Expired) => "is past its validity",
        DoubtState::Ended(Ending::Drained) => "was drained",
        DoubtState::Ended(Ending::Dropped) => "was dropped already",
        DoubtState::Ended(Ending::Abandoned) => "was abandoned with its message",
    };
    format!("{}: it {how}", named(body))
}

fn next(resolved: usize, word: Word) -> &'static str {
    match (resolved, word) {
        (0, _) => "it was settled before; nothing changes",
        (_, Word::Resend) => "the slot's owner sends it again within a few seconds",
        (_, Word::Drop) => "the slot's owner ends it unsent within a few seconds",
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wire::submit_journal::{At, PartAt};

    use super::*;

    fn doubt(intent: u64, offset: u64, part: u16, state: DoubtState) -> OpenDoubt {
        let part = PartAt { at: At { priority: 1, offset }, part };
        let message = Uuid::from_u128(u128::from(offset));
        OpenDoubt { part, message, attempt: 0, intent, state, since_ms: None }
    }

    fn body(intent: u64, word: Word) -> ResolveBody {
        ResolveBody { slot: 2, intent, message: None, part: None, all: false, word }
    }

    fn of_message(body: ResolveBody, offset: u128, part: Option<u16>) -> ResolveBody {
        ResolveBody { message: Some(Uuid::from_u128(offset).to_string()), part, ..body }
    }

    #[test]
    fn one_held_doubt_is_resolved_by_its_part() {
        let doubts = [doubt(40, 7, 1, DoubtState::Held), doubt(41, 8, 0, DoubtState::Held)];
        let decision = decide(&doubts, &body(40, Word::Resend)).unwrap();
        let (part, word) = (Some(doubts[0].part), Word::Resend);
        assert_eq!(decision.words, [Resolution { intent: 40, part, word }]);
        assert_eq!((decision.resolved, decision.settled_before), (1, 0));
    }

    #[test]
    fn a_word_about_several_has_to_name_one_or_say_all() {
        let doubts =
            [7, 7, 8].map(|offset| doubt(40, offset, u16::from(offset == 8), DoubtState::Held));
        let one = body(40, Word::Drop);
        assert!(matches!(decide(&doubts, &one), Err(Problem::Ambiguous(_))));
        let message = decide(&doubts, &of_message(one.clone(), 7, None)).unwrap();
        assert_eq!((message.words.len(), message.resolved), (2, 2));
        let part = decide(&doubts, &of_message(one.clone(), 8, Some(1))).unwrap();
        assert_eq!(part.words[0].part, Some(doubts[2].part));
        let all = decide(&doubts, &ResolveBody { all: true, ..one }).unwrap();
        let (part, word) = (None, Word::Drop);
        assert_eq!(all.words, [Resolution { intent: 40, part, word }]);
        assert_eq!(all.resolved, 3);
    }

    #[test]
    fn the_same_word_again_succeeds_and_writes_nothing() {
        for (state, word) in [
            (DoubtState::Resent, Word::Resend),
            (DoubtState::Ended(Ending::Accepted), Word::Resend),
            (DoubtState::Ended(Ending::Dropped), Word::Drop),
        ] {
            let decision = decide(&[doubt(40, 7, 0, state)], &body(40, word)).unwrap();
            assert_eq!((decision.words.len(), decision.settled_before), (0, 1));
        }
    }

    #[test]
    fn another_word_about_what_is_settled_is_refused() {
        for (state, word) in [
            (DoubtState::Resent, Word::Drop),
            (DoubtState::Ended(Ending::Dropped), Word::Resend),
            (DoubtState::Ended(Ending::Accepted), Word::Drop),
            (DoubtState::Ended(Ending::Expired), Word::Resend),
        ] {
            let decided = decide(&[doubt(40, 7, 0, state)], &body(40, word));
            assert!(matches!(decided, Err(Problem::Settled(_))), "{decided:?}");
        }
    }

    #[test]
    fn what_is_not_in_doubt_is_refused() {
        let doubts = [doubt(40, 7, 0, DoubtState::Held)];
        let (other_intent, one) = (body(41, Word::Drop), body(40, Word::Drop));
        let other_message = of_message(one.clone(), 9, None);
        let other_part = of_message(one.clone(), 7, Some(1));
        for body in [other_intent, other_message, other_part] {
            assert!(matches!(decide(&doubts, &body), Err(Problem::NoDoubt(_))));
        }
        let nonsense = ResolveBody { message: Some("x".to_owned()), ..one };
        assert!(matches!(decide(&doubts, &nonsense), Err(Problem::Malformed(_))));
    }
}
