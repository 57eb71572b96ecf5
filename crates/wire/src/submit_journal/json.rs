//! How the records look as JSON: rows as arrays, ids as 22 characters, one field per kind.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::*;

/// The record's value.
pub(super) fn encode(body: &Body) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope::of(body))
}

/// The version is looked at first: another one may have any form.
pub(super) fn decode(value: &[u8]) -> Result<Body, RecordError> {
    let version = serde_json::from_slice::<Version>(value).map_err(|e| malformed(&e))?.v;
    if version != VERSION {
        return Err(RecordError::UnknownVersion(version));
    }
    let envelope: EnvelopeIn = serde_json::from_slice(value).map_err(|e| malformed(&e))?;
    envelope.body().ok_or(RecordError::UnknownKind)
}

impl Serialize for OwnerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OwnerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let mut fields = text.split('.');
        parse_owner(&mut fields).ok_or_else(|| de::Error::custom("not an owner id"))
    }
}

/// `[priority, offset]`.
type AtRow = (u8, u64);
/// `[priority, offset, part]`.
type PartAtRow = (u8, u64, u16);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.priority, self.offset).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (priority, offset) = AtRow::deserialize(deserializer)?;
        Ok(Self { priority: checked(priority)?, offset })
    }
}

impl Serialize for PartAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.at.priority, self.at.offset, self.part).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PartAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (priority, offset, part) = PartAtRow::deserialize(deserializer)?;
        Ok(Self { at: At { priority: checked(priority)?, offset }, part })
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.at, ShortId(self.message), self.attempt).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (at, ShortId(message), attempt) = Deserialize::deserialize(deserializer)?;
        Ok(Self { at, message, attempt })
    }
}

impl Serialize for Outcomes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.intent, &self.parts).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Outcomes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (intent, parts) = Deserialize::deserialize(deserializer)?;
        Ok(Self { intent, parts })
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.at, self.fate, &self.result).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (at, fate, result) = Deserialize::deserialize(deserializer)?;
        Ok(Self { at, fate, result })
    }
}

impl Serialize for Doubt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.intent, self.part).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Doubt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (intent, part) = Deserialize::deserialize(deserializer)?;
        Ok(Self { intent, part })
    }
}

/// A message id as a row's element.
#[derive(Serialize, Deserialize)]
struct ShortId(#[serde(with = "short_id")] Uuid);

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// Borrowed on the way out: a batch is not copied to be written.
#[derive(Serialize)]
struct Envelope<'a> {
    v: u32,
    #[serde(flatten)]
    kind: Kind<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind<'a> {
    Takeover(Empty),
    Intent(&'a [Part]),
    Outcomes(&'a [Outcomes]),
    Unsent(&'a Unsent),
    Unknown(&'a Unknown),
    Resolution(&'a Resolution),
    Drain(&'a Drain),
    Position(&'a Position),
}

#[derive(Serialize, Deserialize)]
struct Empty {}

#[derive(Deserialize)]
struct EnvelopeIn {
    takeover: Option<Empty>,
    intent: Option<Vec<Part>>,
    outcomes: Option<Vec<Outcomes>>,
    unsent: Option<Unsent>,
    unknown: Option<Unknown>,
    resolution: Option<Resolution>,
    drain: Option<Drain>,
    position: Option<Box<Position>>,
}

impl<'a> Envelope<'a> {
    fn of(body: &'a Body) -> Self {
        let kind = match body {
            Body::Takeover => Kind::Takeover(Empty {}),
            Body::Intent(parts) => Kind::Intent(parts),
            Body::Outcomes(outcomes) => Kind::Outcomes(outcomes),
            Body::Unsent(unsent) => Kind::Unsent(unsent),
            Body::Unknown(unknown) => Kind::Unknown(unknown),
            Body::Resolution(resolution) => Kind::Resolution(resolution),
            Body::Drain(drain) => Kind::Drain(drain),
            Body::Position(position) => Kind::Position(position),
        };
        Self { v: VERSION, kind }
    }
}

impl EnvelopeIn {
    fn body(self) -> Option<Body> {
        let kinds = [
            self.takeover.map(|Empty {}| Body::Takeover),
            self.intent.map(Body::Intent),
            self.outcomes.map(Body::Outcomes),
            self.unsent.map(Body::Unsent),
            self.unknown.map(Body::Unknown),
            self.resolution.map(Body::Resolution),
            self.drain.map(Body::Drain),
            self.position.map(Body::Position),
        ];
        let mut present = kinds.into_iter().flatten();
        let body = present.next()?;
        present.next().is_none().then_some(body)
    }
}

/// Ids as 22 characters (base64url) instead of 36.
pub(super) mod short_id {
    use super::{URL_SAFE_NO_PAD, Uuid, de};
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        id: &Uuid,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut text = [0; 22];
        let text = URL_SAFE_NO_PAD
            .encode_slice(id.as_bytes(), &mut text)
            .ok()
            .and_then(|length| std::str::from_utf8(&text[..length]).ok())
            .ok_or_else(|| serde::ser::Error::custom("id"))?;
        serializer.serialize_str(text)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Uuid, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let mut id = [0; 16];
        match URL_SAFE_NO_PAD.decode_slice(text.as_bytes(), &mut id) {
            Ok(16) => Ok(Uuid::from_bytes(id)),
            _ => Err(de::Error::custom("not a short id")),
        }
    }
}

fn checked<E: de::Error>(priority: u8) -> Result<u8, E> {
    if usize::from(priority) < PRIORITIES { Ok(priority) } else { Err(E::custom("priority")) }
}

fn malformed(error: &serde_json::Error) -> RecordError {
    RecordError::Malformed(error.line(), error.column())
}
