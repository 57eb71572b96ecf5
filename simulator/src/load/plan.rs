//! Which connection sends which part of which message when: a pure function of the numbers, so the
//! connections need not talk to each other.

use std::time::Duration;

/// Millionths in one.
const PPM: u64 = 1_000_000;

/// What the whole load sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub connections: u32,
    /// Messages; `None`: until told to stop.
    pub messages: Option<u64>,
    /// Parts of a long message.
    pub parts: u8,
    /// How many messages of a million are long.
    pub long_ppm: u32,
    /// The parts of a message go over different connections.
    pub spread: bool,
    pub mix: Mix,
    /// Parts per second over all connections; `None`: as fast as the windows let.
    pub rate_per_s: Option<f64>,
}

/// One submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    pub number: u64,
    /// 1 to `parts`.
    pub part: u8,
    pub parts: u8,
}

/// How many of the messages have which priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    pub high: u32,
    pub normal: u32,
    pub bulk: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { high: 0, normal: 1, bulk: 0 }
    }
}

impl Mix {
    /// SMPP's `priority_flag` of a message: 0 bulk, 1 normal, 2 high.
    pub fn priority_of(self, number: u64) -> u8 {
        let total = u64::from(self.high) + u64::from(self.normal) + u64::from(self.bulk);
        if total == u64::from(self.normal) {
            return 1;
        }
        let place = scattered(number) % total.max(1);
        match place {
            _ if place < u64::from(self.bulk) => 0,
            _ if place < u64::from(self.bulk) + u64::from(self.normal) => 1,
            _ => 2,
        }
    }
}

impl Plan {
    pub const fn parts_of(&self, number: u64) -> u8 {
        let is_long = self.long_before(number + 1) > self.long_before(number);
        if is_long { self.parts } else { 1 }
    }

    /// How many submits come before this one, over all connections.
    pub const fn position(&self, item: &Item) -> u64 {
        let longer = self.long_before(item.number) * (self.parts as u64 - 1);
        item.number + longer + item.part as u64 - 1
    }

    /// When this one is due, from the start; zero without a rate.
    pub fn due(&self, item: &Item) -> Duration {
        self.rate_per_s.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(self.position(item) as f64 / rate)
        })
    }

    /// What one connection (from 0) sends, in order.
    pub const fn items(&self, connection: u32) -> Items {
        Items { connection: connection as u64, number: 0, part: None }
    }

    const fn long_before(&self, number: u64) -> u64 {
        // Numbers are far below 2^44.
        if self.parts > 1 { number * self.long_ppm as u64 / PPM } else { 0 }
    }
}

/// The place of one connection in the plan.
#[derive(Clone, Copy, Debug)]
pub struct Items {
    connection: u64,
    number: u64,
    /// The next part of `number`; `None`: not looked for yet.
    part: Option<u8>,
}

impl Items {
    /// The next submit of this connection; `None` at the end of the plan.
    pub fn next(&mut self, plan: &Plan) -> Option<Item> {
        let connections = u64::from(plan.connections);
        loop {
            if plan.messages.is_some_and(|messages| self.number >= messages) {
                return None;
            }
            let number = self.number;
            let parts = plan.parts_of(number);
            // The first part goes over connection number mod connections, the next over the next.
            let first = (self.connection + connections - number % connections) % connections;
            let (first, step) = match (plan.spread, first) {
                (true, first) => (first + 1, connections),
                (false, 0) => (1, 1),
                (false, _) => (u64::MAX, 1),
            };
            let part = self.part.map_or(first, |last| u64::from(last) + step);
            if part <= u64::from(parts) {
                self.part = Some(part as u8);
                return Some(Item { number, part: part as u8, parts });
            }
            let is_alone = plan.parts == 1 || plan.long_ppm == 0;
            self.number += if is_alone && self.part.is_some() { connections } else { 1 };
            self.part = None;
        }
    }
}

/// A number without the patterns of counting (the mixing step of splitmix64).
pub const fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn plan(connections: u32, messages: u64) -> Plan {
        Plan {
            connections,
            messages: Some(messages),
            parts: 1,
            long_ppm: 1_000_000,
            spread: false,
            mix: Mix::default(),
            rate_per_s: None,
        }
    }

    fn all(plan: &Plan) -> Vec<(u32, Item)> {
        let of = |connection| {
            let mut items = plan.items(connection);
            std::iter::from_fn(move || items.next(plan)).map(move |item| (connection, item))
        };
        (0..plan.connections).flat_map(of).collect()
    }

    #[test]
    fn every_part_is_sent_once_whatever_the_shape() {
        for connections in [1, 2, 3, 16] {
            for parts in [1, 2, 3, 7] {
                for long_ppm in [0, 100_000, 333_333, 1_000_000] {
                    for spread in [false, true] {
                        let plan = Plan { parts, long_ppm, spread, ..plan(connections, 100) };
                        let items = all(&plan);
                        let keys: BTreeSet<_> =
                            items.iter().map(|(_, item)| (item.number, item.part)).collect();
                        assert_eq!(keys.len(), items.len(), "{plan:?}");
                        let whole: BTreeSet<_> = (0..100)
                            .flat_map(|n| (1..=plan.parts_of(n)).map(move |part| (n, part)))
                            .collect();
                        assert_eq!(keys, whole, "{plan:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_parts_of_a_message_share_a_connection_unless_they_are_spread() {
        for spread in [false, true] {
            let plan = Plan { parts: 3, spread, ..plan(4, 50) };
            let mut connections: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
            for (connection, item) in all(&plan) {
                connections.entry(item.number).or_default().insert(connection);
            }
            let used = if spread { 3 } else { 1 };
            assert!(connections.values().all(|used_by| used_by.len() == used));
        }
    }

    #[test]
    fn the_share_of_long_messages_is_kept_and_positions_leave_no_gap() {
        let plan = Plan { parts: 3, long_ppm: 100_000, ..plan(2, 1_000) };
        assert_eq!((0..1_000).filter(|number| plan.parts_of(*number) == 3).count(), 100);
        let positions: BTreeSet<u64> =
            all(&plan).iter().map(|(_, item)| plan.position(item)).collect();
        assert_eq!(positions, (0..1_200).collect());
    }

    #[test]
    fn submits_are_due_at_the_rate() {
        let plan = Plan { rate_per_s: Some(1_000.0), ..plan(4, 10) };
        let item = Item { number: 5, part: 1, parts: 1 };
        assert_eq!(plan.due(&item), Duration::from_millis(5));
    }

    #[test]
    fn priorities_come_in_the_shares_of_the_mix_on_every_connection() {
        let mix = Mix { high: 1, normal: 8, bulk: 1 };
        for connection in 0..10 {
            let numbers = (0..10_000).map(|n| n * 10 + connection);
            let mut counts = [0u32; 3];
            numbers.for_each(|number| counts[usize::from(mix.priority_of(number))] += 1);
            assert!(counts[0].abs_diff(1_000) < 150 && counts[2].abs_diff(1_000) < 150);
        }
        assert_eq!(Mix::default().priority_of(7), 1);
        assert_eq!(Mix { high: 3, normal: 0, bulk: 0 }.priority_of(7), 2);
    }
}
