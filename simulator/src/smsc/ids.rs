//! The message ids that the SMSC gives: unique over all its binds, decimal or hexadecimal.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};

/// How an id is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdSettings {
    pub form: IdForm,
    /// Stands before each id; at most 40 octets.
    pub prefix: String,
    /// The first id's number; taken when the SMSC starts and at a reset.
    pub start: u64,
    /// After so many ids it begins again with the first.
    pub restart_every: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    #[default]
    Decimal,
    /// Lower case.
    Hex,
    HexUpper,
}

impl Default for IdSettings {
    fn default() -> Self {
        Self { form: IdForm::Decimal, prefix: String::new(), start: 1, restart_every: None }
    }
}

impl IdSettings {
    pub fn write(&self, out: &mut BytesMut, id: u64) {
        let id = match self.restart_every {
            Some(every) if id >= self.start => self.start + (id - self.start) % every,
            _ => id,
        };
        out.put_slice(self.prefix.as_bytes());
        let (base, letters) = match self.form {
            IdForm::Decimal => (10, b'a'),
            IdForm::Hex => (16, b'a'),
            IdForm::HexUpper => (16, b'A'),
        };
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = id;
        while rest > 0 || at == digits.len() {
            at -= 1;
            let digit = (rest % base) as u8;
            digits[at] = if digit < 10 { b'0' + digit } else { letters + digit - 10 };
            rest /= base;
        }
        out.put_slice(&digits[at..]);
    }

    pub fn to_text(&self, id: u64) -> String {
        let mut out = BytesMut::new();
        self.write(&mut out, id);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// One bind's ids, taken from the SMSC's counter a block at a time: the counter is shared, so it is
/// touched rarely.
#[derive(Debug)]
pub struct Ids {
    shared: Arc<Counter>,
    next: u64,
    end: u64,
    restarts: u64,
}

/// What the binds share.
#[derive(Debug, Default)]
pub struct Counter {
    next: AtomicU64,
    restarts: AtomicU64,
}

impl Counter {
    pub fn new(start: u64) -> Self {
        Self { next: AtomicU64::new(start), restarts: AtomicU64::new(0) }
    }

    /// Begins again, on every bind, as an SMSC that lost its memory does.
    pub fn restart(&self, start: u64) {
        self.next.store(start, Ordering::Relaxed);
        self.restarts.fetch_add(1, Ordering::Release);
    }
}

const BLOCK: u64 = 64;

impl Ids {
    pub const fn new(shared: Arc<Counter>) -> Self {
        Self { shared, next: 0, end: 0, restarts: 0 }
    }

    pub fn take(&mut self) -> u64 {
        let restarts = self.shared.restarts.load(Ordering::Acquire);
        if self.next == self.end || restarts != self.restarts {
            self.restarts = restarts;
            self.next = self.shared.next.fetch_add(BLOCK, Ordering::Relaxed);
            self.end = self.next.wrapping_add(BLOCK);
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_written_as_the_settings_say() {
        let written = |form, prefix: &str, id| {
            IdSettings { form, prefix: prefix.into(), ..IdSettings::default() }.to_text(id)
        };
        assert_eq!(written(IdForm::Decimal, "", 1_234_567_890), "1234567890");
        assert_eq!(written(IdForm::Hex, "", 0xdead_beef), "deadbeef");
        assert_eq!(written(IdForm::HexUpper, "x-", 0xdead_beef), "x-DEADBEEF");
        assert_eq!(written(IdForm::Decimal, "", 0), "0");
        assert_eq!(written(IdForm::Decimal, "", u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn a_counter_that_restarts_gives_the_first_ids_again_on_every_bind() {
        let shared = Arc::new(Counter::new(1));
        let mut binds = [Ids::new(Arc::clone(&shared)), Ids::new(Arc::clone(&shared))];
        assert_eq!([binds[0].take(), binds[1].take()], [1, 65]);
        shared.restart(1);
        assert_eq!([binds[1].take(), binds[0].take()], [1, 65]);
        let ids = IdSettings { start: 5, restart_every: Some(3), ..IdSettings::default() };
        let texts: Vec<_> = (5..10).map(|id| ids.to_text(id)).collect();
        assert_eq!(texts, ["5", "6", "7", "5", "6"]);
    }

    #[test]
    fn no_two_binds_give_the_same_id_and_the_first_is_the_start() {
        let shared = Arc::new(Counter::new(1_000));
        let mut binds = [Ids::new(Arc::clone(&shared)), Ids::new(shared)];
        let ids: Vec<u64> = (0..1_000).map(|turn| binds[turn % 2].take()).collect();
        assert_eq!(ids[0], 1_000);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1_000);
    }
}
