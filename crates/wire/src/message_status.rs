//! What became of a message, computed from its events whenever somebody asks. Events come more than
//! once, in any order, and some are late: the result depends on the set of them alone.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use domain::id::{EventId, MessageId, PartId, ProviderId};
use domain::receipts::MessageState;
use serde::{Deserialize, Serialize};

use crate::message_events::{Happened, MessageEvent, PartIds};

/// How far a message or one of its parts has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Only later events are known yet.
    Unknown,
    /// Whether the provider has it is not known; an operator may have to say.
    Doubtful,
    /// It waits for its time.
    Scheduled,
    /// Stored, not routed yet.
    Accepted,
    /// A provider did not take it; what follows is being decided, or the next attempt begins.
    Waiting,
    /// It waits at a provider's queue.
    Routed,
    /// A provider accepted it.
    Submitted,
    /// The provider says that it is on its way.
    Enroute,
    /// A handset's message for a customer.
    Received,
    /// A handset's message that waits in the mailbox.
    Parked,
    /// The handset has it.
    Delivered,
    /// The customer has the handset's message.
    Told,
    /// The customer took it back in time.
    Cancelled,
    /// The customer refused the handset's message for good.
    NotTaken,
    /// The handset's message waited for the customer for too long.
    NotFetched,
    /// The handset will not get it, said the provider.
    Undelivered,
    /// Parts were missing at the deadline.
    Incomplete,
    /// It could not be sent.
    Failed,
}

impl Status {
    /// True if nothing is expected to follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        self >= Self::Delivered
    }

    /// The name in answers and lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Doubtful => "doubtful",
            Self::Scheduled => "scheduled",
            Self::Accepted => "accepted",
            Self::Waiting => "waiting",
            Self::Routed => "routed",
            Self::Submitted => "submitted",
            Self::Enroute => "enroute",
            Self::Received => "received",
            Self::Parked => "parked",
            Self::Delivered => "delivered",
            Self::Told => "told",
            Self::Cancelled => "cancelled",
            Self::NotTaken => "not_taken",
            Self::NotFetched => "not_fetched",
            Self::Undelivered => "undelivered",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        }
    }

    /// What an event says of the part that it is about.
    fn after(happened: Happened) -> Self {
        match happened {
            Happened::Accepted | Happened::Assembled | Happened::Released => Self::Accepted,
            Happened::Incomplete => Self::Incomplete,
            Happened::Routed => Self::Routed,
            Happened::Failed => Self::Failed,
            Happened::Submitted => Self::Submitted,
            Happened::Rejected | Happened::Retried => Self::Waiting,
            Happened::Doubt => Self::Doubtful,
            Happened::Scheduled | Happened::Replaced => Self::Scheduled,
            Happened::Cancelled => Self::Cancelled,
            Happened::Progress => Self::Enroute,
            Happened::Delivered => Self::Delivered,
            Happened::Undelivered => Self::Undelivered,
            Happened::Received => Self::Received,
            Happened::Told => Self::Told,
            Happened::Parked => Self::Parked,
            Happened::NotTaken => Self::NotTaken,
            Happened::NotFetched => Self::NotFetched,
        }
    }

    /// What SMPP calls it (SMPP 3.4, section 5.2.28), where no receipt says it better.
    #[must_use]
    pub fn state(self) -> MessageState {
        match self {
            Self::Scheduled => MessageState::Scheduled,
            Self::Delivered | Self::Told => MessageState::Delivered,
            Self::Cancelled => MessageState::Deleted,
            Self::Undelivered | Self::Incomplete | Self::NotFetched => MessageState::Undeliverable,
            Self::Failed | Self::NotTaken => MessageState::Rejected,
            Self::Unknown => MessageState::Unknown,
            _ => MessageState::Enroute,
        }
    }
}

/// Where a part stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartStanding {
    /// Its ids.
    #[serde(flatten)]
    pub ids: PartIds,
    /// How far it has come.
    pub status: Status,
    /// Since when, Unix milliseconds.
    pub since_ms: u64,
    /// The attempt that this is about, from 0.
    pub attempt: u32,
    /// The provider that it went to last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// That provider's id for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider_message_id: String,
    /// What became of it in SMPP's words.
    pub state: MessageState,
    /// `err` of a receipt, or the gateway's own code of a failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Of several parts: the least advanced one that is not at its end; then the worst end.
    pub status: Status,
    /// Since when, Unix milliseconds.
    pub since_ms: u64,
    /// One or more.
    pub parts: Vec<PartStanding>,
    /// We cut it: the customer knows one id, that of the whole message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_here: bool,
}

impl Standing {
    /// What the customer who was given `id` asks about: the part, or of a message that we cut the part
    /// that its status comes from.
    #[must_use]
    pub fn of(&self, id: PartId) -> Option<&PartStanding> {
        let named = |part: &&PartStanding| part.ids.id == id || part.ids.aliases.contains(&id);
        let known = self.parts.iter().find(named).filter(|_| !self.cut_here);
        known.or_else(|| {
            let of_status = self.parts.iter().filter(|part| part.status == self.status);
            of_status.max_by_key(|part| part.since_ms)
        })
    }
}

/// Each event once, in the order of time. Two that differ under one id are of two runs of one program:
/// the earlier one counts.
#[must_use]
pub fn merged<'a>(events: impl IntoIterator<Item = MessageEvent<'a>>) -> Vec<MessageEvent<'a>> {
    let mut by_id: HashMap<EventId, MessageEvent<'a>> = HashMap::new();
    for event in events {
        by_id
            .entry(event.id)
            .and_modify(|kept| {
                let order = |event: &MessageEvent<'_>| (event.at_ms, crate::encode(event));
                if *kept != event && order(&event) < order(kept) {
                    *kept = event.clone();
                }
            })
            .or_insert(event);
    }
    let mut events: Vec<_> = by_id.into_values().collect();
    events.sort_by_key(|event| (event.at_ms, event.attempt, event.happened, event.id));
    events
}

/// Where `message` stands after these events (merged, in any order).
#[must_use]
pub fn standing(message: MessageId, events: &[MessageEvent<'_>]) -> Standing {
    let (parts, cut_here) = parts(message, events);
    let parts: Vec<_> = parts.into_iter().map(|ids| part_standing(ids, events)).collect();
    // Of those under way the least advanced one, else the worst end.
    let told = parts.iter().min_by_key(|part| match part.status.is_final() {
        false => (false, Reverse(Status::Unknown), part.status),
        true => (true, Reverse(part.status), Status::Unknown),
    });
    let status = told.map_or(Status::Unknown, |part| part.status);
    let of_status = parts.iter().filter(|part| part.status == status);
    let since_ms = of_status.map(|part| part.since_ms).max().unwrap_or_default();
    Standing { status, since_ms, parts, cut_here }
}

/// The message's parts, and whether it was us who cut it: as the last routing says, else as the customer
/// cut it, else as events name them.
fn parts(message: MessageId, events: &[MessageEvent<'_>]) -> (Vec<PartIds>, bool) {
    let of = |happened: Happened| events.iter().filter(move |event| event.happened == happened);
    let routed = of(Happened::Routed).max_by_key(|event| (event.attempt, event.id));
    if let Some(routed) = routed.filter(|event| !event.parts.is_empty()) {
        return (routed.parts.clone(), true);
    }
    let first = of(Happened::Accepted).chain(of(Happened::Received)).max_by_key(|event| event.id);
    if let Some(first) = first.filter(|event| !event.parts.is_empty()) {
        return (first.parts.clone(), false);
    }
    // Later events may be there first.
    let late = routed.is_none() && first.is_none();
    let last = events.iter().filter(|event| event.part.is_some()).map(|event| event.attempt).max();
    let of_last = events.iter().filter(|event| late && Some(event.attempt) == last);
    let mut named: BTreeSet<PartId> = of_last.filter_map(|event| event.part).collect();
    if named.is_empty() {
        named.insert(message.into());
    }
    (named.into_iter().map(|id| PartIds { id, aliases: Vec::new() }).collect(), false)
}

fn part_standing(ids: PartIds, events: &[MessageEvent<'_>]) -> PartStanding {
    let is_about = |event: &&MessageEvent<'_>| {
        event.part.is_none_or(|part| part == ids.id || ids.aliases.contains(&part))
    };
    let from_handset = events.iter().any(|event| event.happened == Happened::Received);
    let about = || events.iter().filter(is_about);
    let weighty = about().filter_map(|event| Some((weight(event, from_handset)?, event)));
    let last = weighty.max_by_key(|(weight, event)| (*weight, Reverse(event.at_ms), event.id));
    let last = last.map(|(_, event)| event);
    let attempt = last.map_or(0, |event| event.attempt);
    let at_provider = about().filter(|event| event.provider.is_some() && event.attempt <= attempt);
    let at_provider = at_provider.max_by_key(|event| {
        (event.attempt, !event.provider_message_id.is_empty(), event.happened, event.id)
    });
    let status = last.map_or(Status::Unknown, |event| Status::after(event.happened));
    let id = at_provider.map(|event| event.provider_message_id.to_string());
    PartStanding {
        status,
        since_ms: last.map_or(0, |event| event.at_ms),
        attempt,
        provider: at_provider.and_then(|event| event.provider.as_deref().cloned()),
        provider_message_id: id.unwrap_or_default(),
        state: last.and_then(|event| event.state).unwrap_or_else(|| status.state()),
        error: last.map(|event| event.error.to_string()).unwrap_or_default(),
        ids,
    }
}

/// How much an event weighs against others about the same part: the heaviest one says where it stands.
/// None: it says nothing of that.
fn weight(event: &MessageEvent<'_>, from_handset: bool) -> Option<(bool, u32, u8)> {
    if from_handset {
        let of_handset = match event.happened {
            Happened::Received => 0,
            Happened::Parked => 1,
            Happened::NotFetched => 2,
            Happened::NotTaken => 3,
            Happened::Told => 4,
            _ => return None,
        };
        return Some((false, 0, of_handset));
    }
    let within_attempt = match event.happened {
        // The edge's doubt is about the acceptance: whatever is known besides it ends it.
        Happened::Doubt if event.provider.is_none() => 0,
        Happened::Retried => 1,
        Happened::Accepted => 2,
        Happened::Assembled => 3,
        Happened::Scheduled => 4,
        Happened::Replaced => 5,
        Happened::Released => 6,
        Happened::Routed => 7,
        Happened::Doubt => 8,
        Happened::Rejected => 9,
        // Of the whole message: not of parts that a provider accepted.
        Happened::Failed if event.part.is_none() => 10,
        Happened::Submitted => 11,
        Happened::Progress => 12,
        Happened::Undelivered => 13,
        Happened::Failed | Happened::Incomplete => 14,
        Happened::Cancelled => 15,
        Happened::Delivered => 16,
        Happened::Received
        | Happened::Told
        | Happened::Parked
        | Happened::NotTaken
        | Happened::NotFetched => return None,
    };
    // What a handset has, it has, whatever another attempt came to.
    Some((event.happened == Happened::Delivered, event.attempt, within_attempt))
}
