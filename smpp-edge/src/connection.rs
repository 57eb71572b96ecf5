//! One customer's connection: the socket on one side, Kafka on the other, the session between.
//! Everything that is decided is decided by the session, `translate` and `admission`.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use domain::id::{CustomerId, PartId};
use platform::clock::unix_ms;
use platform::kafka::Outcome;
use smpp::frame::Cut;
use smpp::pdu::{Bind, Destination, Failed, Multi, Submit};
use smpp::session::server::{self, Action, Event, Server, Verdict};
use smpp::{CommandStatus, Cutter, Octets};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::accounts::{Account, Accounts};
use crate::admission::{Admission, CustomerPace, Place};
use crate::authenticate::Authenticator;
use crate::events::Events;
use crate::publish::{Outbox, Records};
use crate::settings::Settings;
use crate::translate::{Incoming, Stamp, incoming};

/// A peer that reads nothing for this long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// Octets that an idle connection's read buffer holds at least; a busy one's grows to
/// [`READ_BUSY`].
const READ_IDLE: usize = 1024;
const READ_BUSY: usize = 64 * 1024;
/// `deliver_sm` without an answer; used once there are deliveries.
const DELIVER_WINDOW: usize = 10;

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
    /// `message-events`.
    pub events: Events,
    /// Cancelled at SIGTERM.
    pub stop: CancellationToken,
}

/// A customer that is bound here.
#[derive(Debug)]
struct Bound {
    account: Arc<Account>,
    pace: Arc<CustomerPace>,
    _place: Place<CustomerId>,
}

/// A request that waits for Kafka.
#[derive(Debug)]
struct Pending {
    id: PartId,
    /// Records of it that have not ended: several for `submit_multi`.
    records: usize,
    status: CommandStatus,
    failed: Option<Vec<Failed>>,
}

type Deciding = Pin<Box<dyn Future<Output = Result<Bound, CommandStatus>> + Send>>;

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
    pending: HashMap<u32, Pending>,
    bound: Option<Bound>,
    deciding: Option<Deciding>,
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
            pending: HashMap::new(),
            bound: None,
            deciding: None,
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
                Woke::Deadline => self.step(Event::Timeout, now),
                Woke::AccountsChanged => self.accounts_changed(now),
                Woke::Stop => {
                    stopping = true;
                    self.step(Event::Shutdown, now);
                }
            }
            if self.write().await.is_err() {
                self.step(Event::Closed, Instant::now());
            }
        }
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
        tokio::select! {
            biased;
            () = self.outbox.inbox.arrived() => Woke::Outcomes,
            read = self.stream.read_buf(&mut self.input) => Woke::Read(read),
            verdict = deciding => Woke::Decided(verdict),
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
            Action::Query { sequence, .. } => {
                self.answer(sequence, CommandStatus::EsmeRqueryfail, Octets::new(), now);
            }
            Action::Cancel { sequence, .. } => {
                self.answer(sequence, CommandStatus::EsmeRcancelfail, Octets::new(), now);
            }
            Action::Replace { sequence, .. } => {
                self.answer(sequence, CommandStatus::EsmeRreplacefail, Octets::new(), now);
            }
            Action::Close(reason) => {
                tracing::debug!(event = "connection_closed", ?reason);
                self.closing = true;
                // Before the last answer is written: who has it may bind again at once.
                self.bound = None;
            }
            // There are no deliveries yet, so none can be answered.
            Action::Delivered { .. } | Action::Unanswered { .. } | Action::NotDelivered { .. } => {}
        }
    }

    fn answer(&mut self, sequence: u32, status: CommandStatus, message_id: Octets, now: Instant) {
        self.session.handle(Event::Answer { sequence, status, message_id }, now);
    }

    fn submit(
        &mut self,
        sequence: u32,
        submit: &Submit,
        now: Instant,
    ) -> Result<(), CommandStatus> {
        let stamp = self.stamp();
        let bound = self.bound.as_ref().ok_or(CommandStatus::EsmeRinvbndsts)?;
        let incoming = incoming(&bound.account, submit, &stamp)?;
        take_pace(bound, 1, now)?;
        self.publish(sequence, &incoming)?;
        let ok = CommandStatus::EsmeRok;
        let pending = Pending { id: stamp.id, records: 1, status: ok, failed: None };
        self.pending.insert(sequence, pending);
        Ok(())
    }

    /// One message for each destination, their ids derived from the one that the customer is
    /// given. Destinations that cannot be are listed in the answer.
    fn submit_multi(
        &mut self,
        sequence: u32,
        multi: &Multi,
        now: Instant,
    ) -> Result<(), CommandStatus> {
        let stamp = self.stamp();
        let bound = self.bound.as_ref().ok_or(CommandStatus::EsmeRinvbndsts)?;
        let mut failed = Vec::new();
        let mut good = Vec::new();
        let mut submit = multi.submit.clone();
        for (index, destination) in multi.destinations.iter().enumerate() {
            let Destination::Address(address) = destination else {
                return Err(CommandStatus::EsmeRinvdlname);
            };
            submit.destination = address.clone();
            let id = if index == 0 { stamp.id } else { stamp.id.derive(&index.to_string()) };
            match incoming(&bound.account, &submit, &Stamp { id, ..stamp }) {
                Ok(incoming) => good.push(incoming),
                Err(status) => {
                    failed.push(Failed { address: address.clone(), status: status.into() });
                }
            }
        }
        take_pace(bound, good.len(), now)?;
        let mut pending = Pending {
            id: stamp.id,
            records: 0,
            status: CommandStatus::EsmeRok,
            failed: Some(failed),
        };
        for incoming in &good {
            match self.publish(sequence, incoming) {
                Ok(()) => pending.records += 1,
                // Some may be on Kafka already: the answer to the whole comes with their outcomes.
                Err(status) => pending.status = status,
            }
        }
        if pending.records == 0 {
            self.finish(sequence, pending, now);
        } else {
            self.pending.insert(sequence, pending);
        }
        Ok(())
    }

    fn publish(&self, sequence: u32, incoming: &Incoming) -> Result<(), CommandStatus> {
        let (topic, key, value) = incoming.record();
        self.outbox
            .publish(sequence, topic, key.as_bytes(), &value)
            .map_err(|_| CommandStatus::EsmeRthrottled)
    }

    fn take_outcomes(&mut self, now: Instant) {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        self.outbox.inbox.take(&mut outcomes);
        for (sequence, outcome) in outcomes.drain(..) {
            let Some(mut pending) = self.pending.remove(&sequence) else { continue };
            pending.records -= 1;
            match outcome {
                Outcome::Stored { .. } => (),
                Outcome::NeverLeft => pending.status = CommandStatus::EsmeRthrottled,
                Outcome::Unknown => pending.status = CommandStatus::EsmeRsyserr,
            }
            if pending.records > 0 {
                self.pending.insert(sequence, pending);
            } else {
                self.finish(sequence, pending, now);
            }
        }
        self.outcomes = outcomes;
        while let Some(action) = self.session.next_action() {
            self.act(action, now);
        }
    }

    fn finish(&mut self, sequence: u32, pending: Pending, now: Instant) {
        let Pending { id, status, failed, .. } = pending;
        if status == CommandStatus::EsmeRok
            && let Some(bound) = &self.bound
        {
            self.node.events.accepted(&bound.account.customer, id, unix_ms());
        }
        let message_id = Octets::from(id.to_string());
        match failed {
            Some(failed) if status == CommandStatus::EsmeRok => {
                self.session.handle(Event::AnswerMulti { sequence, message_id, failed }, now);
            }
            _ => self.answer(sequence, status, message_id, now),
        }
    }

    fn stamp(&self) -> Stamp {
        let now_ms = unix_ms();
        Stamp {
            id: PartId::new(now_ms, std::array::from_fn(|_| fastrand::u8(..))),
            now_ms,
            config: self.accounts.borrow().version,
            validity_max_h: self.node.settings.validity_max_h,
        }
    }

    fn decided(&mut self, verdict: Result<Bound, CommandStatus>, now: Instant) {
        self.deciding = None;
        let verdict = match verdict {
            Err(status) => Verdict::Refused(status),
            Ok(bound) => {
                self.cutter.set_cap(Cutter::BOUND);
                self.unbound = None;
                let window = usize::try_from(bound.account.smpp.window).unwrap_or(usize::MAX);
                tracing::info!(event = "customer_bound", customer = %bound.account.customer);
                self.bound = Some(bound);
                Verdict::Accepted {
                    system_id: Octets::from(self.node.settings.system_id.as_str()),
                    window,
                    deliver_window: DELIVER_WINDOW,
                }
            }
        };
        self.step(Event::BindVerdict(verdict), now);
    }

    /// A bind stays through changes that do not concern it; it ends when its customer is gone or
    /// has another password.
    fn accounts_changed(&mut self, now: Instant) {
        let accounts = self.accounts.borrow_and_update().clone();
        let Some(bound) = &mut self.bound else { return };
        let smpp = &bound.account.smpp;
        let found = accounts.find(&smpp.system_id).filter(|account| {
            account.customer == bound.account.customer
                && account.smpp.password_hash == smpp.password_hash
        });
        match found {
            Some(account) => {
                bound.pace = self.node.admission.pace(&account.customer, &account.smpp, now);
                bound.account = account.clone();
            }
            None => self.step(Event::Shutdown, now),
        }
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

fn take_pace(bound: &Bound, parts: usize, now: Instant) -> Result<(), CommandStatus> {
    if bound.pace.take(parts, now) { Ok(()) } else { Err(CommandStatus::EsmeRthrottled) }
}

/// Whether a bind is accepted. A wrong system_id and a wrong password look the same outside.
fn decide(node: Arc<Node>, bind: Bind, address: IpAddr) -> Deciding {
    Box::pin(async move {
        let system_id = bind.system_id.to_text().into_owned();
        let accounts = node.accounts.borrow().clone();
        let account = accounts.find(&system_id).filter(|account| account.allows_address(address));
        let hash = account.map(|account| account.smpp.password_hash.0.as_str());
        let hash_or_dummy = hash.or(accounts.some_hash()).unwrap_or_default();
        let right = node
            .authenticator
            .check(&system_id, account.is_some(), hash_or_dummy, &bind.password, address)
            .await;
        let Some(account) = account.filter(|_| right) else {
            tracing::info!(event = "bind_refused", reason = "credentials");
            return Err(CommandStatus::EsmeRinvpaswd);
        };
        let Some(place) = node.admission.bind(&account.customer, account.smpp.max_binds) else {
            tracing::info!(event = "bind_refused", reason = "max_binds", customer = %account.customer);
            return Err(CommandStatus::EsmeRalybnd);
        };
        let pace = node.admission.pace(&account.customer, &account.smpp, Instant::now());
        Ok(Bound { account: account.clone(), pace, _place: place })
    })
}
