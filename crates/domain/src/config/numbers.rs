//! The document's section `numbers`: which customer gets what handsets write (MO), and by which
//! words a handset says that it wants no more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{CustomerId, ProviderId};

/// A number that handsets write to, and whose messages those are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// Which number or numbers.
    pub address: NumberAddress,
    /// Whose messages these are; with keywords: who gets what begins with none of them. None:
    /// such messages are nobody's (a dead letter).
    #[serde(default)]
    pub customer: Option<CustomerId>,
    /// Customers that share the number, each known by the first word of a message.
    #[serde(default)]
    pub keywords: Vec<Keyword>,
    /// Words by which a handset refuses and allows messages. None: STOP is a word like any other.
    #[serde(default)]
    pub opt_out: Option<OptOutWords>,
}

/// The number itself. Exact goes before range, range before short code, a short code of one
/// provider before the same one of any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NumberAddress {
    /// An international number: country code first, no `+`, no `00`.
    Exact(String),
    /// All numbers of as many digits from one to another.
    Range(NumberRange),
    /// A short number; the same one may belong to others in other countries.
    ShortCode(ShortCode),
}

/// Numbers that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberRange {
    /// The first, included.
    pub from: String,
    /// The last, included; as many digits as `from`.
    pub to: String,
}

/// A short code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShortCode {
    /// Its digits.
    pub code: String,
    /// The provider that it is rented from; none: every provider that has no entry of its own.
    #[serde(default)]
    pub provider: Option<ProviderId>,
}

/// Words that a customer has at a number it shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keyword {
    /// First words, any of which will do. Case, accents and punctuation around a word do not
    /// count: `Café` is also `CAFE!`.
    pub words: Vec<String>,
    /// Whose messages these are.
    pub customer: CustomerId,
    /// Second words that the customer wants to be told apart, compared in the same way. Others
    /// are text.
    #[serde(default)]
    pub sub_keywords: Vec<String>,
}

/// First words that stop and start messages to the handset that wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptOutWords {
    /// No more messages, please. At a number with keywords, alone: of none of its customers; with
    /// a keyword behind it: not of that one.
    #[serde(default)]
    pub stop: Reply,
    /// Messages again, please.
    #[serde(default)]
    pub start: Reply,
    /// Who are you? Changes nothing.
    #[serde(default)]
    pub help: Reply,
    /// Which messages an opt-out refuses.
    #[serde(default)]
    pub counts_for: CountsFor,
}

/// Words of one meaning, and what is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The words, compared as keywords are. None: `STOP`, `START` or `HELP`, as the field says.
    #[serde(default)]
    pub words: Option<Vec<String>>,
    /// The text that the handset gets; none: no answer.
    #[serde(default)]
    pub answer: Option<String>,
}

/// What a handset refuses with STOP. Always messages of the number's own customers only: nobody
/// can silence another's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountsFor {
    /// Those that are sent from the number STOP was written to.
    #[default]
    Number,
    /// Those, and those from these sender ids (written exactly): handsets cannot answer to a name.
    Senders(Vec<String>),
    /// All that the customer sends, whatever the sender id.
    Customer,
}

/// What an opt-out word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wish {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// Information; changes nothing.
    Help,
}

impl Wish {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stop, Self::Start, Self::Help];

    /// The field of [`OptOutWords`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Help => "help",
        }
    }

    fn standard_word(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }
}

impl OptOutWords {
    /// The words of this meaning.
    pub fn words(&self, wish: Wish) -> impl Iterator<Item = &str> {
        let named = self.reply(wish).words.as_deref();
        let standard = named.is_none().then(|| wish.standard_word());
        named.unwrap_or_default().iter().map(String::as_str).chain(standard)
    }

    /// What is set for this meaning.
    #[must_use]
    pub fn reply(&self, wish: Wish) -> &Reply {
        match wish {
            Wish::Stop => &self.stop,
            Wish::Start => &self.start,
            Wish::Help => &self.help,
        }
    }
}

impl Number {
    /// The customers that have messages at this number: by keyword, and the default.
    pub fn customers(&self) -> impl Iterator<Item = &CustomerId> {
        self.keywords.iter().map(|keyword| &keyword.customer).chain(&self.customer)
    }
}

impl std::fmt::Display for NumberAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(number) => f.write_str(number),
            Self::Range(NumberRange { from, to }) => write!(f, "{from}-{to}"),
            Self::ShortCode(ShortCode { code, provider: None }) => write!(f, "{code}"),
            Self::ShortCode(ShortCode { code, provider: Some(provider) }) => {
                write!(f, "{code} of {provider}")
            }
        }
    }
}
