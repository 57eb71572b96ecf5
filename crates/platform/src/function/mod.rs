//! What the functions on Kafka topics have alike around what each decides: the event of a mapping,
//! what they publish, configurations by version, and one invocation from begin to confirmation.

pub mod configurations;
pub mod event;
pub mod output;
pub mod runtime;
pub mod shell;

pub use configurations::{Configurations, Current, Versions};
pub use event::{Event, Record};
pub use output::{Output, Outputs};
pub use runtime::serve;
pub use shell::{Decided, PUBLISH_TIMEOUT, Place, Shell};
