//! Which receipts follow from a submit that was accepted: when, over which bind, saying what.
//! Decided by the settings and seeded chance; no clock.

use std::time::{Duration, Instant};

use anyhow::ensure;
use domain::receipts::MessageState;
use serde::{Deserialize, Serialize};
use smpp::{
    Address, Octets, Submit,
    pdu::Tlvs,
    receipt::{self, Receipt as Text},
    time_format,
};

use super::{
    deliveries::{Delivery, What},
    ids::{IdForm, IdSettings},
    settings::{Latency, Settings},
};
use crate::{clock::Now, number::Numbered};

/// How receipts come, for submits that ask for them. Shares are from 0 to 1. The default: each one
/// once, right after the response, DELIVRD, in text and TLVs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptSettings {
    /// Of the submits that ask: these get one.
    pub share: f64,
    /// After the response.
    pub delay: Latency,
    /// Some come after another delay.
    pub late: Option<Late>,
    /// Before the response, whatever the delay.
    pub before_response: f64,
    pub twice: f64,
    /// Over another bind of the same `system_id`, if there is one.
    pub other_bind: f64,
    /// With an id that was never given.
    pub wrong_id: f64,
    /// ENROUTE comes first, if that was asked for (`registered_delivery` 0x10).
    pub intermediate: f64,
    /// Final states; what is left of 1 is DELIVRD.
    pub states: Vec<StateRate>,
    /// How ids are written in receipts; as in responses by default.
    pub id_form: Option<IdForm>,
    pub form: Form,
    /// Instead of 0x04, and of 0x20 for intermediate ones.
    pub esm_class: Option<u8>,
    /// Addresses as in the submit, not swapped.
    pub as_submitted: bool,
    /// Added to the dates: a time zone, or a clock that is wrong.
    pub clock_shift_s: i64,
    /// Added to the done date alone: as if delivery had taken longer.
    pub done_shift_s: i64,
}

impl Default for ReceiptSettings {
    fn default() -> Self {
        Self {
            share: 1.0,
            delay: Latency::None,
            late: None,
            before_response: 0.0,
            twice: 0.0,
            other_bind: 0.0,
            wrong_id: 0.0,
            intermediate: 0.0,
            states: Vec::new(),
            id_form: None,
            form: Form::Both,
            esm_class: None,
            as_submitted: false,
            clock_shift_s: 0,
            done_shift_s: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    pub probability: f64,
    pub delay: Latency,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateRate {
    pub state: MessageState,
    /// `err` of the text, and the code of TLV `network_error_code`.
    #[serde(default)]
    pub error: u16,
    pub probability: f64,
}

/// Where a receipt says what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    #[default]
    Both,
    Text,
    Tlvs,
}

impl ReceiptSettings {
    /// Errors: a value that cannot be.
    pub fn check(&self) -> anyhow::Result<()> {
        let late = self.late.map(|late| late.probability);
        let shares = [self.share, self.before_response, self.twice, self.other_bind];
        let shares = shares.into_iter().chain([self.wrong_id, self.intermediate]).chain(late);
        let states: f64 = self.states.iter().map(|state| state.probability).sum();
        ensure!(
            shares.chain([states]).all(|share| (0.0..=1.0).contains(&share))
                && self.states.iter().all(|state| state.probability >= 0.0),
            "receipts: shares are 0 to 1"
        );
        self.delay.check("receipts: delay")?;
        self.late.map_or(Ok(()), |late| late.delay.check("receipts: late"))
    }
}

/// A receipt that is to be sent.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub id: String,
    pub state: MessageState,
    pub error: u16,
    pub source: Address,
    pub destination: Address,
    /// Microseconds since 1970, by the SMSC's clock.
    pub submitted_us: u64,
    pub done_us: u64,
    /// The beginning of the message's text.
    pub excerpt: Octets,
    pub form: Form,
    pub esm_class: u8,
    /// Of the load's message; `None` where the load is not to count it.
    pub numbered: Option<Numbered>,
}

/// GSM, in TLV `network_error_code`.
const GSM: u8 = 3;
/// SMPP 3.4, appendix B.
const EXCERPT: usize = 20;

impl Receipt {
    pub fn to_submit(&self) -> Submit {
        let text = (self.form != Form::Tlvs).then(|| receipt::write(&self.text()));
        let [high, low] = self.error.to_be_bytes();
        let tlvs = match self.form {
            Form::Text => Tlvs::default(),
            Form::Both | Form::Tlvs => Tlvs {
                receipted_message_id: Some((*self.id).into()),
                message_state: Some(self.state.smpp()),
                network_error_code: (self.error != 0).then_some([GSM, high, low]),
                ..Tlvs::default()
            },
        };
        Submit {
            source: self.source.clone(),
            destination: self.destination.clone(),
            esm_class: self.esm_class,
            message: text.unwrap_or_default(),
            tlvs,
            ..Submit::default()
        }
    }

    fn text(&self) -> Text {
        let date = |us: u64| {
            let date = time_format::absolute(us / 1_000)?;
            Some(Octets::from(date.get(..10)?))
        };
        Text {
            id: Some((*self.id).into()),
            sub: Some(1),
            dlvrd: Some(u32::from(self.state == MessageState::Delivered)),
            submit_date: date(self.submitted_us),
            done_date: date(self.done_us),
            stat: Some(self.state.word().into()),
            err: Some(format!("{:03}", self.error).into()),
            text: Some(self.excerpt.clone()),
        }
    }
}

/// A submit that was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    pub submit: &'a Submit,
    /// As [`IdSettings::write`] takes it.
    pub id: u64,
    pub numbered: Option<Numbered>,
    /// From now to the response.
    pub answer_after: Duration,
}

/// A receipt, and where it goes.
#[derive(Clone, Debug)]
pub struct Made {
    pub delivery: Delivery,
    pub before_response: bool,
    pub other_bind: bool,
}

/// Makes the receipts of one bind's submits.
#[derive(Debug)]
pub struct Maker {
    chance: fastrand::Rng,
}

impl Maker {
    /// `bind` makes chance differ between binds.
    pub fn new(seed: u64, bind: u64) -> Self {
        Self { chance: fastrand::Rng::with_seed(seed ^ bind.rotate_left(17) ^ 0xd1) }
    }

    /// Gives `into` the receipts that follow from this submit.
    pub fn make(
        &mut self,
        settings: &Settings,
        accepted: &Accepted<'_>,
        now: Now,
        mut into: impl FnMut(Made),
    ) {
        let receipts = &settings.receipts;
        let asked = accepted.submit.registered_delivery;
        if asked & 0x13 == 0 || !self.hits(receipts.share) {
            return;
        }
        let before_response = self.hits(receipts.before_response);
        let delay = match receipts.late {
            Some(late) if self.hits(late.probability) => late.delay,
            _ => receipts.delay,
        };
        let mut after = Duration::ZERO;
        if !before_response {
            after = accepted.answer_after + delay.sample(&mut self.chance);
        }
        let due = now.instant + after;
        let (state, error) = self.state(&receipts.states);
        let mut put = |maker: &mut Self, due: Instant, receipt: Receipt| {
            let delivery = Delivery { due, what: What::Receipt(Box::new(receipt)), tries: 0 };
            let other_bind = maker.hits(receipts.other_bind);
            into(Made { delivery, before_response, other_bind });
        };
        if asked & 0x10 != 0 && self.hits(receipts.intermediate) {
            let receipt = self.receipt(settings, accepted, MessageState::Enroute, 0, after, now);
            let first = now.instant + accepted.answer_after.min(after);
            put(self, first, Receipt { numbered: None, ..receipt });
        }
        let asks = match asked & 0x03 {
            1 => true,
            2 => !state.is_success(),
            3 => state.is_success(),
            _ => false,
        };
        if asks {
            let receipt = self.receipt(settings, accepted, state, error, after, now);
            if self.hits(receipts.twice) {
                put(self, due, receipt.clone());
            }
            put(self, due, receipt);
        }
    }

    fn receipt(
        &mut self,
        settings: &Settings,
        accepted: &Accepted<'_>,
        state: MessageState,
        error: u16,
        after: Duration,
        now: Now,
    ) -> Receipt {
        let receipts = &settings.receipts;
        let Accepted { submit, id, mut numbered, .. } = *accepted;
        let form = receipts.id_form.unwrap_or(settings.ids.form);
        let mut id = id;
        if self.hits(receipts.wrong_id) {
            (id, numbered) = (id | 1 << 50, None);
        }
        let (source, destination) = match receipts.as_submitted {
            true => (&submit.source, &submit.destination),
            false => (&submit.destination, &submit.source),
        };
        let usual = if state.is_final() == Some(false) { 0x20 } else { 0x04 };
        let submitted_us = shifted(now.wall_us, receipts.clock_shift_s);
        let done_us = submitted_us.saturating_add(after.as_micros() as u64);
        let excerpt = submit.message.get(..EXCERPT).unwrap_or(&submit.message);
        Receipt {
            id: IdSettings { form, ..settings.ids.clone() }.to_text(id),
            state,
            error,
            source: source.clone(),
            destination: destination.clone(),
            submitted_us,
            done_us: shifted(done_us, receipts.done_shift_s),
            excerpt: if submit.has_udh() { Octets::new() } else { Octets::copy_from(excerpt) },
            form: receipts.form,
            esm_class: receipts.esm_class.unwrap_or(usual),
            numbered,
        }
    }

    fn state(&mut self, rates: &[StateRate]) -> (MessageState, u16) {
        if rates.is_empty() {
            return (MessageState::Delivered, 0);
        }
        let mut chance = self.chance.f64();
        let hit = rates.iter().find(|rate| {
            chance -= rate.probability;
            chance < 0.0
        });
        hit.map_or((MessageState::Delivered, 0), |rate| (rate.state, rate.error))
    }

    /// Chance is not touched where nothing depends on it: the rest of a run stays as it was.
    fn hits(&mut self, share: f64) -> bool {
        share >= 1.0 || (share > 0.0 && self.chance.f64() < share)
    }
}

fn shifted(us: u64, seconds: i64) -> u64 {
    us.saturating_add_signed(seconds.saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests;
