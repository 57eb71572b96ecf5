//! The slot's connection: opened while wanted, again and again with growing pauses.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use journal::Event;
use smpp::CommandStatus;
use smpp::session::client::{Action, Event as SessionEvent};
use wire::provider_events::ProviderEvent;
use wire::submit_journal::{Fate, WholeResult};

use super::{Sent, SlotTask};
use crate::bind::Bind;
use crate::translate;

const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// What the provider delivered last gets its answer, and the provider answers our `unbind`: as long
/// as that takes, the slot's next owner may be refused as already bound.
const LEAVE: Duration = Duration::from_secs(3);

type Connecting = Pin<Box<dyn Future<Output = anyhow::Result<Bind>> + Send>>;

/// The connection, or the way to one.
#[derive(Default)]
pub(super) struct Link {
    wanted: bool,
    pub(super) bind: Option<Bind>,
    connecting: Option<Connecting>,
    retry_at: Option<Instant>,
    /// A bind that is left politely is closed then, whatever is still unanswered.
    leave_by: Option<Instant>,
    failures: u32,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("wanted", &self.wanted).field("bind", &self.bind).finish()
    }
}

/// What came of waiting for the link.
pub(super) enum News {
    Connected(anyhow::Result<Box<Bind>>),
    Read(std::io::Result<()>),
}

impl Link {
    /// Waits for the connection or for octets. Cancelling loses nothing.
    pub(super) async fn next(&mut self) -> News {
        if let Some(bind) = &mut self.bind {
            return News::Read(bind.read().await);
        }
        match &mut self.connecting {
            Some(connecting) => News::Connected(connecting.await.map(Box::new)),
            None => std::future::pending().await,
        }
    }

    /// Writes what the session has to say; a connection that is gone closes the session.
    pub(super) async fn write(&mut self, now: Instant) {
        if let Some(bind) = &mut self.bind
            && let Err(error) = bind.write().await
        {
            tracing::info!(event = "bind_lost", %error);
            bind.tell(SessionEvent::Closed, now);
        }
    }

    pub(super) fn room(&self) -> usize {
        self.bind.as_ref().map_or(0, Bind::room)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match &self.bind {
            Some(bind) => [bind.deadline(), self.leave_by].into_iter().flatten().min(),
            None => self.retry_at,
        }
    }

    /// Ends this connection politely; another one follows.
    pub(super) fn reconnect(&mut self, now: Instant) {
        if let Some(bind) = &mut self.bind {
            bind.tell(SessionEvent::Shutdown, now);
        }
    }

    fn pause(&mut self, now: Instant) {
        let pause = PAUSE_MIN.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now + pause.mul_f64(0.5 + fastrand::f64() / 2.0));
    }
}

impl SlotTask {
    pub(super) fn open_bind(&mut self) {
        self.link.wanted = true;
        self.link.failures = 0;
        self.connect();
    }

    /// Sends nothing more. A window that is empty is left politely; else whoever owns the slot
    /// now must not wait, and every part under way is told as unanswered.
    pub(super) fn close_bind(&mut self, now: Instant) {
        self.link.wanted = false;
        self.link.connecting = None;
        self.link.retry_at = None;
        if let Some(bind) = &mut self.link.bind {
            let event =
                if self.sent.is_empty() { SessionEvent::Shutdown } else { SessionEvent::Closed };
            bind.tell(event, now);
            self.link.leave_by = Some(now + LEAVE);
        }
        self.return_intended();
    }

    /// What is intended was never written, and without this bind it is not going to be.
    pub(super) fn return_intended(&mut self) {
        while let Some(part) = self.intended.pop_front() {
            self.ended(part, CommandStatus::EsmeRmsgqful, "");
        }
    }

    fn connect(&mut self) {
        let idle = self.link.bind.is_none() && self.link.connecting.is_none();
        let Some((link, window)) = self.smpp_link().filter(|_| idle && self.link.wanted) else {
            return;
        };
        self.link.retry_at = None;
        self.link.connecting =
            Some(Box::pin(Bind::connect(link, window, self.shared.secrets.clone())));
    }

    pub(super) fn link_news(&mut self, news: News, now: Instant) {
        match news {
            News::Connected(Ok(bind)) => {
                self.link.connecting = None;
                self.link.bind = Some(*bind);
            }
            News::Connected(Err(error)) => {
                let error = format!("{error:#}");
                tracing::warn!(event = "provider_unreachable", slot = self.number, error);
                self.link.connecting = None;
                self.link.pause(now);
            }
            News::Read(read) => {
                if let Some(bind) = &mut self.link.bind {
                    bind.frames(now);
                    if read.is_err() {
                        bind.tell(SessionEvent::Closed, now);
                    }
                }
            }
        }
    }

    /// Carries out what the session asks for, and reconnects when it is time.
    pub(super) fn take_link(&mut self, now: Instant) {
        if self.link.retry_at.is_some_and(|due| due <= now) {
            self.connect();
        }
        if let Some(bind) = &mut self.link.bind
            && bind.deadline().is_some_and(|due| due <= now)
        {
            bind.tell(SessionEvent::Timeout, now);
        }
        if self.link.leave_by.is_some_and(|due| due <= now) {
            self.link.leave_by = None;
            if let Some(bind) = &mut self.link.bind {
                bind.tell(SessionEvent::Closed, now);
            }
        }
        while let Some(action) = self.link.bind.as_mut().and_then(Bind::next_action) {
            self.session_action(action, now);
        }
    }

    fn session_action(&mut self, action: Action, now: Instant) {
        match action {
            Action::Bound { .. } => {
                self.link.failures = 0;
                tracing::info!(event = "provider_bound", slot = self.number);
            }
            Action::BindRefused { status } => {
                let status = smpp::status::name(status);
                tracing::warn!(event = "bind_refused", slot = self.number, %status);
            }
            Action::Answered { token, status, message_id } => {
                let id = message_id.as_ref().map(|id| id.to_text()).unwrap_or_default();
                self.answered(token, status, &id, now);
            }
            Action::Unanswered { token } => {
                if let Some(Sent { part, intent, .. }) = self.sent.remove(&token) {
                    self.planned.machine.handle(Event::Unanswered { part, intent });
                }
            }
            Action::NotSent { token, .. } => {
                if let Some(Sent { part, intent, .. }) = self.sent.remove(&token) {
                    let fate = Fate::Returned;
                    self.planned.machine.handle(Event::Answered {
                        part,
                        intent,
                        fate,
                        result: None,
                    });
                }
            }
            Action::Deliver { sequence, submit } => self.deliver(sequence, &submit, now),
            Action::Close(reason) => {
                tracing::info!(event = "bind_closed", slot = self.number, ?reason);
                self.link.bind = None;
                self.link.leave_by = None;
                self.inbound.bind_gone();
                self.link.pause(now);
            }
        }
    }

    fn answered(&mut self, token: u64, status: CommandStatus, provider_id: &str, now: Instant) {
        let Some(sent) = self.sent.remove(&token) else { return };
        if translate::fate(status) == Fate::Returned {
            tracing::debug!(event = "provider_throttles", slot = self.number);
            self.pacing.throttled(self.observed.per_s, now);
        }
        self.ended(sent, status, provider_id);
    }

    /// Tells the journal how a part's submit ended; `status` is ours where there was no submit.
    pub(super) fn ended(&mut self, sent: Sent, status: CommandStatus, provider_id: &str) {
        let Sent { part, intent, outgoing } = sent;
        let fate = translate::fate(status);
        let at_ms = platform::clock::unix_ms();
        let ids =
            self.planned.plan.as_ref().map(|plan| plan.provider.receipts.ids).unwrap_or_default();
        let result = translate::result(&outgoing, part.part, status, provider_id, &ids, at_ms);
        let result = result.and_then(|result| {
            let key = result.key();
            let whole = WholeResult::of(&ProviderEvent::Result(result)).ok()?;
            Some(whole.with_key(&key))
        });
        self.planned.machine.handle(Event::Answered { part, intent, fate, result });
    }
}
