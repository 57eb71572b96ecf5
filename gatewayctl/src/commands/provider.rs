//! `provider drain`.

use wire::admin_api::{Drained, DrainedSlot};

use super::said;
use crate::client::Client;
use crate::failure::Failure;

pub(super) async fn drain(client: &Client, provider: &str, json: bool) -> Result<String, Failure> {
    let path = format!("/providers/{provider}/drain");
    let drained: Drained = client.post(&path, &()).await?;
    said(json, &drained, |Drained { provider, slots, next }| {
        let slot = |DrainedSlot { slot, .. }: &DrainedSlot| slot.to_string();
        let slots = slots.iter().map(slot).collect::<Vec<_>>().join(", ");
        format!("{provider} is drained (slots {slots}): {next}")
    })
}
