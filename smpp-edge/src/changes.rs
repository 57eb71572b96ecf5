//! `cancel_sm` and `replace_sm`: changes of a message that waits for its time (SMPP 3.4, sections 4.9 and
//! 4.10). What is not scheduled, not waiting any more, another's or from another sender is
//! `ESME_RCANCELFAIL` or `ESME_RREPLACEFAIL`; what is not known to have been done, `ESME_RSYSERR`.
//!
//! Only by message id: a cancel of "all from this sender to that number" is refused.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::address::Address;
use domain::id::{CustomerId, MessageId, PartId};
use domain::octets::Octets;
use platform::clock::unix_ms;
use platform::queue::DelayQueue;
use platform::scheduled::{Schedule, ScheduledTable};
use scheduling::Step;
use scheduling::change::{Change, Changed, Changing, Replacement};
use smpp::pdu::{self, Cancel, Replace};
use smpp::{CommandStatus, time_format};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::translate::{domain_address, scheduled};

/// Changes of all customers of this node at a time; more are `ESME_RTHROTTLED`.
const AT_ONCE: usize = 50;
/// A customer does not wait longer: then it is `ESME_RSYSERR`.
const DEADLINE: Duration = Duration::from_secs(5);
/// A message that was acknowledged a moment ago is looked for again after this, so often.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
const LOOKS: u32 = 8;
const HOUR_MS: u64 = 3_600_000;

/// What the customer asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// `cancel_sm`.
    Cancel(Cancel),
    /// `replace_sm`.
    Replace(Replace),
}

/// A request that can be carried out.
#[derive(Debug, Clone)]
pub struct Asked {
    /// By which id.
    pub id: MessageId,
    /// From whom the message is.
    pub source: Address,
    /// What.
    pub change: Change,
}

/// Carries changes out.
#[derive(Debug)]
pub struct Changes {
    schedule: Schedule<ScheduledTable, DelayQueue>,
    places: Arc<Semaphore>,
}

impl Changes {
    /// On this table and queue.
    #[must_use]
    pub fn new(schedule: Schedule<ScheduledTable, DelayQueue>) -> Self {
        Self { schedule, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Carries out what `customer` asks; the answer's status.
    ///
    /// # Errors
    /// The answer's status: nothing is to be waited for.
    pub fn ask(
        &self,
        customer: CustomerId,
        request: Request,
        validity_max_h: u32,
    ) -> Result<impl Future<Output = CommandStatus> + Send + use<>, CommandStatus> {
        let (now_ms, fail) = (unix_ms(), request.failed());
        let validity_max_ms = u64::from(validity_max_h) * HOUR_MS;
        let asked = request.read(&customer, now_ms, validity_max_ms)?;
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| CommandStatus::EsmeRthrottled)?;
        let schedule = self.schedule.clone();
        let work = async move {
            let _place = place;
            changed(&schedule, &customer, &asked, now_ms).await
        };
        Ok(async move {
            let why = match timeout(DEADLINE, Box::pin(work)).await {
                Ok(Ok(changed)) => return status(changed, fail),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer in time".to_owned(),
            };
            // It may have been done.
            tracing::warn!(event = "change_unknown", error = why);
            CommandStatus::EsmeRsyserr
        })
    }
}

async fn changed(
    schedule: &Schedule<ScheduledTable, DelayQueue>,
    customer: &CustomerId,
    asked: &Asked,
    now_ms: u64,
) -> anyhow::Result<Changed> {
    for _ in 0..LOOKS {
        let of = (asked.id, asked.source.clone());
        let mut machine = Changing::new(customer.clone(), of, asked.change.clone(), now_ms);
        match schedule.go_on(&mut machine).await? {
            // On its way to the table.
            Step::Done(Changed::NotThere) => sleep(LOOK_AGAIN).await,
            Step::Done(changed) => return Ok(changed),
            _ => anyhow::bail!("a change asks for what it does not need"),
        }
    }
    // Long on its way, or never to come. The id says whose it is and from whom: that has to do.
    let Change::Cancel(Some(_)) = asked.change else { return Ok(Changed::NotThere) };
    let of = (asked.id, asked.source.clone());
    let mut machine = Changing::new(customer.clone(), of, Change::Cancel(None), now_ms);
    match schedule.go_on(&mut machine).await? {
        Step::Done(changed) => Ok(changed),
        _ => anyhow::bail!("a change asks for what it does not need"),
    }
}

/// The answer to what came of a change; `fail` is that to what was not done.
#[must_use]
pub fn status(changed: Changed, fail: CommandStatus) -> CommandStatus {
    match changed {
        Changed::Done => CommandStatus::EsmeRok,
        Changed::NotValid => CommandStatus::EsmeRinvexpiry,
        Changed::TooLate | Changed::NotThere | Changed::Another | Changed::Impossible => fail,
    }
}

impl Request {
    /// The status for what is not done.
    fn failed(&self) -> CommandStatus {
        match self {
            Self::Cancel(_) => CommandStatus::EsmeRcancelfail,
            Self::Replace(_) => CommandStatus::EsmeRreplacefail,
        }
    }

    /// What is asked of which message.
    ///
    /// # Errors
    /// The status that refuses it: the id is that of no scheduled message of this customer and sender, or
    /// a field is wrong.
    pub fn read(
        self,
        customer: &CustomerId,
        now_ms: u64,
        validity_max_ms: u64,
    ) -> Result<Asked, CommandStatus> {
        let fail = self.failed();
        let (text, from) = match &self {
            Self::Cancel(cancel) => (cancel.message_id.to_text(), &cancel.source),
            Self::Replace(replace) => (replace.message_id.to_text(), &replace.source),
        };
        let id: PartId = text.trim().parse().map_err(|_| fail)?;
        let source = domain_address(from);
        if !id.is_scheduled(customer, &source) {
            return Err(fail);
        }
        let change = match self {
            Self::Cancel(cancel) => Change::Cancel(destination(&cancel.destination)),
            Self::Replace(replace) => {
                let id = MessageId::from(id).event(&writer_of_request(), 0);
                let read = replacement(id, &replace, now_ms, validity_max_ms)?;
                Change::Replace(Box::new(read))
            }
        };
        Ok(Asked { id: id.into(), source, change })
    }
}

/// A name for a request: each time that a customer asks is another.
fn writer_of_request() -> String {
    format!("replace {}", platform::scheduled::writer())
}

/// May be left empty where the id is given (SMPP 3.4, section 4.9.1).
fn destination(given: &pdu::Address) -> Option<Address> {
    (!given.addr.is_empty()).then(|| domain_address(given))
}

fn replacement(
    id: domain::id::EventId,
    replace: &Replace,
    now_ms: u64,
    validity_max_ms: u64,
) -> Result<Replacement, CommandStatus> {
    if replace.default_msg_id != 0 {
        return Err(CommandStatus::EsmeRinvdftmsgid);
    }
    let time_ms = scheduled(&replace.schedule, now_ms)?;
    let until = time_format::parse(&replace.validity).map_err(|_| CommandStatus::EsmeRinvexpiry)?;
    Ok(Replacement {
        id,
        octets: Octets(replace.message.to_vec()),
        receipt: replace.registered_delivery,
        time_ms,
        valid_until_ms: until.map(|time| time.unix_ms(now_ms)),
        validity_max_ms,
    })
}
