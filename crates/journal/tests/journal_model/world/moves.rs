//! What can happen next in the world, and that it happens.

use std::sync::Arc;

use journal::{Event, Timer};
use wire::submit_journal::{Body, Drain, Fate, PartAt, Resolution, Word};

use super::{Ack, Checked, Record, World};

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// The group gives the slot to another task.
    Assign(usize),
    /// The task learns the oldest assignment it has not heard of.
    Tell(usize),
    Land(usize),
    LandAndLoseAnswer(usize),
    Refuse(usize),
    Delay(usize),
    LandLate(usize),
    Ack(usize),
    Read(usize),
    Message(usize, u8),
    Answer(usize, usize, Fate),
    LoseAnswer(usize, usize),
    Confirm(usize),
    Timer(usize, Timer),
    Resolve(PartAt, u64, Word),
    Drain,
}

impl World {
    /// Everything that can happen now.
    pub(crate) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for task in 0..self.tasks.len() {
            self.own_moves(task, &mut moves);
            self.faults(task, &mut moves);
        }
        moves.extend((0..self.late.len()).map(Move::LandLate));
        if self.budget.drains > 0 {
            moves.push(Move::Drain);
        }
        if self.budget.resolutions > 0 {
            for &(part, intent) in &self.named {
                moves.push(Move::Resolve(part, intent, Word::Resend));
                moves.push(Move::Resolve(part, intent, Word::Drop));
            }
        }
        moves
    }

    /// What a task does when nothing goes wrong, the most urgent first.
    pub(crate) fn own_moves(&self, index: usize, moves: &mut Vec<Move>) {
        let (task, before) = (&self.tasks[index], moves.len());
        let mut add = |possible: bool, next: Move| moves.extend(possible.then_some(next));
        add(!task.notices.is_empty(), Move::Tell(index));
        add(!task.acks.is_empty(), Move::Ack(index));
        add(task.reading.is_some(), Move::Read(index));
        add(!task.net.is_empty(), Move::Land(index));
        for priority in 0..3 {
            let room = task.slot.room(priority) > 0;
            add(
                room && self.next_message(task, priority).is_some(),
                Move::Message(index, priority),
            );
        }
        for pdu in 0..task.air.len() {
            add(true, Move::Answer(index, pdu, Fate::Accepted));
        }
        // What a ghost has published only makes the checks weaker.
        let confirms = self.assigned == index || !self.config.eager;
        add(confirms && !task.telling.is_empty(), Move::Confirm(index));
        add(task.slot.wants(Timer::Flush), Move::Timer(index, Timer::Flush));
        let may_retake = self.assigned == index || self.budget.retakes > 0;
        add(may_retake && task.slot.wants(Timer::Retake), Move::Timer(index, Timer::Retake));
        let news = task.looked_to < self.log.len() && task.slot.wants(Timer::Look);
        if news && !(self.config.eager && moves.len() > before) {
            moves.push(Move::Timer(index, Timer::Look));
        }
    }

    fn faults(&self, index: usize, moves: &mut Vec<Move>) {
        let (task, budget) = (&self.tasks[index], &self.budget);
        let mut add = |possible: bool, next: Move| moves.extend(possible.then_some(next));
        add(budget.moves > 0 && self.assigned != index, Move::Assign(index));
        let appends = !task.net.is_empty();
        add(appends && budget.lost > 0, Move::LandAndLoseAnswer(index));
        add(appends && budget.refused > 0, Move::Refuse(index));
        add(appends && budget.late > 0, Move::Delay(index));
        for pdu in 0..task.air.len() {
            add(budget.throttled > 0, Move::Answer(index, pdu, Fate::Returned));
            add(budget.rejected > 0, Move::Answer(index, pdu, Fate::Rejected));
            add(budget.unanswered > 0, Move::LoseAnswer(index, pdu));
        }
        let position = budget.positions > 0 && task.slot.wants(Timer::Position);
        add(position, Move::Timer(index, Timer::Position));
        let release = !self.config.eager && task.slot.wants(Timer::Release);
        add(release, Move::Timer(index, Timer::Release));
    }

    pub(crate) fn apply(&mut self, next: Move) -> Checked {
        match next {
            Move::Assign(to) => {
                self.budget.moves -= 1;
                self.tasks[self.assigned].notices.push_back(false);
                self.tasks[to].notices.push_back(true);
                self.assigned = to;
                Ok(())
            }
            Move::Resolve(part, intent, word) => {
                self.budget.resolutions -= 1;
                let resolution = Resolution { intent, part: Some(part), word };
                self.log(Record { writer: None, body: Arc::new(Body::Resolution(resolution)) })
            }
            Move::Drain => {
                self.budget.drains -= 1;
                let drain = Drain { before: [100; 3] };
                self.log(Record { writer: None, body: Arc::new(Body::Drain(drain)) })
            }
            Move::LandLate(index) => {
                let request = self.late.remove(index);
                self.log(request.record)
            }
            _ => self.apply_to_task(next),
        }
    }

    fn apply_to_task(&mut self, next: Move) -> Checked {
        match next {
            Move::Tell(task) => match self.tasks[task].notices.pop_front() {
                Some(true) => self.tell(task, Event::Assigned),
                _ => self.tell(task, Event::Revoked),
            },
            Move::Land(task) => self.land(task, true),
            Move::LandAndLoseAnswer(task) => {
                self.budget.lost -= 1;
                self.land(task, false)
            }
            Move::Refuse(task) => {
                self.budget.refused -= 1;
                let task = &mut self.tasks[task];
                task.acks.extend(task.net.pop_front().map(|request| Ack::Failed(request.ticket)));
                Ok(())
            }
            Move::Delay(task) => {
                self.budget.late -= 1;
                let task = &mut self.tasks[task];
                let Some(request) = task.net.pop_front() else { return Ok(()) };
                task.acks.push_back(Ack::Unknown(request.ticket));
                self.late.push(request);
                Ok(())
            }
            Move::Ack(task) => match self.tasks[task].acks.pop_front() {
                Some(Ack::Landed(ticket, offset)) => {
                    self.tell(task, Event::Appended { ticket, offset })
                }
                Some(Ack::Failed(ticket)) => self.tell(task, Event::AppendFailed(ticket)),
                Some(Ack::Unknown(ticket)) => self.tell(task, Event::AppendUnknown(ticket)),
                None => Ok(()),
            },
            Move::Read(task) => self.read(task),
            Move::Message(task, priority) => self.message(task, priority),
            Move::Answer(task, pdu, fate) => self.answer(task, pdu, fate),
            Move::LoseAnswer(task, pdu) => {
                self.budget.unanswered -= 1;
                let (part, intent) = self.tasks[task].air.remove(pdu);
                self.tell(task, Event::Unanswered { part, intent })
            }
            Move::Confirm(task) => self.confirm(task),
            Move::Timer(task, timer) => {
                let ghost = task != self.assigned;
                self.budget.positions -= u8::from(timer == Timer::Position);
                self.budget.retakes -= u8::from(timer == Timer::Retake && ghost);
                self.tell(task, Event::Timer(timer))
            }
            _ => Ok(()),
        }
    }
}
