//! SQS `assembly-deadlines`, and how an open assembly is found in the table by its deadline.

use serde::{Deserialize, Serialize};

use crate::version::V;

/// Tells `assemble` to look at a part key whose parts may be overdue.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssemblyDeadline {
    /// Version.
    pub v: V<1>,
    /// The part key: the item of table `assemblies`.
    pub key: String,
    /// The deadline, Unix milliseconds of the broker's clock.
    pub due_ms: u64,
    /// Partition of the parts topic that the parts were read from: nothing is decided before it was
    /// read beyond the deadline, whatever the table says. None where `sweep` found it in the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Sent by `sweep`, which will send it again: not re-queued, or copies would pile up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub swept: bool,
}

impl std::fmt::Debug for AssemblyDeadline {
    /// Without the key, which holds phone numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AssemblyDeadline(due {}, swept {})", self.due_ms, self.swept)
    }
}

/// Name of the sparse index of table `assemblies`: hash [`due_hour`], range the deadline.
pub const DUE_INDEX: &str = "due";

/// Hash key of the index: the hour of a deadline, counted from the Unix epoch.
#[must_use]
pub fn due_hour(due_ms: u64) -> String {
    (due_ms / 3_600_000).to_string()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::{decode, encode};

    #[test]
    fn a_deadline_keeps_its_form_on_the_queue() {
        let deadline = AssemblyDeadline {
            v: V,
            key: "acme|k".into(),
            due_ms: 1_760_000_300_000,
            partition: Some(3),
            swept: false,
        };
        let text = br#"{"v":1,"key":"acme|k","due_ms":1760000300000,"partition":3}"#;
        assert_eq!(encode(&deadline), text);
        assert_eq!(decode::<AssemblyDeadline>(text), Ok(deadline));
    }

    #[test]
    fn an_hour_holds_its_deadlines_and_no_others() {
        assert_eq!(due_hour(3_599_999), "0");
        assert_eq!(due_hour(3_600_000), "1");
    }
}
