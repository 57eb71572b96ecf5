//! Late messages that are looked up, and those behind them: a queue for each priority.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::Message;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, oneshot};
use tokio_util::task::AbortOnDropHandle;
use wire::submit_journal::PRIORITIES;

use crate::late_repeats::LateRepeats;
use crate::reading::Outgoing;

/// Messages of one priority that wait.
const WAITING_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Late {
    waiting: [VecDeque<Waiting>; PRIORITIES],
}

#[derive(Debug)]
struct Waiting {
    message: Message<Outgoing>,
    /// None: it only waits for those before it.
    look_up: Option<LookUp>,
}

#[derive(Debug)]
struct LookUp {
    answer: oneshot::Receiver<bool>,
    _ends_with_it: AbortOnDropHandle<()>,
}

impl Late {
    pub(super) fn is_empty(&self, priority: usize) -> bool {
        self.waiting.get(priority).is_none_or(VecDeque::is_empty)
    }

    pub(super) fn has_room(&self, priority: usize) -> bool {
        self.waiting.get(priority).is_some_and(|waiting| waiting.len() < WAITING_MAX)
    }

    /// Puts a message at the end; one that is late (see [`journal::Slot::late`]) is looked up, and
    /// `arrived` is notified when that is done.
    pub(super) fn push(
        &mut self,
        priority: usize,
        message: Message<Outgoing>,
        before_ms: Option<u64>,
        late: &LateRepeats,
        arrived: &Arc<Notify>,
    ) {
        let look_up = before_ms.map(|before_ms| look_up(&message, before_ms, late, arrived));
        if let Some(waiting) = self.waiting.get_mut(priority) {
            waiting.push_back(Waiting { message, look_up });
        }
    }

    /// The first one, if it waits for nothing any more. One that was not looked up may be late by now:
    /// `is_late` says so, and then it is.
    pub(super) fn next(
        &mut self,
        priority: usize,
        is_late: impl Fn(&Message<Outgoing>) -> Option<u64>,
        late: &LateRepeats,
        arrived: &Arc<Notify>,
    ) -> Option<Message<Outgoing>> {
        let waiting = self.waiting.get_mut(priority)?;
        let first = waiting.front_mut()?;
        let answer = first.look_up.as_mut().map(|look_up| look_up.answer.try_recv());
        match answer {
            Some(Ok(was_read)) => first.message.was_read = was_read,
            Some(Err(TryRecvError::Empty)) => return None,
            None | Some(Err(TryRecvError::Closed)) => {
                if let Some(before_ms) = is_late(&first.message) {
                    first.look_up = Some(look_up(&first.message, before_ms, late, arrived));
                    return None;
                }
            }
        }
        waiting.pop_front().map(|first| first.message)
    }
}

fn look_up(
    message: &Message<Outgoing>,
    before_ms: u64,
    late: &LateRepeats,
    arrived: &Arc<Notify>,
) -> LookUp {
    let (sender, answer) = oneshot::channel();
    let (late, arrived, id, attempt) = (late.clone(), arrived.clone(), message.id, message.attempt);
    let task = tokio::spawn(async move {
        // Nobody waits any more if the slot went.
        let _unwanted = sender.send(late.was_read(id, attempt, before_ms).await);
        arrived.notify_one();
    });
    LookUp { answer, _ends_with_it: AbortOnDropHandle::new(task) }
}
