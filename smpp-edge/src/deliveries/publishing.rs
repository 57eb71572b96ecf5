//! What deliveries lead to on Kafka: given back, told, buried. Many at once, confirmed, and repeated under
//! the same ids until Kafka has them.

use std::sync::Arc;
use std::time::Duration;

use platform::kafka::{Batch, KafkaSettings, NotPublished};
use tokio::sync::mpsc;
use wire::customer_deliveries::CustomerDelivery;
use wire::dead_letters::DeadLetter;
use wire::message_events::{self, MessageEvent};
use wire::topics::{CUSTOMER_DELIVERIES, DEAD_LETTERS, MESSAGE_EVENTS};

use super::Input;
use super::basket::Basket;
use super::hub::{Event, Place, Token};

/// Events wait so long for more: one record tells many.
const LINGER: Duration = Duration::from_millis(10);
const TIMEOUT: Duration = Duration::from_secs(10);
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Something to be published.
#[derive(Debug)]
pub(super) enum Out {
    GiveBack(Token, Arc<CustomerDelivery>),
    Tell(Option<Token>, MessageEvent<'static>),
    Bury(Place, DeadLetter),
}

/// Publishes what is put into the basket, for as long as somebody listens.
pub(super) async fn publish(
    kafka: KafkaSettings,
    basket: Arc<Basket<Out>>,
    inputs: mpsc::Sender<Input>,
) {
    let mut batch = None;
    loop {
        let mut some = basket.take().await;
        tokio::time::sleep(LINGER).await;
        some.extend(basket.take_now());
        while let Err(error) = try_publish(&kafka, &mut batch, &some).await {
            tracing::warn!(
                event = "deliveries_wait_for_kafka",
                count = some.len(),
                error = format!("{error:#}")
            );
            // Purged, or failed for good: the next one is fresh.
            batch = None;
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        let done = some.into_iter().filter_map(|out| match out {
            Out::GiveBack(token, _) | Out::Tell(Some(token), _) => Some(Event::Published(token)),
            Out::Bury(place, _) => Some(Event::Buried(place)),
            Out::Tell(None, _) => None,
        });
        if inputs.send(Input::Done(done.collect())).await.is_err() {
            return;
        }
    }
}

async fn try_publish(
    kafka: &KafkaSettings,
    batch: &mut Option<Batch>,
    some: &[Out],
) -> anyhow::Result<()> {
    let batch = match batch {
        Some(batch) => batch,
        None => batch.insert(Batch::new(kafka, TIMEOUT)?),
    };
    batch.begin();
    let published = hand_over(batch, some).await;
    if published.is_err() {
        batch.abandon().await;
    }
    Ok(published?)
}

async fn hand_over(batch: &Batch, some: &[Out]) -> Result<(), NotPublished> {
    let mut events = Vec::new();
    for out in some {
        match out {
            Out::Tell(_, event) => events.push(event.clone()),
            Out::GiveBack(_, delivery) => {
                let key = delivery.message.to_string();
                let value = wire::encode(delivery.as_ref());
                batch.publish(CUSTOMER_DELIVERIES, None, key.as_bytes(), &value).await?;
            }
            Out::Bury(_, letter) => {
                let (key, value) = (letter.topic.as_bytes(), wire::encode(letter));
                batch.publish(DEAD_LETTERS, None, key, &value).await?;
            }
        }
    }
    for (key, value) in message_events::records(&mut events) {
        batch.publish(MESSAGE_EVENTS, None, key.as_bytes(), &value).await?;
    }
    batch.flush().await
}
