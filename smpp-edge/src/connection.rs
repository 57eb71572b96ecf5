//! One customer's connection: the socket on one side, Kafka on the other, the session between.
//! Everything that is decided is decided by the session, `translate` and `admission`.

mod binding;
mod changing;
mod delivering;
mod pending;
mod submitting;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use platform::kafka::Outcome;
use smpp::frame::Cut;
use smpp::session::server::{self, Action, Event, Server};
use smpp::{CommandStatus, Cutter, Octets};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use self::binding::{Bound, Deciding, decide};
use self::delivering::{Delivering, not_sent};
use self::pending::Pending;
use crate::accounts::Accounts;
use crate::admission::{Admission, Place};
use crate::authenticate::Authenticator;
use crate::changes::Changes;
use crate::deliveries::hub::Answer;
use crate::deliveries::{Deliveries, Hand};
use crate::publish::{Outbox, Records};
use crate::query::{Answered, Queries, Waiting};
use crate::settings::Settings;

/// A peer that reads nothing for this long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// Octets that an idle connection's read buffer holds at least; a busy one's grows to
/// [`READ_BUSY`].
const READ_IDLE: usize = 1024;
const READ_BUSY: usize = 64 * 1024;

/// What all connections of this node share.
#[derive(Debug)]
pub struct Node {
    /// Settings.
    pub settings: Settings,
    /// Customers of the version in force.
    pub accounts: watch::Receiver<Arc<Accounts>>,
    /// Limits.
    pub admission: Admission,
    /// Passwords.
    pub authenticator: Authenticator,
    /// Kafka.
    pub records: Arc<Records>,
    /// Receipts and handsets' messages.
    pub deliveries: Deliveries,
    /// What customers ask of their messages.
    pub queries: Queries,
    /// What customers change of what waits for its time.
    pub changes: Changes,
    /// Cancelled at SIGTERM.
    pub stop: CancellationToken,
}

/// The connection.
pub struct Connection<S> {
    node: Arc<Node>,
    stream: S,
    address: IpAddr,
    /// Held until the customer is bound.
    unbound: Option<Place<IpAddr>>,
    session: Server,
    cutter: Cutter,
    input: BytesMut,
    outbox: Outbox,
    outcomes: Vec<(u32, Outcome)>,
    pending: Pending,
    bound: Option<Bound>,
    deciding: Option<Deciding>,
    queries: Waiting<Answered>,
    changes: Waiting<CommandStatus>,
    /// While bound to receive.
    delivering: Option<Delivering>,
    accounts: watch::Receiver<Arc<Accounts>>,
    closing: bool,
}

impl<S> std::fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("session", &self.session).finish_non_exhaustive()
    }
}

/// What woke a connection.
enum Woke {
    Read(std::io::Result<usize>),
    Outcomes,
    Decided(Result<Bound, CommandStatus>),
    Queried((u32, Answered)),
    Changed((u32, CommandStatus)),
    /// None: the hub has given this bind up.
    Hand(Option<Hand>),
    Deadline,
    AccountsChanged,
    Stop,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// A connection from `address`.
    pub fn new(node: Arc<Node>, stream: S, address: IpAddr, unbound: Place<IpAddr>) -> Self {
        let settings = server::Settings {
            enquire_link_interval: node.settings.enquire_link,
            ..server::Settings::default()
        };
        let session = Server::new(settings, Instant::now());
        Self {
            outbox: node.records.open(),
            accounts: node.accounts.clone(),
            node,
            stream,
            address,
            unbound: Some(unbound),
            session,
            cutter: Cutter::new(Cutter::BEFORE_BIND),
            input: BytesMut::new(),
            outcomes: Vec::new(),
            pending: Pending::default(),
            bound: None,
            deciding: None,
            queries: Waiting::default(),
            changes: Waiting::default(),
            delivering: None,
            closing: false,
        }
    }

    /// Runs until either side closes.
    pub async fn run(mut self) {
        let mut timer = Box::pin(sleep_until(Instant::now().into()));
        let mut stopping = false;
        while !self.closing {
            self.arm(timer.as_mut());
            let woke = self.wait(timer.as_mut(), stopping).await;
            let now = Instant::now();
            match woke {
                Woke::Read(Ok(0) | Err(_)) => self.step(Event::Closed, now),
                Woke::Read(Ok(_)) => self.read(now),
                Woke::Outcomes => self.take_outcomes(now),
                Woke::Decided(verdict) => self.decided(verdict, now),
                Woke::Queried((sequence, answered)) => self.queried(sequence, answered, now),
                Woke::Changed((sequence, status)) => self.queried(sequence, Err(status), now),
                Woke::Hand(hand) => self.take_hand(hand.as_ref(), now),
                Woke::Deadline => self.step(Event::Timeout, now),
                Woke::AccountsChanged => self.accounts_changed(now),
                Woke::Stop => {
                    stopping = true;
                    self.step(Event::Shutdown, now);
                }
            }
            // Answers made room.
            self.feed(now);
            if self.write().await.is_err() {
                self.step(Event::Closed, Instant::now());
            }
            self.report().await;
        }
        self.stop_delivering().await;
        // A TLS peer is told that this is the end; one that is gone is not.
        let _gone = tokio::time::timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }

    /// The timer fires at the session's deadline or earlier: moving it at every PDU would cost
    /// more than a wake-up in vain.
    fn arm(&self, timer: Pin<&mut Sleep>) {
        let due = self.session.deadline().map(tokio::time::Instant::from_std);
        if let Some(due) = due
            && (timer.is_elapsed() || due < timer.deadline())
        {
            timer.reset(due);
        }
    }

    async fn wait(&mut self, timer: Pin<&mut Sleep>, stopping: bool) -> Woke {
        let room = if self.input.capacity() > READ_IDLE { READ_BUSY / 4 } else { READ_IDLE };
        self.input.reserve(room);
        let deciding = async {
            match self.deciding.as_mut() {
                Some(deciding) => deciding.await,
                None => std::future::pending().await,
            }
        };
        let hand = async {
            match self.delivering.as_mut().filter(|delivering| !delivering.is_forsaken) {
                Some(delivering) => delivering.receiving.hands.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.outbox.inbox.arrived() => Woke::Outcomes,
            read = self.stream.read_buf(&mut self.input) => Woke::Read(read),
            verdict = deciding => Woke::Decided(verdict),
            queried = self.queries.next() => Woke::Queried(queried),
            changed = self.changes.next() => Woke::Changed(changed),
            hand = hand => Woke::Hand(hand),
            () = timer, if self.session.deadline().is_some() => Woke::Deadline,
            Ok(()) = self.accounts.changed() => Woke::AccountsChanged,
            () = self.node.stop.cancelled(), if !stopping => Woke::Stop,
        }
    }

    fn read(&mut self, now: Instant) {
        if self.input.len() == self.input.capacity() {
            // The buffer was filled: a busy connection deserves a larger one.
            self.input.reserve(READ_BUSY);
        }
        while !self.closing {
            match self.cutter.cut(&mut self.input) {
                Cut::NeedMore => break,
                Cut::Frame(frame) => self.step(Event::Frame(frame), now),
                Cut::BadLength(_) => self.step(Event::BadLength, now),
            }
        }
        if self.input.is_empty() && self.session.unanswered() == 0 {
            // An idle bind keeps no buffer: 10,000 of them are held by one task.
            self.input = BytesMut::new();
        }
    }

    fn step(&mut self, event: Event, now: Instant) {
        self.session.handle(event, now);
        while let Some(action) = self.session.next_action() {
            self.act(action, now);
        }
    }

    fn act(&mut self, action: Action, now: Instant) {
        match action {
            Action::Bind(bind) => {
                self.deciding = Some(decide(self.node.clone(), bind, self.address))
            }
            Action::Submit { sequence, submit } | Action::Data { sequence, submit } => {
                if let Err(status) = self.submit(sequence, &submit, now) {
                    self.answer(sequence, status, Octets::new(), now);
                }
            }
            Action::SubmitMulti { sequence, multi } => {
                if let Err(status) = self.submit_multi(sequence, &multi, now) {
                    self.answer(sequence, status, Octets::new(), now);
                }
            }
            Action::Query { sequence, query } => match &self.bound {
                Some(Bound { account, .. }) => {
                    let asking = self.node.queries.ask(account.customer.clone(), query);
                    self.queries.start(sequence, asking);
                }
                None => self.queried(sequence, Err(CommandStatus::EsmeRinvbndsts), now),
            },
            Action::Cancel { sequence, cancel } => self.cancel(sequence, cancel, now),
            Action::Replace { sequence, replace } => self.replace(sequence, replace, now),
            Action::Close(reason) => {
                tracing::debug!(event = "connection_closed", ?reason);
                self.closing = true;
                // Before the last answer is written: who has it may bind again at once.
                self.bound = None;
                if let Some(delivering) = &mut self.delivering {
                    delivering.close();
                }
            }
            Action::Delivered { token, status } => self.part_ended(token, Answer::Status(status)),
            Action::Unanswered { token } => self.part_ended(token, Answer::Unanswered),
            Action::NotDelivered { token, why } => self.part_ended(token, not_sent(why)),
        }
    }

    fn queried(&mut self, sequence: u32, answered: Answered, now: Instant) {
        let event = match answered {
            Ok(response) => Event::AnswerQuery { sequence, response },
            Err(status) => Event::Answer { sequence, status, message_id: Octets::new() },
        };
        self.step(event, now);
    }

    fn answer(&mut self, sequence: u32, status: CommandStatus, message_id: Octets, now: Instant) {
        self.session.handle(Event::Answer { sequence, status, message_id }, now);
    }

    async fn write(&mut self) -> std::io::Result<()> {
        let output = self.session.output();
        if output.is_empty() {
            return Ok(());
        }
        let octets = output.split();
        tokio::time::timeout(WRITE_DEADLINE, self.stream.write_all(&octets)).await??;
        self.stream.flush().await
    }
}
