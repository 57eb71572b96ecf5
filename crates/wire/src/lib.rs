//! The records of the topics, versioned: one module per topic.

pub mod submit_journal;
