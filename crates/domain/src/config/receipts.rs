//! How a provider writes receipts, and what they mean: data, so that a provider's quirks need no
//! code (design, section 7).

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::id::ProviderId;
use crate::receipts::{Fault, MessageState};

/// How a provider writes receipts, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptSettings {
    /// How receipts are told from handsets' messages.
    pub recognition: Recognition,
    /// How the provider writes message ids.
    pub ids: IdSettings,
    /// Which address of a receipt has to be the message's destination.
    pub addresses: AddressCheck,
    /// Where the provider writes handsets' numbers in national form: the country code that they
    /// lack (1 to 3 digits).
    pub country_code: Option<String>,
    /// The clock of the provider's dates, minutes east of UTC; two where it changes in summer.
    /// Empty: not known; a date may then be up to half a day off.
    pub utc_offsets_min: Vec<i16>,
    /// A receipt's submit date lies within this many minutes of the provider's answer.
    pub date_within_min: u32,
    /// The provider's own words after `stat:`, and the state that each means.
    pub words: BTreeMap<String, MessageState>,
    /// What states and error codes mean; the first rule that applies counts, without one the usual
    /// meaning (`domain::receipts::USUAL`).
    pub rules: Vec<ReceiptRule>,
}

impl Default for ReceiptSettings {
    fn default() -> Self {
        Self {
            recognition: Recognition::default(),
            ids: IdSettings::default(),
            addresses: AddressCheck::default(),
            country_code: None,
            utc_offsets_min: Vec::new(),
            date_within_min: 10,
            words: BTreeMap::new(),
            rules: Vec::new(),
        }
    }
}

impl ReceiptSettings {
    /// [`Self::date_within_min`] in milliseconds.
    #[must_use]
    pub fn date_within_ms(&self) -> u64 {
        u64::from(self.date_within_min) * 60_000
    }
}

/// Of each provider how it writes receipts.
pub type ReceiptsByProvider = HashMap<ProviderId, ReceiptSettings>;

/// How `provider` writes receipts by a version; where that says nothing of it, as strict as can be.
#[must_use]
pub fn receipts_of<'a>(
    known: Option<&'a ReceiptsByProvider>,
    provider: &ProviderId,
) -> &'a ReceiptSettings {
    static STRICT: LazyLock<ReceiptSettings> = LazyLock::new(ReceiptSettings::default);
    known.and_then(|known| known.get(provider)).unwrap_or(&STRICT)
}

impl Document {
    /// What of a version matters once a receipt is there.
    #[must_use]
    pub fn receipts_by_provider(&self) -> ReceiptsByProvider {
        let of = |provider: &super::Provider| (provider.id.clone(), provider.receipts.clone());
        self.providers.iter().map(of).collect()
    }
}

/// How receipts are told from handsets' messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recognition {
    /// By `esm_class` or a receipt's TLVs (SMPP 3.4, sections 5.2.12 and 4.6.1).
    #[default]
    Flags,
    /// By these, or by a text that reads like a receipt: for providers that set neither. A handset
    /// can write such a text too; it then needs a right id, address and date to be believed.
    Text,
}

/// How a provider writes message ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdSettings {
    /// In the answer to a submit.
    pub response: IdForm,
    /// In a receipt.
    pub receipt: IdForm,
    /// Where a receipt's id is looked for first.
    pub receipt_place: IdPlace,
    /// Zeros before an id that is `as_is`; before numbers they never matter.
    pub leading_zeros: Zeros,
    /// Upper and lower case of an id that is no number.
    pub case: Letters,
}

/// Form of a message id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    /// Text, the same on both sides.
    #[default]
    AsIs,
    /// A number in decimal digits.
    Decimal,
    /// A number in hexadecimal digits, with or without `0x`.
    Hexadecimal,
}

/// Where a receipt's id stands, if it stands in both places and they differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdPlace {
    /// TLV `receipted_message_id` (SMPP 3.4, section 5.3.2.12).
    #[default]
    Tlv,
    /// `id:` in the text.
    Text,
}

/// Whether zeros before an id matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Zeros {
    /// `007` is not `7`.
    #[default]
    Keep,
    /// `007` is `7`.
    Ignore,
}

/// Whether the case of letters matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Letters {
    /// `AB` is not `ab`.
    #[default]
    Keep,
    /// `AB` is `ab`.
    Ignore,
}

/// Which address of a receipt has to be the message's destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressCheck {
    /// Its source: the handset speaks (SMPP 3.4, section 4.6).
    #[default]
    Strict,
    /// Its destination: the provider leaves the addresses as in the submit.
    Swapped,
    /// None: every receipt has to carry its submit date, and the time zone has to be known.
    Off,
}

/// What some receipts of a provider mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptRule {
    /// Which receipts.
    pub when: ReceiptConditions,
    /// What they mean.
    pub then: RuleMeaning,
}

/// Conditions of a rule: all must hold; an empty one always does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptConditions {
    /// Its state is one of these; one that is not understood is `unknown`.
    pub states: Vec<MessageState>,
    /// `err` of its text: a code (leading zeros and case do not matter) or a range (`10-19`).
    pub errors: Vec<String>,
    /// TLV `network_error_code`: a code or a range, for one network as `3/27` (3 is GSM).
    pub network_errors: Vec<String>,
}

/// What a rule says; what it leaves out stays as usual.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RuleMeaning {
    /// The state that the customer is told.
    pub state: Option<MessageState>,
    /// Whether nothing follows: only for `accepted`, which means both; the others say it.
    #[serde(rename = "final")]
    pub is_final: Option<bool>,
    /// Whose fault it is.
    pub fault: Option<Fault>,
    /// Whether another provider may do better; only where the handset surely does not have it.
    pub retry: Option<bool>,
    /// The `err` that the customer is told: 1 to 8 letters and digits.
    pub error: Option<String>,
}
