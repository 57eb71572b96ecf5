//! The configuration: one declarative document in immutable versions (design, section 3).

mod document;

pub use document::*;
