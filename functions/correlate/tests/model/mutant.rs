//! Rules of section 7 left out, one at a time: the model has to notice each.
//!
//! Not among them: in which order a receipt and its mark are written. It does not matter, and the
//! model writes the items of a request in every order.

/// What is done wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// A receipt that was appended does not look again.
    NoSecondLook,
    /// A result does not look for receipts that wait.
    ResultDoesNotLook,
    /// Both sides look, then append.
    AppendAfterLook,
    /// Receipts are not kept.
    ReceiptNotAppended,
    /// Nothing says that receipts wait.
    NoWaitingMark,
    /// That receipts wait is written after the second look.
    WaitingMarkAfterLook,
    /// Nothing says that there are further results.
    NoMoreMark,
    /// The first result is not read: a later one takes its place.
    FirstNotRead,
    /// Results under one key are written together, in any order.
    ResultsTogether,
    /// What was written before is not told again.
    ToldOnlyWhenNew,
    /// The batch is reported as done before everything is told.
    DoneBeforeTold,
    /// Reads are not consistent.
    StaleReads,
    /// An item left unprocessed is not sent again.
    UnprocessedDropped,
    /// A receipt is anybody's under its key.
    NoAddressTest,
}

impl Mutant {
    pub(crate) const ALL: [Self; 14] = [
        Self::NoSecondLook,
        Self::ResultDoesNotLook,
        Self::AppendAfterLook,
        Self::ReceiptNotAppended,
        Self::NoWaitingMark,
        Self::WaitingMarkAfterLook,
        Self::NoMoreMark,
        Self::FirstNotRead,
        Self::ResultsTogether,
        Self::ToldOnlyWhenNew,
        Self::DoneBeforeTold,
        Self::StaleReads,
        Self::UnprocessedDropped,
        Self::NoAddressTest,
    ];
}
