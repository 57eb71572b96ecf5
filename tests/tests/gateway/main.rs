//! The whole gateway, end to end. One program, so that what one test waits for is another's time; what
//! counts milliseconds or fills the machine has a program of its own beside this one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod canary;
mod clients;
mod customers;
mod demonstration;
mod faults;
mod late_repeats;
mod operator;
mod poison;
mod providers;
mod tenants;
mod way_back;
mod weak_topics;
