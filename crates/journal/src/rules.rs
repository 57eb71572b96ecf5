//! The rules that the model test breaks one by one, to show that each is needed and checked.
//! Without feature `mutants` nothing can break them, and the question costs nothing.

/// A rule of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// 2: own records must follow without a gap.
    Contiguity,
    /// 2: all own records, not only intents.
    ContiguityOfAll,
    /// Takeovers count.
    Takeover,
    /// 7: a successor publishes again.
    Republish,
    /// 8: a position lists what is open, not one offset only.
    PositionLists,
    /// 5: `returned` is not final.
    ReturnedIsOpen,
    /// 8: publishing starts from `published_to`, not from the position.
    PublishedTo,
    /// 1: the set of repeats is rebuilt.
    RepeatsRebuilt,
    /// 7: unknown before resend.
    UnknownBeforeResend,
    /// 1: void intents are no repeats.
    VoidIntents,
    /// 5: outcomes name their intent.
    OutcomesByIntent,
    /// 8: no position over an unread gap.
    PositionWithoutGap,
    /// 6: `drained` of a ghost is not believed.
    UnsentChecked,
    /// 9: the idle look.
    IdleLook,
}

/// Which rules hold: all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rules {
    #[cfg(feature = "mutants")]
    broken: Option<Rule>,
}

impl Rules {
    /// All but one, for the test.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { broken: Some(rule) }
    }

    #[cfg(feature = "mutants")]
    pub(super) fn hold(self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    #[cfg(not(feature = "mutants"))]
    #[expect(clippy::unused_self, reason = "the same signature as with the feature")]
    pub(super) const fn hold(self, _: Rule) -> bool {
        true
    }
}
