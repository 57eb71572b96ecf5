//! A digit trie: which of many prefixes a number begins with, in one walk.

/// Longest number that SMPP carries (SMPP 3.4, section 5.2.9: 21 octets with the terminator); no
/// longer prefix can match.
pub(super) const MAX_DIGITS: usize = 20;

const NONE: u32 = u32::MAX;

/// Prefixes, each with a number of the caller's.
#[derive(Debug)]
pub(super) struct PrefixTrie {
    nodes: Vec<Node>,
}

/// One prefix; 44 octets, so that a step down touches one cache line.
#[derive(Debug, Clone, Copy)]
struct Node {
    children: [u32; 10],
    value: u32,
}

const LEAF: Node = Node { children: [NONE; 10], value: NONE };

/// The values of all prefixes of a number.
#[derive(Debug)]
pub(super) struct Matches {
    /// (Length of the prefix, value), shortest first.
    found: [(u8, u32); MAX_DIGITS + 1],
    len: usize,
}

impl Matches {
    /// Longest prefix first.
    pub(super) fn longest_first(&self) -> impl Iterator<Item = (u8, u32)> {
        self.found[..self.len].iter().rev().copied()
    }
}

impl PrefixTrie {
    pub(super) fn new() -> Self {
        Self { nodes: vec![LEAF] }
    }

    /// The value of this prefix, `new` if it had none. None if no number can begin with it:
    /// something other than a digit, or too long.
    pub(super) fn insert(&mut self, prefix: &str, new: u32) -> Option<u32> {
        if prefix.len() > MAX_DIGITS || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut at = 0;
        for digit in prefix.bytes() {
            at = self.child(at, usize::from(digit - b'0'));
        }
        let value = &mut self.nodes[at].value;
        if *value == NONE {
            *value = new;
        }
        Some(*value)
    }

    fn child(&mut self, at: usize, digit: usize) -> usize {
        let next = self.nodes[at].children[digit];
        if next != NONE {
            return next as usize;
        }
        let new = self.nodes.len();
        self.nodes[at].children[digit] = u32::try_from(new).unwrap_or(NONE);
        self.nodes.push(LEAF);
        new
    }

    /// All prefixes that `number` begins with, the empty one included. What is not a digit ends
    /// the walk: a short code in letters still finds the route of the empty prefix.
    pub(super) fn matches(&self, number: &str) -> Matches {
        let mut matches = Matches { found: [(0, NONE); MAX_DIGITS + 1], len: 0 };
        let mut node = &self.nodes[0];
        matches.push(0, node.value);
        for (index, octet) in number.bytes().take(MAX_DIGITS).enumerate() {
            let digit = usize::from(octet.wrapping_sub(b'0'));
            match node.children.get(digit) {
                Some(&next) if next != NONE => node = &self.nodes[next as usize],
                _ => break,
            }
            matches.push(index + 1, node.value);
        }
        matches
    }
}

impl Matches {
    fn push(&mut self, digits: usize, value: u32) {
        if value != NONE {
            self.found[self.len] = (u8::try_from(digits).unwrap_or(u8::MAX), value);
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(trie: &PrefixTrie, number: &str) -> Vec<(u8, u32)> {
        trie.matches(number).longest_first().collect()
    }

    #[test]
    fn a_walk_finds_every_prefix_longest_first() {
        let mut trie = PrefixTrie::new();
        for (value, prefix) in ["", "49", "4917", "44", "491"].iter().enumerate() {
            trie.insert(prefix, u32::try_from(value).unwrap());
        }
        assert_eq!(found(&trie, "491799"), [(4, 2), (3, 4), (2, 1), (0, 0)]);
        assert_eq!(found(&trie, "4"), [(0, 0)]);
        assert_eq!(found(&trie, "44"), [(2, 3), (0, 0)]);
        assert_eq!(found(&trie, "ACME"), [(0, 0)]);
        assert_eq!(found(&trie, ""), [(0, 0)]);
    }

    #[test]
    fn a_prefix_keeps_its_first_value() {
        let mut trie = PrefixTrie::new();
        assert_eq!(trie.insert("49", 7), Some(7));
        assert_eq!(trie.insert("49", 8), Some(7));
    }

    #[test]
    fn what_no_number_begins_with_is_not_taken() {
        let mut trie = PrefixTrie::new();
        assert_eq!(trie.insert("+49", 1), None);
        assert_eq!(trie.insert(&"1".repeat(MAX_DIGITS + 1), 1), None);
        let longest = "1".repeat(MAX_DIGITS);
        assert_eq!(trie.insert(&longest, 1), Some(1));
        assert_eq!(found(&trie, &format!("{longest}999")), [(20, 1)]);
    }
}
