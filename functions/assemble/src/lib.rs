//! Joins the parts of long messages that came through any bind on any node, and tells the customer
//! of those that stay incomplete; of handsets' messages it passes on what came (design, section 5).
//!
//! [`join`] and [`close`] decide, [`run`] and [`closing`] hold the order of effects; none of them
//! does I/O; [`limit`] is told where they run. [`handler`] carries them out over the [`ports`].
#![forbid(unsafe_code)]

pub mod adapters;
pub mod close;
pub mod closing;
pub mod handler;
pub mod held;
pub mod item;
pub mod join;
pub mod limit;
pub mod output;
pub mod ports;
pub mod records;
pub mod run;
pub mod settings;
pub mod store;
