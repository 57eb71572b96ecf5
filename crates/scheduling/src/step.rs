//! What a machine asks for, and what it is told.

use domain::id::{CustomerId, MessageId};
use wire::scheduled::{Hint, Put, Scheduled, Stored};

/// Reads of an item that is written by others all the time, until the run fails and is repeated.
pub const ROUNDS_MAX: u32 = 8;

/// What is to be done next; the machine goes on when it is told the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<O> {
    /// Send this hint, to be seen after so many milliseconds or earlier; then [`Answer::Done`].
    Send(Hint, u64),
    /// Read the customer's item of this id consistently; then [`Answer::Found`].
    Read(MessageId),
    /// Write the customer's item on its condition; then [`Answer::Written`].
    Write(Put),
    /// Look which configuration version is in force; then [`Answer::Version`].
    Configure,
    /// Publish what follows from this ([`crate::effects::of`]), confirmed; then [`Answer::Done`].
    Publish(Box<Scheduled>),
    /// That was all.
    Done(O),
    /// Others wrote the same item each time: the run fails and is repeated.
    Contended,
}

/// What a machine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is done, confirmed.
    Done,
    /// The item; none: it is not there.
    Found(Option<Stored>),
    /// Whether the write was made; else the item is another than the one read.
    Written(bool),
    /// The configuration version in force.
    Version(u64),
}

/// A run over one id.
pub trait Machine {
    /// What comes of it.
    type Outcome;
    /// Whose items it reads and writes.
    fn customer(&self) -> &CustomerId;
    /// What is to be done now; the same until it is answered.
    fn step(&self) -> Step<Self::Outcome>;
    /// The answer to the present step. One that does not fit it changes nothing.
    fn answer(&mut self, answer: Answer);
}
