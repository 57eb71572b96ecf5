//! Table `messages` in DynamoDB.

use domain::id::{CustomerId, MessageId, PartId};
use platform::messages::{Found, Journey, MessagesTable, Page};

use crate::ports::Messages;

impl Messages for MessagesTable {
    async fn journey(&self, id: PartId) -> anyhow::Result<Option<Journey>> {
        Self::journey(self, id).await
    }

    async fn journeys(&self, ids: &[MessageId]) -> anyhow::Result<Vec<Journey>> {
        Self::journeys(self, ids).await
    }

    async fn of_customer(
        &self,
        customer: &CustomerId,
        day: &str,
        page: Page<'_>,
    ) -> anyhow::Result<Found> {
        Self::of_customer(self, customer, day, page).await
    }

    async fn of_handset(&self, hash: &str, day: &str, page: Page<'_>) -> anyhow::Result<Found> {
        Self::of_handset(self, hash, day, page).await
    }
}
