//! Ports that a gateway gets again when it is started again.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context as _;

/// Below what the system gives out by itself, so that nobody takes them in between.
const RANGE: std::ops::Range<u16> = 10_000..32_000;
const TRIES: usize = 100;

/// The first of `count` neighbours on loopback that are free now.
///
/// # Errors
/// None were found.
pub fn neighbours(count: u16) -> anyhow::Result<u16> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut bases = (0..TRIES).map(|_| fastrand::u16(RANGE));
    let base = bases.find(|base| (*base..base + count).all(is_free));
    base.with_context(|| format!("no {count} free ports side by side"))
}
