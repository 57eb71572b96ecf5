//! Lambda `record`: keeps what happened to each message, for whoever asks.
//!
//! `events` reads a record of `message-events`, `items` makes of a batch's events what is written: one
//! item per message, named by its content, so that a second run writes the same; `lines` what is
//! written as a stream, if that is wanted (all pure). `store` appends them to table `messages`; `handler` takes a batch through. Nobody waits for this function:
//! a lag of it delays only what is asked about messages.
#![forbid(unsafe_code)]

pub mod events;
pub mod handler;
pub mod items;
pub mod lines;
pub mod ports;
pub mod settings;
pub mod store;
