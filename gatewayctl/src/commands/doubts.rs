//! `doubts list`, `doubts resolve`.

use wire::admin_api::{Doubt, DoubtList, ResolveBody, Resolved};
use wire::submit_journal::{DoubtState, Ending};

use super::{said, table};
use crate::cli::{ListDoubts, Resolve};
use crate::client::Client;
use crate::failure::Failure;
use crate::times;

/// One answer of the gateway after the other, until all slots are read.
pub(super) async fn list(
    client: &Client,
    asked: &ListDoubts,
    json: bool,
) -> Result<String, Failure> {
    let mut all = DoubtList::default();
    let mut from_slot = None;
    loop {
        let held = asked.held.then(|| "true".to_owned());
        let parameters = [
            ("provider", asked.provider.clone()),
            ("slot", asked.slot.map(|slot| slot.to_string())),
            ("held", held),
            ("from_slot", from_slot.map(|slot: u32| slot.to_string())),
        ];
        let mut list: DoubtList = client.ask("/doubts", &parameters).await?;
        all.doubts.append(&mut list.doubts);
        all.unread.append(&mut list.unread);
        // Each answer goes further than the one before; should it not, there is more.
        if list.next_slot <= from_slot {
            (all.more, all.next_slot) = (list.more, list.next_slot);
            return said(json, &all, listed);
        }
        from_slot = list.next_slot;
    }
}

pub(super) async fn resolve(
    client: &Client,
    asked: &Resolve,
    json: bool,
) -> Result<String, Failure> {
    let body = ResolveBody {
        slot: asked.slot,
        intent: asked.intent,
        message: asked.message.clone(),
        part: asked.part,
        all: asked.all,
        word: asked.word.into(),
    };
    let resolved: Resolved = client.post("/doubts/resolve", &body).await?;
    said(json, &resolved, |Resolved { resolved, settled_before, next }| {
        format!("{resolved} resolved, {settled_before} settled before: {next}")
    })
}

fn listed(list: &DoubtList) -> String {
    let mut text = match list.doubts.is_empty() {
        true => "no doubts".to_owned(),
        false => table(&rows(&list.doubts)),
    };
    for unread in &list.unread {
        text.push_str(&format!("\n\nslot {}: {}", unread.slot, unread.why));
    }
    if let Some(slot) = list.next_slot {
        text.push_str(&format!("\n\nslots from {slot} on were not read: ask for them by --slot"));
    }
    let held: Vec<&Doubt> = list.doubts.iter().filter(|it| it.state == DoubtState::Held).collect();
    if let Some(Doubt { slot, intent, message, part, .. }) = held.first() {
        text.push_str(&format!(
            "\n\n{} held: the provider may have taken each of them, or not. Ask the provider, \
             then say for each\n  gatewayctl doubts resolve --slot {slot} --intent {intent} \
             --message {message} --part {part} resend\n(sends it again: it may come twice) or \
             `drop` (does not: it may never come)",
            held.len(),
        ));
    }
    text
}

fn rows(doubts: &[Doubt]) -> Vec<[String; 7]> {
    let heading = ["slot", "provider", "intent", "message", "part", "since", "state"];
    let row = |doubt: &Doubt| {
        [
            doubt.slot.to_string(),
            doubt.provider.clone(),
            doubt.intent.to_string(),
            doubt.message.clone(),
            doubt.part.to_string(),
            doubt.since_ms.map_or_else(|| "-".to_owned(), times::shown),
            in_words(doubt.state).to_owned(),
        ]
    };
    std::iter::once(heading.map(str::to_owned)).chain(doubts.iter().map(row)).collect()
}

fn in_words(state: DoubtState) -> &'static str {
    match state {
        DoubtState::Held => "held",
        DoubtState::Resent => "resent",
        DoubtState::Ended(Ending::Accepted) => "resent, accepted",
        DoubtState::Ended(Ending::Rejected) => "resent, rejected",
        DoubtState::Ended(Ending::Expired) => "expired",
        DoubtState::Ended(Ending::Drained) => "drained",
        DoubtState::Ended(Ending::Dropped) => "dropped",
        DoubtState::Ended(Ending::Abandoned) => "abandoned with its message",
    }
}
