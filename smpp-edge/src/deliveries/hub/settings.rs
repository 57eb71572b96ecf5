//! What can be set of a node's deliveries.

/// Limits and times, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Deliveries in the node's hands; with more it reads no further.
    pub load_max: usize,
    /// Deliveries that may wait for one customer however many wait for others. While the node has room, half
    /// of it may: a burst is not parked, and a customer that does not keep up leaves room for the next one
    /// (Choudhury and Hahne, "Dynamic queue length thresholds", 1998). More go to its mailbox.
    pub queue_least: usize,
    /// Items of a mailbox that are fetched at once.
    pub fetch_max: usize,
    /// A mailbox is looked into so often at least.
    pub look_every_ms: u64,
    /// The same, by a node that no hint can reach, because it owns no partition.
    pub look_often_ms: u64,
    /// A handed delivery without a word: its connection is taken for dead. Longer than the session's
    /// own response deadline.
    pub answer_max_ms: u64,
    /// How long a lease to drain is taken for.
    pub lease_ms: u64,
    /// A drainer sends only with so much of its lease left: the session's response deadline and more.
    pub lease_least_ms: u64,
    /// Time to finish what is on its way when a partition is taken away.
    pub leave_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            load_max: 30_000,
            queue_least: 1_000,
            fetch_max: 200,
            look_every_ms: 30_000,
            look_often_ms: 2_000,
            answer_max_ms: 90_000,
            lease_ms: 75_000,
            lease_least_ms: 40_000,
            leave_ms: 3_000,
        }
    }
}
