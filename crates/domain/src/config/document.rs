//! The document as people write it (YAML) and as versions keep it (JSON). `gatewayctl schema`
//! prints its JSON Schema for editors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ReceiptSettings;
use crate::id::{CustomerId, ProviderId};
use crate::message::Priority;

use super::Number;

/// Everything that the gateway is told: customers, providers, routes, numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Who may send.
    #[serde(default)]
    pub customers: Vec<Customer>,
    /// Whom messages are given to.
    #[serde(default)]
    pub providers: Vec<Provider>,
    /// Which message goes where; the most specific route wins.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Whose messages from handsets are; by number and keyword.
    #[serde(default)]
    pub numbers: Vec<Number>,
}

/// A customer and what it may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// Name in ids, keys and metrics; never reused for somebody else.
    pub id: CustomerId,
    /// How it binds; none: it uses the HTTP API only.
    #[serde(default)]
    pub smpp: Option<SmppAccount>,
    /// Sender ids it may use: exact, or a prefix ending in `*`. Empty: any.
    #[serde(default)]
    pub senders: Vec<String>,
    /// Queue for messages whose `priority_flag` is 0.
    #[serde(default)]
    pub default_priority: Priority,
    /// Validity of messages that name none, hours.
    #[serde(default = "default_validity_h")]
    pub default_validity_h: u32,
}

/// The account of a customer that binds over SMPP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmppAccount {
    /// As in the bind PDU; 15 characters at most. Unique among customers.
    pub system_id: String,
    /// Argon2id hash of the password (`gatewayctl hash-password`); the password itself is at most
    /// 8 characters (SMPP 3.4, section 5.2.2).
    pub password_hash: PasswordHash,
    /// Binds at once on each node of the edge: with n nodes a customer may hold n times as many.
    #[serde(default = "default_max_binds")]
    pub max_binds: u32,
    /// Submits without an answer per bind; over it `ESME_RTHROTTLED`.
    #[serde(default = "default_window")]
    pub window: u32,
    /// Parts per second per node, bursts of one second allowed; over it `ESME_RTHROTTLED`.
    /// None: no limit.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// Networks that may bind (`10.0.0.0/8`, `2001:db8::/32`); empty: any.
    #[serde(default)]
    pub allowed_addresses: Vec<String>,
    /// Receipts and handsets' messages without an answer, per bind.
    #[serde(default = "default_deliver_window")]
    pub deliver_window: u32,
    /// How long messages from handsets are delivered. A customer that binds with version 3.3 gets a
    /// user data header whatever stands here.
    #[serde(default)]
    pub long_messages: LongMessages,
    /// Each delivery carries its id as TLV 0x1500, by which a repeat is known, and an incomplete message
    /// the number of its parts as 0x1501.
    #[serde(default)]
    pub vendor_tlvs: bool,
}

/// An Argon2id hash in PHC form. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

/// A provider and how to treat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Part of its topics' names: lower-case letters, digits and `-`, 32 characters at most.
    pub id: ProviderId,
    /// How it is reached.
    pub link: Link,
    /// The global slot of each bind: bind k uses `slots[k]`. A slot is never given to another
    /// bind, not even after its provider is gone.
    pub slots: Vec<u32>,
    /// Binds in use, the first of `slots`; none: all. Lowered: the others run empty and close.
    #[serde(default)]
    pub binds: Option<u32>,
    /// Parts per second of each bind. None: no limit.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// Submits without an answer per bind.
    #[serde(default = "default_provider_window")]
    pub window: u32,
    /// What becomes of a message whose submit was sent and not answered.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// Share of each queue while all three wait.
    #[serde(default)]
    pub weights: Weights,
    /// How parts of a long message are sent.
    #[serde(default)]
    pub long_messages: LongMessages,
    /// How it writes receipts, and what they mean.
    #[serde(default)]
    pub receipts: ReceiptSettings,
}

/// How a provider is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Link {
    /// SMPP over TCP or TLS.
    Smpp(SmppLink),
}

/// An SMPP connection to a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmppLink {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS towards the provider.
    #[serde(default)]
    pub tls: Option<TlsLink>,
    /// Our account there.
    pub system_id: String,
    /// Name of the secret that holds the password (never the password itself).
    pub password_secret: String,
    /// SMPP `system_type`.
    #[serde(default)]
    pub system_type: String,
    /// Kind of bind.
    #[serde(default)]
    pub bind: BindKind,
    /// Interface version: `3.3`, `3.4` or `5.0`.
    #[serde(default)]
    pub version: SmppVersion,
    /// Seconds without traffic until `enquire_link`.
    #[serde(default = "default_enquire_s")]
    pub enquire_link_s: u32,
    /// Seconds until a submit without an answer counts as unknown.
    #[serde(default = "default_response_s")]
    pub response_timeout_s: u32,
}

/// TLS settings of a link.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsLink {
    /// Name to check the certificate against; none: the host.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Name of the secret with the authorities' certificates (PEM); none: the public ones.
    #[serde(default)]
    pub ca_secret: Option<String>,
}

/// SMPP bind command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BindKind {
    /// `bind_transceiver`.
    #[default]
    Transceiver,
    /// `bind_transmitter`.
    Transmitter,
    /// `bind_receiver`: brings receipts and messages, sends nothing.
    Receiver,
}

/// SMPP interface version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SmppVersion {
    /// 3.3
    #[serde(rename = "3.3")]
    V33,
    /// 3.4
    #[default]
    #[serde(rename = "3.4")]
    V34,
    /// 5.0
    #[serde(rename = "5.0")]
    V50,
}

/// Policy for submits whose outcome nobody can know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// Send again; the handset may get it twice, and the doubt is on record.
    #[default]
    Resend,
    /// Keep until `gatewayctl doubts resolve`.
    Hold,
}

/// Shares of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of `high`.
    pub high: u32,
    /// Of `normal`.
    pub normal: u32,
    /// Of `bulk`.
    pub bulk: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { high: 8, normal: 3, bulk: 1 }
    }
}

/// How a provider or a customer wants long messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LongMessages {
    /// Parts with a user data header.
    #[default]
    Udh,
    /// Parts with `sar_*` TLVs.
    Sar,
    /// One PDU with `message_payload`: of a text that came whole; a customer gets the parts of a handset's
    /// message so too, while a provider gets a customer's parts as parts, with a header.
    Payload,
}

/// One row of the routing table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Name in explanations and events; unique.
    pub id: String,
    /// What it applies to.
    #[serde(default)]
    pub when: Conditions,
    /// The choice, by weight; a message's id decides, so a replay chooses the same.
    pub to: Vec<Target>,
    /// Tried in this order after a failure that another provider may heal.
    #[serde(default)]
    pub failover: Vec<ProviderId>,
    /// Overrides the message's queue.
    #[serde(default)]
    pub priority: Option<Priority>,
}

/// Conditions of a route: all must hold; an empty one always does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Customers.
    #[serde(default)]
    pub customers: Vec<CustomerId>,
    /// Prefixes of the international number without `+`.
    #[serde(default)]
    pub destinations: Vec<String>,
    /// Sender ids: exact, or a prefix ending in `*`.
    #[serde(default)]
    pub senders: Vec<String>,
    /// Time of acceptance.
    #[serde(default)]
    pub hours: Option<Hours>,
}

/// A daily window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// `HH:MM`, included.
    pub from: String,
    /// `HH:MM`, excluded; before `from`: over midnight.
    pub to: String,
    /// Minutes east of UTC.
    #[serde(default)]
    pub utc_offset_min: i16,
    /// Days on which the window begins (`mon` … `sun`); empty: every day.
    #[serde(default)]
    pub days: Vec<Day>,
}

/// Day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A provider and its share of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Which.
    pub provider: ProviderId,
    /// Share among the route's targets.
    #[serde(default = "default_weight")]
    pub weight: u32,
}

fn default_validity_h() -> u32 {
    48
}
fn default_max_binds() -> u32 {
    16
}
fn default_window() -> u32 {
    100
}
fn default_deliver_window() -> u32 {
    10
}
fn default_provider_window() -> u32 {
    50
}
fn default_enquire_s() -> u32 {
    30
}
fn default_response_s() -> u32 {
    30
}
fn default_weight() -> u32 {
    1
}

impl Provider {
    /// Binds that new messages are spread over.
    #[must_use]
    pub fn open_binds(&self) -> u32 {
        let slots = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.binds.map_or(slots, |binds| binds.min(slots))
    }
}
