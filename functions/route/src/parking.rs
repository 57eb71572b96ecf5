//! What follows from the messages of a batch that wait for their time.

use platform::function::{Decided, Output};
use scheduling::effects::{self, Effects};
use scheduling::park::Parking;

use crate::ports::Schedule;
use crate::record::BY;

/// Parks them, and appends what is to be told.
pub(crate) async fn park(
    schedule: &impl Schedule,
    mut parkings: Vec<Parking>,
    decided: &mut Decided,
) -> anyhow::Result<()> {
    let parked = schedule.park(&mut parkings).await?;
    for (parking, parked) in parkings.iter().zip(parked) {
        let Effects { deliveries, events, .. } = effects::parked(parking.message(), parked, BY);
        decided.outputs.extend(deliveries.iter().map(Output::delivery));
        decided.events.extend(events);
    }
    Ok(())
}
