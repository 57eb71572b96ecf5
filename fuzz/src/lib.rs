//! What no input may break, one module for each target: `check` takes what the fuzzer made and
//! panics where a property does not hold. `make fuzz` runs them all from the seeds in `corpus/`.

mod books;
pub mod client;
pub mod coding;
pub mod deliver;
pub mod document;
pub mod folded;
pub mod frame;
pub mod mo;
pub mod pdu;
mod peer;
pub mod receipt;
pub mod server;
mod session;
pub mod udh;
