//! The configuration: one declarative document in immutable versions (design, section 3).

mod document;
mod matching;

pub use document::*;
pub use matching::{DailyWindow, Network, sender_matches};
