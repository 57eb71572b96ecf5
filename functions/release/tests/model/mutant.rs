//! Rules left out, one at a time: the model has to notice each.

/// What is done wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// A message whose time has passed when it is parked is routed at once.
    RouteByClock,
    /// A parking hints at nothing.
    NoHint,
    /// A parking hints only at what it wrote itself, after that.
    HintOnlyIfMade,
    /// A parking writes whatever is there.
    ParkOverwrites,
    /// A parking takes a mark for a message.
    MarkIgnored,
    /// A parking does not know the ids of resends.
    ResendIgnored,
    /// The batch is reported as done before the message is in the table.
    DoneBeforeParked,
    /// A cancel that finds nothing says "cancelled" and leaves no mark.
    NoMark,
    /// A cancel or replace writes whatever is there.
    ChangeOverwrites,
    /// A write that was refused counts as made.
    RefusedCountsAsMade,
    /// A replace is not noted in the item.
    ReplaceNotNoted,
    /// A change sends no hint.
    ChangeWithoutHint,
    /// A release writes whatever is there.
    ReleaseOverwrites,
    /// Published, then written.
    PublishBeforeWrite,
    /// Called told before it is published.
    ToldBeforePublished,
    /// What was released by another run is not published.
    FoundReleasedIsDone,
    /// What was cancelled is told nobody.
    CancelledIsDone,
    /// A repeat publishes under its own time.
    OwnTimeAtRepeat,
    /// A hint that comes early is dropped.
    EarlyDropped,
    /// A hint without an item is dropped.
    WithoutItemDropped,
    /// The hint's time counts, not the item's.
    TimeOfHintCounts,
    /// What is not known to have been done is answered as failed.
    UnknownIsFailed,
    /// What is not known to have been done is answered as done.
    UnknownIsDone,
}

impl Mutant {
    pub(crate) const ALL: [Self; 23] = [
        Self::RouteByClock,
        Self::NoHint,
        Self::HintOnlyIfMade,
        Self::ParkOverwrites,
        Self::MarkIgnored,
        Self::ResendIgnored,
        Self::DoneBeforeParked,
        Self::NoMark,
        Self::ChangeOverwrites,
        Self::RefusedCountsAsMade,
        Self::ReplaceNotNoted,
        Self::ChangeWithoutHint,
        Self::ReleaseOverwrites,
        Self::PublishBeforeWrite,
        Self::ToldBeforePublished,
        Self::FoundReleasedIsDone,
        Self::CancelledIsDone,
        Self::OwnTimeAtRepeat,
        Self::EarlyDropped,
        Self::WithoutItemDropped,
        Self::TimeOfHintCounts,
        Self::UnknownIsFailed,
        Self::UnknownIsDone,
    ];
}
