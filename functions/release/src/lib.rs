//! Lambda `release`: scheduled messages whose time has come (design, section 8).
//!
//! All decisions are those of [`scheduling::release`]. A message goes back to
//! `customer-incoming-messages`, marked, so that `route` takes it as it takes any other.
#![forbid(unsafe_code)]

pub mod handler;
