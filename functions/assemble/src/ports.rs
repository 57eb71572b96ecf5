//! What the handler needs of the world: four narrow ports. Each call ends with a confirmation or
//! an error; an error fails the batch, which is retried.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::time::Duration;

use wire::assembly_deadlines::AssemblyDeadline;

use crate::held::Source;
use crate::output::Output;
use crate::run::{Put, Stored};

/// Table `assemblies`.
pub trait Store {
    /// Reads these keys consistently; those that are not there are left out.
    fn read(
        &self,
        keys: &[String],
    ) -> impl Future<Output = anyhow::Result<HashMap<String, Stored>>>;

    /// Writes each on the condition that its version is the one read, or that `writer` has made
    /// this very write before; tells which were made. An error leaves open which were.
    fn write(
        &self,
        puts: Vec<Put>,
        writer: &str,
    ) -> impl Future<Output = anyhow::Result<Vec<bool>>>;
}

/// Queue `assembly-deadlines`.
pub trait Delays {
    /// Sends each to be received after its delay; longer ones than the queue allows come early.
    fn schedule(
        &self,
        deadlines: &[(AssemblyDeadline, Duration)],
    ) -> impl Future<Output = anyhow::Result<()>>;
}

/// Kafka, to write.
pub trait Outputs {
    /// Publishes all of it, confirmed by all in-sync replicas; after an error nothing of it is
    /// left in a queue of ours.
    fn publish(&self, outputs: &[Output]) -> impl Future<Output = anyhow::Result<()>>;
}

/// How far `assemble` itself has read.
pub trait Progress {
    /// True if its committed offset has reached, in each of these partitions of that parts topic,
    /// the first record appended at or after `time_ms` (Unix milliseconds); the end, if none was.
    fn reached(
        &self,
        source: Source,
        partitions: &BTreeSet<i32>,
        time_ms: u64,
    ) -> impl Future<Output = anyhow::Result<bool>>;
}
