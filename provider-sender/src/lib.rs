//! The provider's side of the gateway: slots, pacing, the submit journal.

pub mod journal;
