//! Adapters of the port [`crate::ports::Store`]: table `assemblies`, and memory for tests.

mod dynamodb;
mod encoding;
mod memory;

pub use dynamodb::DynamoStore;
pub use memory::MemoryStore;
