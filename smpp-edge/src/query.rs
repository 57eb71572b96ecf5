//! `query_sm`: where a message of the customer's own stands, from table `messages` (SMPP 3.4, section
//! 4.8). What is not known, or another's, is `ESME_RQUERYFAIL`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::address::Address;
use domain::id::{CustomerId, PartId};
use domain::receipts::MessageState;
use domain::scheduled_id::is_same_number;
use platform::messages::{Journey, MessagesTable};
use smpp::pdu::{Query, QueryResp};
use smpp::{CommandStatus, Octets, time_format};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wire::message_events::Happened;

/// Queries of all customers of this node at a time; more are `ESME_RTHROTTLED`: a customer who asks for
/// each message again and again shall not hold up the table.
const AT_ONCE: usize = 20;
/// A customer does not wait longer: then it is `ESME_RSYSERR`.
const DEADLINE: Duration = Duration::from_secs(3);

/// Answers queries.
#[derive(Debug)]
pub struct Queries {
    messages: MessagesTable,
    places: Arc<Semaphore>,
}

/// What is answered.
pub type Answered = Result<QueryResp, CommandStatus>;

impl Queries {
    /// From this table.
    #[must_use]
    pub fn new(messages: MessagesTable) -> Self {
        Self { messages, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Looks for what `customer` asks.
    pub fn ask(
        &self,
        customer: CustomerId,
        query: Query,
    ) -> impl Future<Output = Answered> + Send + 'static {
        let (messages, place) = (self.messages.clone(), self.places.clone().try_acquire_owned());
        async move {
            let _place = place.map_err(|_| CommandStatus::EsmeRthrottled)?;
            let text = query.message_id.to_text();
            let id: PartId = text.trim().parse().map_err(|_| CommandStatus::EsmeRqueryfail)?;
            let read = tokio::time::timeout(DEADLINE, messages.journey(id)).await;
            let journey = match read {
                Ok(Ok(journey)) => journey.ok_or(CommandStatus::EsmeRqueryfail)?,
                Ok(Err(error)) => {
                    tracing::warn!(event = "query_failed", error = format!("{error:#}"));
                    return Err(CommandStatus::EsmeRsyserr);
                }
                Err(_) => {
                    tracing::warn!(event = "query_failed", error = "no answer in time");
                    return Err(CommandStatus::EsmeRsyserr);
                }
            };
            answer(&customer, &query, id, &journey).ok_or(CommandStatus::EsmeRqueryfail)
        }
    }
}

/// Requests of one connection that wait for a table: no more than its window. They end with it.
#[derive(Debug)]
pub struct Waiting<A>(Option<JoinSet<(u32, A)>>);

impl<A> Default for Waiting<A> {
    fn default() -> Self {
        Self(None)
    }
}

impl<A: Send + 'static> Waiting<A> {
    /// Begins one.
    pub fn start(&mut self, sequence: u32, asking: impl Future<Output = A> + Send + 'static) {
        let of_sequence = async move { (sequence, asking.await) };
        self.0.get_or_insert_default().spawn(of_sequence);
    }

    /// The next one that is answered.
    pub async fn next(&mut self) -> (u32, A) {
        while let Some(waiting) = &mut self.0 {
            match waiting.join_next().await {
                Some(Ok(answered)) => return answered,
                // One that panicked stays without an answer, as one whose answer was lost.
                Some(Err(error)) => tracing::error!(event = "query_panicked", %error),
                None => self.0 = None,
            }
        }
        std::future::pending().await
    }
}

/// The answer; none: it is not this customer's, or from another sender.
fn answer(
    customer: &CustomerId,
    query: &Query,
    id: PartId,
    journey: &Journey,
) -> Option<QueryResp> {
    let events = || journey.events.iter();
    let is_own = journey.customer() == Some(customer);
    // The number behind a handset's message is another one's sender.
    let is_sent = events().all(|event| event.happened != Happened::Received);
    let source = events().find_map(|event| event.source.as_deref());
    if !is_own || !is_sent || !is_source(query, source) {
        return None;
    }
    let standing = journey.standing();
    let part = standing.of(id)?;
    let is_final = part.status.is_final();
    let final_date = is_final.then(|| time_format::absolute(part.since_ms)).flatten();
    Some(QueryResp {
        message_id: query.message_id.clone(),
        final_date: final_date.map(Octets::from).unwrap_or_default(),
        message_state: match part.state {
            // 3.4 has no word for what waits for its time; a receipt of another attempt ends nothing.
            state if is_final => state.smpp(),
            _ => MessageState::Enroute.smpp(),
        },
        error_code: if is_final { error_code(&part.error) } else { 0 },
    })
}

/// Whether the query names the message's sender; one that names none asks for the id alone (SMPP 3.4,
/// section 4.8.1).
fn is_source(query: &Query, source: Option<&Address>) -> bool {
    let asked = query.source.addr.to_text();
    let asked = Address { ton: 0, npi: 0, number: asked.into_owned() };
    asked.number.is_empty() || source.is_none_or(|source| is_same_number(source, &asked))
}

/// One octet for `err`: 0 without one, 255 for what does not fit into it, such as the gateway's own
/// codes; the receipt has it in full.
fn error_code(error: &str) -> u8 {
    match error.trim() {
        "" => 0,
        code => code.parse().unwrap_or(u8::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use domain::id::MessageId;
    use wire::message_events::{MessageEvent, PartIds};

    use super::*;

    const AT_MS: u64 = 1_795_259_109_500;

    fn message() -> MessageId {
        MessageId::new(AT_MS, [1; 10])
    }

    fn other_part() -> PartId {
        PartId::new(AT_MS, [2; 10])
    }

    fn address(number: &str) -> Address {
        Address { ton: 1, npi: 1, number: number.to_owned() }
    }

    fn event(happened: Happened, part: Option<PartId>) -> MessageEvent<'static> {
        let name = format!("{happened:?} {part:?}");
        let customer = Cow::Owned(CustomerId::from("acme"));
        let event =
            MessageEvent::new(message().event(&name, 0), message(), customer, happened, "t", AT_MS);
        MessageEvent { part, ..event }
    }

    fn journey(mut events: Vec<MessageEvent<'static>>) -> Journey {
        let ids = |id| PartIds { id, aliases: Vec::new() };
        events.push(MessageEvent {
            source: Some(Cow::Owned(address("4477"))),
            destination: Some(Cow::Owned(address("4478"))),
            parts: [message().into(), other_part()].map(ids).to_vec(),
            ..event(Happened::Accepted, None)
        });
        Journey { message: message(), events }
    }

    fn query(source: &str) -> Query {
        let source = smpp::pdu::Address { addr: Octets::from(source), ..Default::default() };
        Query { message_id: Octets::from(message().to_string()), source }
    }

    fn asked(id: PartId, journey: &Journey) -> QueryResp {
        answer(&"acme".into(), &query(""), id, journey).unwrap()
    }

    #[test]
    fn what_is_under_way_has_no_final_date_and_what_has_ended_has_one() {
        let own = message().into();
        let on_its_way = asked(own, &journey(vec![event(Happened::Routed, None)]));
        assert_eq!((on_its_way.message_state, on_its_way.error_code), (1, 0));
        assert_eq!(on_its_way.final_date, Octets::new());
        let delivered = asked(own, &journey(vec![event(Happened::Delivered, Some(own))]));
        assert_eq!(delivered.message_state, 2);
        assert_eq!(delivered.final_date, Octets::from("261121110509500+"));
        assert_eq!(delivered.message_id, Octets::from(message().to_string()));
    }

    #[test]
    fn the_state_and_the_error_are_those_of_the_receipt() {
        let expired = MessageEvent {
            state: Some(MessageState::Expired),
            error: Cow::Borrowed("027"),
            ..event(Happened::Undelivered, Some(other_part()))
        };
        let journey = journey(vec![expired]);
        let found = asked(other_part(), &journey);
        assert_eq!((found.message_state, found.error_code), (3, 27));
        assert_eq!(asked(message().into(), &journey).message_state, 1, "the other part");
        assert_eq!([error_code(""), error_code("901"), error_code("x")], [0, 255, 255]);
    }

    #[test]
    fn anothers_message_a_handsets_and_one_from_another_sender_are_not_told() {
        let (own, journey) = (PartId::from(message()), journey(Vec::new()));
        let ask = |customer: &str, source: &str, journey: &Journey| {
            answer(&customer.into(), &query(source), own, journey).is_some()
        };
        assert!(ask("acme", "", &journey) && ask("acme", "+4477", &journey));
        assert!(!ask("beta", "", &journey) && !ask("acme", "4479", &journey));
        let mut mixed = journey.clone();
        mixed.events[0].customer = Cow::Owned("beta".into());
        mixed.events.push(event(Happened::Routed, None));
        assert!(!ask("acme", "", &mixed) && !ask("beta", "", &mixed));
        let mut from_handset = journey.clone();
        from_handset.events[0].happened = Happened::Received;
        assert!(!ask("acme", "", &from_handset));
    }

    #[tokio::test]
    async fn queries_are_answered_as_they_come_and_none_waits_without_one() {
        let mut waiting = Waiting::default();
        let refused = || std::future::ready(CommandStatus::EsmeRqueryfail);
        waiting.start(7, refused());
        waiting.start(8, refused());
        let mut found = [waiting.next().await.0, waiting.next().await.0];
        found.sort_unstable();
        assert_eq!(found, [7, 8]);
        let nothing = tokio::time::timeout(Duration::from_millis(1), waiting.next()).await;
        assert!(nothing.is_err());
    }
}
