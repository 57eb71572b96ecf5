//! What limits the time of pure code over records. Passed in, so that the machine that runs it
//! stays free of clocks.

use crate::records::Record;

/// Knows records that pure code was stuck on, and is told where it runs.
pub trait Limit {
    /// Pure code runs until this is dropped.
    type Inside<'a>
    where
        Self: 'a;

    /// Whether the record is to be given up instead of run.
    fn gives_up(&self, record: &Record) -> bool;

    /// Pure code over these records begins; if it never ends, each of them is suspected.
    fn enter(&self, records: &[Record]) -> Self::Inside<'_>;
}
