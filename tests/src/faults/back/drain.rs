//! A customer that was away for long: all that waits comes over its one bind, in the order in which it
//! was parked, and nothing of it to another.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::books::Books;
use super::run::{again, delivered, read};
use super::verdict::judge;
use crate::faults::run::Options;
use crate::faults::verdict::{Times, Verdict};
use crate::stack::Stack;
use crate::{control, store};

/// Of a small rate fewer are parked: so many for each submit a second.
const FOR_EACH: f64 = 20.0;
/// Of those, for another customer.
const OTHERS: u64 = 10;
const RUN: u32 = 40;
const OTHERS_RUN: u32 = 41;
const TABLE: &str = "local-mailboxes";
const PARKED_MAX: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Parks, binds, and judges.
pub(super) fn drained(stack: &Stack, most: u64, options: &Options) -> anyhow::Result<Verdict> {
    let count = most.min((options.rate * FOR_EACH) as u64).max(OTHERS);
    let others = count / OTHERS;
    for (run, count, keyword) in [(RUN, count, "news"), (OTHERS_RUN, others, "beta")] {
        let flood = json!({
            "count": count, "run": run, "keyword": keyword, "destinations": ["72000"],
        });
        control::post(stack.fact("/smsc/control"), "/messages", &flood)?;
    }
    let began = Instant::now();
    while store::items(stack.fact("/store/url"), TABLE)? < count + others {
        ensure!(began.elapsed() < PARKED_MAX, "not all were parked in {PARKED_MAX:?}");
        std::thread::sleep(LOOK_EVERY);
    }
    let parked = began.elapsed();
    let order = order(stack, "acme")?;
    let bound = Instant::now();
    let acme = books(stack, ("acme", "secret"), RUN, count)?;
    let took = bound.elapsed();
    let mut back = judge(&acme);
    let came: Vec<&str> = acme.came.iter().filter_map(|came| came.delivery.as_deref()).collect();
    if back.repeats == 0 && came != order {
        let at = came.iter().zip(&order).position(|(came, parked)| *came != parked.as_str());
        back.problems.push(format!("acme: they came in another order than parked, from {at:?} on"));
    }
    let beta = judge(&books(stack, ("beta", "beta-pw"), OTHERS_RUN, others)?);
    back.messages += beta.messages;
    back.repeats += beta.repeats;
    back.problems.extend(beta.problems);
    let times = Times { fault: parked, slowest: took, load_planned: parked, load_took: parked };
    let problems = back.problems.clone();
    Ok(Verdict { report: Default::default(), doubts: 0, times, back: Some(back), problems })
}

fn books(
    stack: &Stack,
    account: (&'static str, &str),
    run: u32,
    posted: u64,
) -> anyhow::Result<Books> {
    let came = read(&again(stack, account, posted, account.0)?)?;
    let messages = delivered(stack, "messages", run)?;
    let repeated_by_provider = stack.summary()?.messages.repeated;
    let customer = account.0;
    Ok(Books { customer, messages, posted, repeated_by_provider, came, ..Books::default() })
}

/// The ids of what waits for a customer, in the order of the mailbox.
fn order(stack: &Stack, customer: &str) -> anyhow::Result<Vec<String>> {
    let items = store::all(stack.fact("/store/url"), TABLE)?;
    let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
    let of_customer =
        items.iter().filter(|item| text(item, "customer").as_deref() == Some(customer));
    let mut waiting: Vec<(String, String)> = of_customer
        .map(|item| Some((text(item, "waiting")?, text(item, "id")?)))
        .collect::<Option<_>>()
        .context("an item that does not wait")?;
    waiting.sort_unstable();
    Ok(waiting.into_iter().map(|(_, id)| id).collect())
}
