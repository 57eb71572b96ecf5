//! What can be sent next: order within a priority, weights between priorities.

use std::collections::{BTreeSet, VecDeque};

use wire::submit_journal::{At, PRIORITIES, PartAt};

/// Parts that wait to be intended. An element may have ended meanwhile: the ledger knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    lanes: [Lane; PRIORITIES],
    picker: Picker,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Lane {
    /// Sent before, or read before: always in front, in their old order.
    again: BTreeSet<(u64, u16)>,
    /// Never begun: message's offset, number of its parts, next part.
    fresh: VecDeque<(u64, u16, u16)>,
}

/// Weighted rounds: a priority with weight w gets at most w parts a round while others wait, and a
/// round serves high first. So high waits at most for the rest of a round, and bulk never starves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Picker {
    weights: [u32; PRIORITIES],
    left: [u32; PRIORITIES],
}

impl Queue {
    pub(super) fn new(weights: [u32; PRIORITIES]) -> Self {
        Self { lanes: Default::default(), picker: Picker::new(weights) }
    }

    pub(super) fn clear(&mut self) {
        self.lanes = Default::default();
    }

    /// A new message; messages of a priority come in order.
    pub(super) fn push(&mut self, at: At, parts: u16) {
        self.lanes[usize::from(at.priority)].fresh.push_back((at.offset, parts, 0));
    }

    /// A part that is to be sent (again): at its old place in front.
    pub(super) fn push_again(&mut self, part: PartAt) {
        self.lanes[usize::from(part.at.priority)].again.insert((part.at.offset, part.part));
    }

    pub(super) fn pop(&mut self) -> Option<PartAt> {
        let waiting = std::array::from_fn(|priority| !self.lanes[priority].is_empty());
        let priority = self.picker.pick(waiting)?;
        let (offset, part) = self.lanes[priority].pop()?;
        let at = At { priority: u8::try_from(priority).ok()?, offset };
        Some(PartAt { at, part })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(Lane::is_empty)
    }
}

impl Lane {
    fn is_empty(&self) -> bool {
        self.again.is_empty() && self.fresh.is_empty()
    }

    fn pop(&mut self) -> Option<(u64, u16)> {
        if let Some(first) = self.again.pop_first() {
            return Some(first);
        }
        let (offset, parts, next) = self.fresh.front_mut()?;
        let part = (*offset, *next);
        *next += 1;
        if next >= parts {
            self.fresh.pop_front();
        }
        Some(part)
    }
}

impl Picker {
    fn new(weights: [u32; PRIORITIES]) -> Self {
        Self { weights: weights.map(|weight| weight.max(1)), left: [0; PRIORITIES] }
    }

    /// The priority to serve, of those that wait.
    fn pick(&mut self, waiting: [bool; PRIORITIES]) -> Option<usize> {
        if !waiting.contains(&true) {
            return None;
        }
        let ready = |left: &[u32; PRIORITIES]| (0..PRIORITIES).find(|&p| waiting[p] && left[p] > 0);
        if ready(&self.left).is_none() {
            self.left = self.weights;
        }
        let priority = ready(&self.left)?;
        self.left[priority] -= 1;
        Some(priority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(picker: &mut Picker, waiting: [bool; PRIORITIES], n: usize) -> Vec<usize> {
        (0..n).filter_map(|_| picker.pick(waiting)).collect()
    }

    #[test]
    fn a_round_serves_eight_high_three_normal_one_bulk() {
        let mut picker = Picker::new([8, 3, 1]);
        let round = run(&mut picker, [true; 3], 12);
        assert_eq!(round, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2]);
        assert_eq!(run(&mut picker, [true; 3], 12), round);
    }

    #[test]
    fn bulk_never_starves_and_high_waits_at_most_the_rest_of_a_round() {
        let mut picker = Picker::new([8, 3, 1]);
        let served = run(&mut picker, [true, true, true], 1200);
        assert_eq!(served.iter().filter(|&&p| p == 2).count(), 100);
        let mut picker = Picker::new([8, 3, 1]);
        run(&mut picker, [false, true, true], 1);
        assert_eq!(run(&mut picker, [true; 3], 1), [0]);
    }

    #[test]
    fn who_waits_alone_gets_everything() {
        let mut picker = Picker::new([8, 3, 1]);
        assert_eq!(run(&mut picker, [false, false, true], 5), [2; 5]);
    }

    #[test]
    fn what_is_returned_goes_in_front_in_its_old_order() {
        let mut queue = Queue::new([8, 3, 1]);
        let at = |offset| At { priority: 1, offset };
        for offset in 5..8 {
            queue.push(at(offset), 2);
        }
        let first: Vec<_> = (0..3).filter_map(|_| queue.pop()).collect();
        queue.push_again(first[1]);
        queue.push_again(first[0]);
        let order: Vec<_> =
            std::iter::from_fn(|| queue.pop()).map(|p| (p.at.offset, p.part)).collect();
        assert_eq!(order, [(5, 0), (5, 1), (6, 1), (7, 0), (7, 1)]);
    }
}
