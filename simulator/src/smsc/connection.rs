//! One connection of the SMSC: moves octets between the socket and the session.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, watch};

use super::{hub::Hub, session::Session, settings::Settings};
use crate::{
    clock::Now,
    socket::{BUSY, Socket, Step, Stream},
};

/// Octets that wait for a peer that does not read; beyond it nothing more is read from that peer.
const OUTPUT_MAX: usize = 1 << 20;
/// How long a peer may take to close after us.
const LINGER: Duration = Duration::from_secs(1);

/// Serves one connection until it ends.
pub(super) async fn serve(stream: impl Stream, hub: &Hub) {
    let mut settings = hub.settings();
    let current = Arc::clone(&settings.borrow_and_update());
    let (bind, session) = hub.session(current, Now::read());
    let mut drops = hub.drops();
    let mut connection = Connection {
        hub,
        bind,
        session,
        settings,
        socket: Socket::new(stream, BUSY),
        joined: false,
        post: None,
    };
    tokio::select! {
        biased;
        _ = drops.changed() => connection.leave(),
        () = connection.run() => {
            connection.leave();
            connection.socket.close(LINGER).await;
        }
    }
}

struct Connection<'a, S> {
    hub: &'a Hub,
    bind: u64,
    session: Session,
    settings: watch::Receiver<Arc<Settings>>,
    socket: Socket<S>,
    joined: bool,
    /// Notified when there is something to deliver; `None`: does not receive.
    post: Option<Arc<Notify>>,
}

impl<S: Stream> Connection<'_, S> {
    async fn run(&mut self) {
        while !(self.session.is_closing() && self.session.output().is_empty()) {
            let reads = !self.session.is_closing() && self.session.output().len() < OUTPUT_MAX;
            let deadline = self.session.deadline();
            let step = tokio::select! {
                biased;
                () = notified(self.post.as_deref()) => None,
                step = self.socket.step(self.session.output(), reads, deadline) => Some(step),
            };
            match step {
                Some(Step::Wrote) => {}
                Some(Step::Closed) => return,
                Some(Step::Read) => self.read(Now::read()),
                Some(Step::Deadline) => self.tick(Now::read()),
                None => self.deliver(Now::read()),
            }
        }
    }

    fn read(&mut self, now: Now) {
        if self.settings.has_changed().unwrap_or(false) {
            self.session.set(Arc::clone(&self.settings.borrow_and_update()), now);
        }
        self.session.read(self.socket.input(), now, self.hub);
        if let Some(system_id) = self.session.system_id().filter(|_| !self.joined) {
            self.hub.joined(self.bind, system_id);
            self.joined = true;
            self.post = self.session.receives().then(|| self.hub.receives(self.bind));
        }
        self.hub.note(self.bind, self.session.taken(), now);
    }

    fn deliver(&mut self, now: Now) {
        for delivery in self.hub.take_post(self.bind) {
            self.session.deliver(delivery);
        }
        self.tick(now);
    }

    fn tick(&mut self, now: Now) {
        self.session.tick(now);
        self.hub.note(self.bind, self.session.taken(), now);
    }

    fn leave(&mut self) {
        let now = Now::read();
        let left = self.session.take_deliveries(now);
        self.hub.note(self.bind, self.session.taken(), now);
        self.hub.give_back(self.bind, left);
        if let Some(system_id) = self.session.system_id() {
            self.hub.left(self.bind, system_id);
        }
    }
}

async fn notified(post: Option<&Notify>) {
    match post {
        Some(post) => post.notified().await,
        None => std::future::pending().await,
    }
}
