//! One list out of the shards of an index. Pure.

use std::collections::BTreeSet;

use domain::id::MessageId;

use super::form::read_at;

/// Messages that an index knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// When each began (Unix milliseconds) and its id, the earliest first.
    pub messages: Vec<(u64, MessageId)>,
    /// Where the list goes on; none: it ends here.
    pub next: Option<String>,
}

/// What was read of one shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shard {
    /// Places, in their order. One may come twice: of two items that hold the same event.
    pub(super) places: Vec<String>,
    /// There may be more.
    pub(super) is_cut: bool,
}

/// The first `limit` messages over all shards. A shard that was cut says nothing of what comes after
/// its last place: the list ends there at the latest.
pub(super) fn together(shards: &[Shard], limit: usize) -> Found {
    let cut = shards.iter().filter(|shard| shard.is_cut);
    let end = cut.filter_map(|shard| shard.places.last()).min();
    let all: BTreeSet<&String> = shards.iter().flat_map(|shard| &shard.places).collect();
    let known: Vec<_> =
        all.iter().take_while(|place| end.is_none_or(|end| **place <= end)).collect();
    let listed = &known[..known.len().min(limit)];
    let more = listed.len() < all.len() || end.is_some();
    Found {
        messages: listed.iter().filter_map(|place| read_at(place)).collect(),
        next: listed.last().filter(|_| more).map(|place| (**place).clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::at;
    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId::new(u64::from(n), [n; 10])
    }

    /// What a query with `limit` reads of a shard after a place.
    fn query(shard: &[String], after: Option<&String>, limit: usize) -> Shard {
        let rest = shard.iter().filter(|place| after.is_none_or(|after| *place > after));
        let places: Vec<_> = rest.take(limit).cloned().collect();
        Shard { is_cut: places.len() == limit, places }
    }

    #[test]
    fn page_by_page_every_message_comes_once_and_in_order_however_shards_are_filled() {
        for seed in 0..500_u64 {
            let mut shards = vec![Vec::new(); 3];
            let mut state = seed;
            let mut random = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % below
            };
            let mut expected = Vec::new();
            for n in 0..u8::try_from(random(30)).unwrap() {
                let place = (u64::from(n) / 3, id(n));
                expected.push(place);
                // Some are held by two items.
                for _ in 0..=random(2) {
                    shards[usize::from(n % 2 * (n % 3))].push(at(place.0, place.1));
                }
            }
            let (mut found, mut after) = (Vec::new(), None);
            let limit = usize::try_from(1 + random(5)).unwrap();
            for pages in 0.. {
                assert!(pages < 100, "seed {seed}");
                let read: Vec<_> =
                    shards.iter().map(|shard| query(shard, after.as_ref(), limit)).collect();
                let page = together(&read, limit);
                assert!(page.messages.len() <= limit);
                found.extend(page.messages);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}
