//! What a receipt means: final or not, whose fault, whether another provider may do better, and
//! what the customer is told. The provider's own rules go first, then [`USUAL`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::{error_matches, network_matches};
use super::{MessageState, NetworkError};
use crate::config::{ReceiptRule, ReceiptSettings, RuleMeaning};

/// Whose fault it is that a message did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Nobody's: it arrived, or is on its way.
    Nobody,
    /// The handset's or its subscriber's: off, full, barred, no such number.
    Recipient,
    /// The customer's: sender or content are not allowed.
    Customer,
    /// The provider's, or the network's behind it.
    Provider,
    /// Ours: account, credit, settings.
    Gateway,
    /// Nobody says.
    Unknown,
}

/// What a receipt says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// Its state ([`super::state()`]); none: nothing that is known.
    pub state: Option<MessageState>,
    /// `err` of its text.
    pub error: Option<&'a str>,
    /// TLV `network_error_code`.
    pub network_error: Option<NetworkError>,
}

/// What follows from a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// What the customer is told became of the message.
    pub state: MessageState,
    /// Nothing follows; else it is on its way.
    pub is_final: bool,
    /// Whose fault.
    pub fault: Fault,
    /// Another provider may do better, and the handset surely does not have it.
    pub retry: bool,
    /// `err` as the customer is told: 1 to 8 letters and digits.
    pub error: String,
    /// TLV `network_error_code` as the customer is told.
    pub network_error: Option<NetworkError>,
}

/// A row of [`USUAL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The receipt's state.
    pub state: MessageState,
    /// GSM codes that the row is for (3GPP TS 29.002, section 17.6.6); empty: all.
    pub gsm: &'static [u16],
    /// Whose fault.
    pub fault: Fault,
    /// Whether another provider may do better.
    pub retry: bool,
}

/// What states mean unless the provider's rules say otherwise; the first row that applies counts,
/// a state without a row is nobody's fault and nothing to try again.
///
/// Tried again is only what surely did not arrive and what does not lie with the handset: another
/// provider meets the same one. EXPIRED, DELETED and UNKNOWN leave open whether the handset has the
/// message. The text's `err` has no meaning that providers share.
pub const USUAL: &[Usual] = &[
    // No such subscriber, unidentified, illegal, not provisioned, illegal equipment, barred.
    usual(MessageState::Undeliverable, &[1, 5, 9, 10, 11, 12, 13], Fault::Recipient, false),
    // Absent for short messages, absent, busy, delivery failure (memory full), waiting list full.
    usual(MessageState::Undeliverable, &[6, 27, 31, 32, 33], Fault::Recipient, false),
    // Facility not supported, system failure, data missing, unexpected value.
    usual(MessageState::Undeliverable, &[21, 34, 35, 36], Fault::Provider, true),
    usual(MessageState::Undeliverable, &[], Fault::Unknown, true),
    usual(MessageState::Rejected, &[], Fault::Provider, true),
    usual(MessageState::Expired, &[], Fault::Recipient, false),
    usual(MessageState::Deleted, &[], Fault::Unknown, false),
    usual(MessageState::Unknown, &[], Fault::Unknown, false),
    usual(MessageState::Skipped, &[], Fault::Unknown, false),
];

const fn usual(state: MessageState, gsm: &'static [u16], fault: Fault, retry: bool) -> Usual {
    Usual { state, gsm, fault, retry }
}

/// What a receipt means, by the provider's settings. A state that is not known counts as
/// [`MessageState::Unknown`]: final and not tried again, for the handset may have the message.
#[must_use]
pub fn meaning(said: &Said<'_>, settings: &ReceiptSettings) -> Meaning {
    let state = said.state.unwrap_or(MessageState::Unknown);
    let unchanged = RuleMeaning::default();
    let rule = settings.rules.iter().find(|rule| applies(rule, said));
    let then = rule.map_or(&unchanged, |rule| &rule.then);
    let (fault, retry) = usually(state, said.network_error);
    let told = then.state.unwrap_or(state);
    // What cannot be otherwise goes before the rule; validation refuses rules that say otherwise.
    let is_final = told.is_final().or(then.is_final).unwrap_or(false);
    let failed = is_final && !told.is_success();
    let fault = match fault {
        _ if !failed => Fault::Nobody,
        // A rule turned what is usually no failure into one.
        Fault::Nobody => Fault::Unknown,
        fault => fault,
    };
    Meaning {
        state: told,
        is_final,
        fault: then.fault.unwrap_or(fault),
        retry: failed && then.retry.unwrap_or(retry),
        error: then.error.clone().unwrap_or_else(|| error_for_customer(said, told)),
        network_error: if then.error.is_some() { None } else { said.network_error },
    }
}

fn applies(rule: &ReceiptRule, said: &Said<'_>) -> bool {
    let when = &rule.when;
    let state = said.state.unwrap_or(MessageState::Unknown);
    (when.states.is_empty() || when.states.contains(&state))
        && error_matches(&when.errors, said.error)
        && network_matches(&when.network_errors, said.network_error)
}

fn usually(state: MessageState, error: Option<NetworkError>) -> (Fault, bool) {
    let gsm = error.filter(|error| error.network == NetworkError::GSM).map(|error| error.code);
    let applies = |row: &&Usual| {
        row.state == state
            && (row.gsm.is_empty() || gsm.is_some_and(|code| row.gsm.contains(&code)))
    };
    USUAL.iter().find(applies).map_or((Fault::Nobody, false), |row| (row.fault, row.retry))
}

/// Longest `err` that is passed on (SMPP 3.4, appendix B has 3; providers use up to 8).
pub(crate) const ERROR_MAX: usize = 8;

/// The provider's `err` if it is one word, else its network's code, else `000`.
fn error_for_customer(said: &Said<'_>, told: MessageState) -> String {
    let word = |code: &&str| {
        (1..=ERROR_MAX).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let from_network = || said.network_error.map(|error| format!("{:03}", error.code));
    let given = said.error.map(str::trim).filter(word).map(str::to_owned);
    let code = if told == MessageState::Delivered { None } else { given.or_else(from_network) };
    code.unwrap_or_else(|| "000".to_owned())
}
