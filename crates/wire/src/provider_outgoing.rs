//! `provider-outgoing-{provider}-{priority}`: a routed message.

use domain::id::ProviderId;
use domain::message::Message;
use serde::{Deserialize, Serialize};

use crate::version::V;

/// Where the accepted message lies, so that a retry can read its body back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Partition of `customer-incoming-messages`.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
}

/// A message that is to be sent by one bind of one provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    /// Version.
    pub v: V<1>,
    /// To whom.
    pub provider: ProviderId,
    /// The route that chose it.
    pub route: String,
    /// The accepted message.
    pub origin: Origin,
    /// The message, its parts as they are to be sent.
    pub message: Message,
}

/// An [`OutgoingMessage`] as `route` writes it: without copies. `M` is a message, or the accepted
/// message's JSON, passed through as it stands.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OutgoingRef<'a, M: ?Sized> {
    /// Version.
    pub v: V<1>,
    /// To whom.
    pub provider: &'a ProviderId,
    /// The route that chose it.
    pub route: &'a str,
    /// The accepted message.
    pub origin: Origin,
    /// The message, its parts as they are to be sent.
    pub message: &'a M,
}
