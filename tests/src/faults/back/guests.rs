//! Customers that take deliveries and never answer them.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use simulator::esme::{Account, answer_request};
use simulator::socket::{IDLE, Step};
use smpp::frame::Cut;
use smpp::{CommandId, Cutter};
use tokio::task::JoinSet;

/// Each of them binds, takes what comes without an answer, and goes after this time as a cable that is
/// pulled does. How many deliveries they took.
///
/// # Errors
/// One cannot bind.
pub fn hold(accounts: &[Account], lasts: Duration) -> anyhow::Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut guests = JoinSet::new();
        for account in accounts {
            guests.spawn(taken(account.clone(), lasts));
        }
        let mut deliveries = 0;
        for guest in guests.join_all().await {
            deliveries += guest?;
        }
        Ok(deliveries)
    })
}

async fn taken(account: Account, lasts: Duration) -> anyhow::Result<u64> {
    let mut link = account.connect(None, IDLE).await?;
    account.bind(&mut link).await?;
    let deadline = Instant::now() + lasts;
    let (mut output, mut deliveries) = (BytesMut::new(), 0);
    loop {
        while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(link.input()) {
            match frame.header.id {
                CommandId::DeliverSm | CommandId::DataSm => deliveries += 1,
                // Only deliveries stay without an answer.
                _ => drop(answer_request(&frame, &mut output)),
            }
        }
        match link.step(&mut output, true, Some(deadline)).await {
            Step::Read | Step::Wrote => {}
            Step::Deadline | Step::Closed => return Ok(deliveries),
        }
    }
}
