//! What the outside is told, and what must hold of it: each part ends once.

use std::rc::Rc;

use assemble::output::Output;
use domain::id::{DeliveryId, PartId};
use domain::message::Part;
use uuid::Uuid;
use wire::provider_incoming::ProviderMessage;

use crate::world::World;

impl World {
    pub(crate) fn publish(&mut self, outputs: &[Output]) -> Result<(), String> {
        for output in outputs {
            match output {
                Output::Message(record) => {
                    let parts = &record.message.parts;
                    let parts = parts.iter().map(|part| (part.id, part.aliases.clone())).collect();
                    self.whole(record.message.id.into(), parts)?;
                }
                Output::Delivery(delivery) => {
                    let before =
                        self.deliveries.insert(PartId::from(delivery.message), delivery.id);
                    if before.is_some_and(|before| before != delivery.id) {
                        return Err("a part is reported under two ids".into());
                    }
                    Rc::make_mut(&mut self.outcome).failed.insert(PartId::from(delivery.message));
                }
                Output::Handset(message) if message.incomplete_of.is_none() => {
                    let parts = &message.parts;
                    let parts = parts.iter().map(|part| (part.id, part.aliases.clone())).collect();
                    self.whole(message.id.into(), parts)?;
                }
                Output::Handset(message) => self.passed_on(message)?,
                Output::Event(_) => (),
                Output::DeadLetter(_) => return Err("a good part is a dead letter".into()),
            }
        }
        self.check()
    }

    fn whole(&mut self, id: PartId, parts: Vec<(PartId, Vec<PartId>)>) -> Result<(), String> {
        let before = Rc::make_mut(&mut self.outcome).whole.insert(id, parts.clone());
        match before {
            Some(before) if before != parts => Err("one message id, two contents".into()),
            _ => Ok(()),
        }
    }

    /// What came of a handset's message: told again, it is the same under the same id.
    fn passed_on(&mut self, message: &ProviderMessage) -> Result<(), String> {
        let ids = |part: &Part| std::iter::once(part.id).chain(part.aliases.clone());
        let delivery = DeliveryId::from(Uuid::from_u128(message.id.as_u128()));
        let failed = &mut Rc::make_mut(&mut self.outcome).failed;
        for id in message.parts.iter().flat_map(ids) {
            failed.insert(id);
            let before = self.deliveries.insert(id, delivery);
            if before.is_some_and(|before| before != delivery) {
                return Err("a part is passed on in two messages".into());
            }
        }
        let all = self.deliveries.values().filter(|of| **of == delivery).count();
        let told = message.parts.iter().flat_map(ids).count();
        if all == told { Ok(()) } else { Err("one message id, two contents".into()) }
    }

    /// What must hold at every moment: each part ends once.
    fn check(&self) -> Result<(), String> {
        let mut ended = self.outcome.failed.clone();
        for (id, aliases) in self.outcome.whole.values().flatten() {
            for id in std::iter::once(id).chain(aliases) {
                if !ended.insert(*id) {
                    return Err("a part ends twice".into());
                }
            }
        }
        Ok(())
    }
}
