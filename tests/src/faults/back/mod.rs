//! Faults of the way back: receipts and handsets' messages come under load, parts of the gateway die,
//! customers misbehave; then what the provider handed over and what each customer got are compared.
//!
//! [`scenarios`] is the list, [`run`] carries one out, [`drain`] the one without a load, [`guests`] are
//! customers that misbehave, [`books`] what was asked for and what came, [`verdict`] judges it.

pub mod books;
pub mod drain;
pub mod guests;
pub mod run;
pub mod scenarios;
pub mod verdict;
