//! A script's run over a session, the same for both sides: every event is told to the books and to
//! the session, all that the session does goes into the books, and they have to be right each time.

use std::time::Instant;

use bytes::BytesMut;

use crate::books::{Books, Entry};

/// Each open request of ours may have its own deadline (7), each other timer of the session one (5).
const TIMERS_MAX: usize = 12;

/// A side's state machine, and what is this side's alone.
pub(crate) trait Side {
    type Step;
    type Event;
    type Action;
    const SHUTDOWN: Self::Event;
    const TIMEOUT: Self::Event;

    /// What the step is to the session.
    fn event(&self, step: Self::Step, books: &mut Books) -> Self::Event;
    fn entry(event: &Self::Event) -> Entry;
    fn act(&mut self, action: Self::Action, books: &mut Books);
    /// What must hold after every event beyond what the books say of any session.
    fn settle(&self, _books: &Books) {}

    fn handle(&mut self, event: Self::Event, now: Instant);
    fn next_action(&mut self) -> Option<Self::Action>;
    fn deadline(&self) -> Option<Instant>;
    fn output(&mut self) -> &mut BytesMut;
    /// How many requests the session would send now.
    fn room(&self) -> usize;
}

pub(crate) fn run<S: Side>(side: S, books: Books, steps: Vec<S::Step>) {
    let mut run = Run { side, books };
    for step in steps {
        let event = run.side.event(step, &mut run.books);
        run.on(event);
    }
    // Whatever happened, the shell can end it, and time alone suffices.
    run.on(S::SHUTDOWN);
    for _ in 0..TIMERS_MAX {
        run.next_timer();
    }
    assert!(run.books.closed, "it has come to its end");
}

struct Run<S> {
    side: S,
    books: Books,
}

impl<S: Side> Run<S> {
    fn on(&mut self, event: S::Event) {
        let Self { side, books } = self;
        let entry = S::entry(&event);
        let bad_length = matches!(entry, Entry::BadLength) && !books.closed;
        books.enter(entry);
        side.handle(event, books.now);
        while let Some(action) = side.next_action() {
            side.act(action, books);
        }
        books.read(side.output(), bad_length);
        if let Entry::Answer(sequence) = entry {
            books.answered(sequence);
        }
        books.settle(side.room(), side.deadline());
        side.settle(books);
    }

    fn next_timer(&mut self) {
        if let Some(deadline) = self.side.deadline() {
            self.books.until(Some(deadline));
            self.on(S::TIMEOUT);
        }
    }
}
