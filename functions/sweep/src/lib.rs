//! Finds what a lost delay left behind: open assemblies past their deadline; receipts whose submit
//! result never came; deliveries whose customer never came; scheduled messages whose time has come
//! (design, sections 7 and 8).
#![forbid(unsafe_code)]

pub mod adapters;
pub mod handler;
pub mod hours;
pub mod mailboxes;
pub mod receipts;
pub mod scheduled;
