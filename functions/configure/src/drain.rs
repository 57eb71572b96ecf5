//! `POST /providers/{provider}/drain`: what waits for a provider is not sent there any more, but ends as
//! drained, and is tried elsewhere.

use domain::config::Provider;
use domain::id::ProviderId;
use wire::admin_api::{Drained, DrainedSlot};

use crate::answer::{Answer, Problem};
use crate::handler::{Handler, unavailable};
use crate::ports::{Journals, Store};

impl<S: Store, K: Journals, M> Handler<S, K, M> {
    /// Up to where the provider's queues reach now. What `route` adds later is sent: who wants none of
    /// it takes the provider out of the routes first.
    pub(crate) async fn drain(&self, provider: &ProviderId) -> Result<Answer, Problem> {
        let slots = self.slots_of(provider).await?;
        let mut drained = Vec::with_capacity(slots.len());
        for (bind, slot) in slots.into_iter().enumerate() {
            let before = self.kafka.drain(provider, bind, slot).await.map_err(|error| {
                tracing::error!(event = "drain_failed", slot, error = format!("{error:#}"));
                Problem::Unconfirmed("the drain")
            })?;
            tracing::info!(event = "slot_drained", %provider, slot, ?before);
            drained.push(DrainedSlot { slot, before });
        }
        let next = "what has not been sent ends as drained within seconds, and is tried at the next \
                    provider of its route; what is under way ends as the provider answers it";
        let (provider, next) = (provider.to_string(), next.to_owned());
        Ok(Answer::Drained(Drained { provider, slots: drained, next }))
    }

    /// The provider's slots in the version in force, in the order of its binds.
    async fn slots_of(&self, provider: &ProviderId) -> Result<Vec<u32>, Problem> {
        let none = || Problem::NotFound(format!("there is no provider {provider} in force"));
        let version = self.store.current().await.map_err(unavailable)?.ok_or_else(none)?;
        let document = self.store.load(version).await.map_err(unavailable)?.ok_or_else(none)?;
        let is_it = |found: &&Provider| found.id == *provider;
        document.providers.iter().find(is_it).map(|found| found.slots.clone()).ok_or_else(none)
    }
}
