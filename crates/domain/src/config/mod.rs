//! The configuration: one declarative document in immutable versions (design, section 3).

mod diff;
mod document;
mod matching;
mod numbers;
mod receipts;
mod slots;
pub mod validate;
mod words;

pub use diff::{Change, FieldChange, Kind, diff};
pub use document::*;
pub use matching::{AllowList, DailyWindow, Network, senders_match};
pub use numbers::{
    CountsFor, Keyword, Number, NumberAddress, NumberRange, OptOutWords, Reply, ShortCode, Wish,
};
pub use receipts::*;
pub use slots::{SlotLedger, SlotOwner};
pub use validate::{Mistake, validate};
pub use words::{first_word, folded};
