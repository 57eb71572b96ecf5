//! Messages from handsets: a flood of numbered ones, long ones in parts over different binds.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use smpp::{
    Address, Submit,
    pdu::{Npi, Ton},
};
use tokio::time::sleep;

use super::{
    deliveries::{Delivery, What},
    hub::Hub,
};
use crate::{load::plan::scattered, number::Numbered};

/// Digits of a handset's number.
const HANDSET_DIGITS: usize = 12;
/// Between two looks at what is due.
const STEP: Duration = Duration::from_millis(5);
/// Without a rate: messages that wait to be sent.
const AHEAD: u64 = 2_000;

/// A flood of messages from handsets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    /// Messages, each of [`parts`](Self::parts).
    pub count: u64,
    /// Messages per second; as fast as windows let otherwise.
    #[serde(default)]
    pub per_s: Option<f64>,
    /// Identifies the flood in the texts, as a load's run does.
    pub run: u32,
    /// The first word of each text; none: the text begins with the number.
    #[serde(default)]
    pub keyword: String,
    /// The numbers that are written to, in turn.
    pub destinations: Vec<String>,
    /// Digits that the handsets' numbers begin with.
    #[serde(default = "handset_prefix")]
    pub handset_prefix: String,
    /// How many handsets there are.
    #[serde(default = "handsets")]
    pub handsets: u64,
    /// Joined by a user data header, each over another bind.
    #[serde(default = "one")]
    pub parts: u8,
    /// Octets of each text, the keyword apart.
    #[serde(default = "text_octets")]
    pub text_octets: usize,
}

/// A message, or part of one, that is to be sent.
#[derive(Clone, Debug)]
pub struct Message {
    pub source: Address,
    pub destination: Address,
    pub keyword: String,
    pub text_octets: usize,
    /// The time is set when it is sent first.
    pub numbered: Numbered,
}

impl Flood {
    /// Errors: a value that cannot be.
    pub fn check(&self) -> anyhow::Result<()> {
        let digits = |number: &str| number.bytes().all(|octet| octet.is_ascii_digit());
        ensure!(self.per_s.is_none_or(|rate| rate > 0.0 && rate.is_finite()), "per_s: above 0");
        ensure!(!self.destinations.is_empty(), "destinations: at least one");
        ensure!(
            self.destinations.iter().all(|number| number.len() <= 20),
            "destinations: 20 digits"
        );
        ensure!(
            self.handset_prefix.len() < HANDSET_DIGITS && digits(&self.handset_prefix),
            "handset_prefix: fewer than {HANDSET_DIGITS} digits"
        );
        ensure!(self.parts > 0 && self.handsets > 0, "parts and handsets: at least 1");
        ensure!(self.text_octets + self.keyword.len() < 153, "a text has at most 152 octets");
        Ok(())
    }

    /// One part (from 1) of one message.
    pub fn delivery(&self, number: u64, part: u8, due: Instant) -> Delivery {
        let Self { run, parts, ref handset_prefix, text_octets, .. } = *self;
        let width = HANDSET_DIGITS - handset_prefix.len();
        let handset = scattered(number) % self.handsets;
        let destination = &self.destinations[number as usize % self.destinations.len()];
        let message = Message {
            source: address(&format!("{handset_prefix}{handset:0width$}")),
            destination: address(destination),
            keyword: if part == 1 { self.keyword.clone() } else { String::new() },
            text_octets,
            numbered: Numbered { run, number, part, parts, sent_us: 0, connection: 0, priority: 0 },
        };
        Delivery { due, what: What::Message(Box::new(message)), tries: 0 }
    }
}

impl Message {
    pub fn to_submit(&self) -> Submit {
        let Numbered { run, number, part, parts, .. } = self.numbered;
        let text = self.numbered.to_text(self.text_octets).octets;
        // As a handset's: it goes on from message to message.
        let reference = (run as u8).wrapping_mul(101).wrapping_add(number as u8);
        let udh: &[u8] = if parts > 1 { &[5, 0, 3, reference, parts, part] } else { &[] };
        let gap = if self.keyword.is_empty() { "" } else { " " };
        Submit {
            source: self.source.clone(),
            destination: self.destination.clone(),
            esm_class: if parts > 1 { Submit::UDHI } else { 0 },
            message: [udh, self.keyword.as_bytes(), gap.as_bytes(), &text].concat().into(),
            ..Submit::default()
        }
    }
}

/// Posts the whole flood, at its rate or as fast as it is sent.
pub async fn run(flood: Flood, hub: Arc<Hub>) {
    let start = Instant::now();
    let mut next = 0;
    while next < flood.count {
        let until = match flood.per_s {
            Some(rate) => ((start.elapsed() + STEP * 2).as_secs_f64() * rate) as u64,
            None => next + AHEAD.saturating_sub(hub.waiting_messages()),
        };
        let mut deliveries = Vec::new();
        let until = until.clamp(next, flood.count);
        for number in next..until {
            let due = flood.per_s.map(|rate| Duration::from_secs_f64(number as f64 / rate));
            let due = due.map_or_else(Instant::now, |after| start + after);
            deliveries.extend((1..=flood.parts).map(|part| flood.delivery(number, part, due)));
        }
        next = until;
        hub.post(None, deliveries);
        sleep(STEP).await;
    }
}

fn address(number: &str) -> Address {
    Address { ton: Ton::International, npi: Npi::Isdn, addr: number.into() }
}

fn handset_prefix() -> String {
    "491700".into()
}

const fn handsets() -> u64 {
    100_000
}

const fn one() -> u8 {
    1
}

const fn text_octets() -> usize {
    80
}
