//! The configuration: one declarative document in immutable versions (design, section 3).

mod diff;
mod document;
mod matching;
mod receipts;
mod slots;
pub mod validate;

pub use diff::{Change, FieldChange, Kind, diff};
pub use document::*;
pub use matching::{AllowList, DailyWindow, Network, senders_match};
pub use receipts::*;
pub use slots::{SlotLedger, SlotOwner};
pub use validate::{Mistake, validate};
