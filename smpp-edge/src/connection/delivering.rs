//! Deliveries on a connection: each becomes one or more `deliver_sm` within the session's window, and is
//! answered when all of them are.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use domain::config::SmppAccount;
use smpp::pdu::Submit;
use smpp::session::NotSent;
use smpp::session::server::Event;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use crate::deliveries::hub::{Answer, Meaning, Token};
use crate::deliveries::translate::{Form, pdus};
use crate::deliveries::{Hand, Receiving};

/// A part's number in the session's token.
const PART_BITS: u32 = 8;

/// The deliveries in a connection's hands. Bounded by the window that it was announced with.
#[derive(Debug)]
pub(super) struct Delivering {
    pub(super) receiving: Receiving,
    /// By the session's token without the part.
    open: HashMap<u64, Open>,
    /// Parts that wait for room in the window.
    waiting: VecDeque<(u64, Submit)>,
    taken: u64,
    pub(super) ended: Vec<(Token, Answer)>,
    version: u8,
    /// The session takes nothing more; the hub was told, or is to be told.
    closing: Option<Told>,
    /// The hub has given this bind up, having heard nothing for too long.
    pub(super) is_forsaken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    NotYet,
    Yes,
}

/// A delivery of which not all parts are answered.
#[derive(Debug)]
struct Open {
    token: Token,
    parts_left: usize,
    has_left: bool,
    worst: Option<Answer>,
}

impl Delivering {
    pub(super) fn new(receiving: Receiving, version: u8) -> Self {
        Self {
            receiving,
            open: HashMap::new(),
            waiting: VecDeque::new(),
            taken: 0,
            ended: Vec::new(),
            version,
            closing: None,
            is_forsaken: false,
        }
    }

    /// True if something is to be told to the hub.
    pub(super) fn has_news(&self) -> bool {
        !self.ended.is_empty() || self.receiving.is_new() || self.closing == Some(Told::NotYet)
    }

    pub(super) fn take(&mut self, hand: &Hand, account: &SmppAccount) {
        if self.closing.is_some() {
            return self.ended.push((hand.token, Answer::NotSent));
        }
        let form = Form {
            long_messages: account.long_messages,
            vendor_tlvs: account.vendor_tlvs,
            version: self.version,
        };
        let parts = pdus(&hand.delivery, form).filter(|parts| (1..=255).contains(&parts.len()));
        let Some(parts) = parts else {
            return self.ended.push((hand.token, Answer::Invalid));
        };
        self.taken += 1;
        let parts_left = parts.len();
        let open = Open { token: hand.token, parts_left, has_left: false, worst: None };
        self.open.insert(self.taken, open);
        let first = self.taken << PART_BITS;
        self.waiting.extend((first..).zip(parts));
    }

    /// The next part, for a window with room.
    fn next(&mut self) -> Option<(u64, Submit)> {
        self.waiting.pop_front()
    }

    /// What came of a part.
    pub(super) fn part_ended(&mut self, token: u64, answer: Answer) {
        let number = token >> PART_BITS;
        let Some(open) = self.open.get_mut(&number) else { return };
        open.parts_left = open.parts_left.saturating_sub(1);
        open.has_left |= answer != Answer::NotSent;
        open.worst = Some(open.worst.map_or(answer, |worst| worse(worst, answer)));
        if answer.meaning() != Meaning::Told {
            // The rest of the message would come without this part.
            let before = self.waiting.len();
            self.waiting.retain(|(token, _)| token >> PART_BITS != number);
            open.parts_left = open.parts_left.saturating_sub(before - self.waiting.len());
        }
        if open.parts_left > 0 {
            return;
        }
        let Some(open) = self.open.remove(&number) else { return };
        let answer = match open.worst.unwrap_or(Answer::NotSent) {
            Answer::NotSent if open.has_left => Answer::Unanswered,
            answer => answer,
        };
        self.ended.push((open.token, answer));
    }

    /// The session ends: what has not left will not.
    pub(super) fn close(&mut self) {
        self.closing.get_or_insert(Told::NotYet);
        for (token, _) in std::mem::take(&mut self.waiting) {
            self.part_ended(token, Answer::NotSent);
        }
    }
}

/// Of two parts' answers the one that counts for the delivery: try again before give up, told last.
fn worse(one: Answer, other: Answer) -> Answer {
    let rank = |answer: Answer| match answer.meaning() {
        Meaning::Told => 0,
        Meaning::NotTaken => 1,
        Meaning::Again if answer == Answer::NotSent => 2,
        Meaning::Again => 3,
        Meaning::Later => 4,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// What the session says of a part that it did not send.
pub(super) fn not_sent(why: NotSent) -> Answer {
    match why {
        NotSent::Invalid(_) => Answer::Invalid,
        NotSent::NotBound | NotSent::WindowFull => Answer::NotSent,
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) fn take_hand(&mut self, hand: Option<&Hand>, now: Instant) {
        let Some(hand) = hand else {
            if let Some(delivering) = &mut self.delivering {
                delivering.is_forsaken = true;
            }
            return self.step(Event::Shutdown, now);
        };
        if let (Some(delivering), Some(bound)) = (&mut self.delivering, &self.bound) {
            delivering.take(hand, &bound.account.smpp);
        }
        self.feed(now);
    }

    /// Fills the session's window.
    pub(super) fn feed(&mut self, now: Instant) {
        while self.session.deliver_room() > 0
            && let Some((token, submit)) = self.delivering.as_mut().and_then(Delivering::next)
        {
            self.step(Event::Deliver { token, submit }, now);
        }
        if let Some(delivering) = &mut self.delivering
            && !self.session.can_deliver()
            && delivering.closing.is_none()
        {
            delivering.close();
        }
    }

    /// The connection is over.
    pub(super) async fn stop_delivering(&mut self) {
        if let Some(delivering) = self.delivering.take() {
            delivering.receiving.close().await;
        }
    }

    pub(super) fn part_ended(&mut self, token: u64, answer: Answer) {
        if let Some(delivering) = &mut self.delivering {
            delivering.part_ended(token, answer);
        }
    }

    /// Tells the hub what came of deliveries.
    pub(super) async fn report(&mut self) {
        if let Some(delivering) = self.delivering.as_mut().filter(|it| it.has_news()) {
            let closing = delivering.closing == Some(Told::NotYet);
            delivering.receiving.report(closing, &mut delivering.ended).await;
            if closing {
                delivering.closing = Some(Told::Yes);
            }
        }
    }
}
