//! Table `messages`: what happened to each message, as `record` appends it, and how it is read.
//!
//! | attribute | holds |
//! |---|---|
//! | `message` | the message's id; of a pointer the id of one of its parts |
//! | `item` | digest of the events in the item; of a pointer `of ` and the message's id |
//! | `events` | the events as JSON, as they came |
//! | `customer_day`, `handset_day` | keys of the indexes, only on an item with an event that begins a journey |
//! | `at` | their range: when that was and the message's id, so that a list can be gone on with |
//! | `ttl` | Unix seconds after which it may go |
//!
//! Nothing is ever changed; what an item means comes out when its message's events are merged
//! (`wire::message_status`).

mod form;
mod page;
mod table;

pub use form::{
    AT, Attributes, CUSTOMER_DAY, CUSTOMER_INDEX, EVENTS, HANDSET_DAY, HANDSET_INDEX, ITEM,
    MESSAGE, NumberHash, SHARDS, at, customer_day, day, handset_day, pointer_to,
};
pub use page::Found;
pub use table::{Journey, MessagesTable, Page};
