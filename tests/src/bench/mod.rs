//! What `make bench` measures, with which goals, and how it tells (bench/README.md).

pub mod figures;
pub mod processes;
pub mod results;
pub mod running;
pub mod scenarios;
