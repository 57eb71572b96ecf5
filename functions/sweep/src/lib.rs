//! Finds what a lost delay left behind: open assemblies past their deadline (design, section 8).
#![forbid(unsafe_code)]

pub mod adapters;
pub mod handler;
pub mod hours;
