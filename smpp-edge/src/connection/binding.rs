//! Who a connection belongs to: the bind and its verdict, and what a new configuration does to it.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use domain::id::CustomerId;
use smpp::pdu::{Bind, BindMode};
use smpp::session::server::{Event, Verdict};
use smpp::{CommandStatus, Cutter, Octets};
use tokio::io::{AsyncRead, AsyncWrite};

use super::delivering::Delivering;
use super::{Connection, Node};
use crate::accounts::Account;
use crate::admission::{CustomerPace, Place};

/// A customer that is bound here.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) account: Arc<Account>,
    pub(super) pace: Arc<CustomerPace>,
    mode: BindMode,
    /// Interface version.
    version: u8,
    _place: Place<CustomerId>,
}

/// A bind on its way to its verdict.
pub(super) type Deciding = Pin<Box<dyn Future<Output = Result<Bound, CommandStatus>> + Send>>;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) fn decided(&mut self, verdict: Result<Bound, CommandStatus>, now: Instant) {
        self.deciding = None;
        let verdict = match verdict {
            Err(status) => Verdict::Refused(status),
            Ok(bound) => {
                self.cutter.set_cap(Cutter::BOUND);
                self.unbound = None;
                let smpp = &bound.account.smpp;
                let window = usize::try_from(smpp.window).unwrap_or(usize::MAX);
                let deliver_window = usize::try_from(smpp.deliver_window).unwrap_or(1);
                if bound.mode != BindMode::Transmitter {
                    let customer = bound.account.customer.clone();
                    let receiving = self.node.deliveries.receive(customer, deliver_window);
                    self.delivering = Some(Delivering::new(receiving, bound.version));
                }
                tracing::info!(event = "customer_bound", customer = %bound.account.customer);
                self.bound = Some(bound);
                Verdict::Accepted {
                    system_id: Octets::from(self.node.settings.system_id.as_str()),
                    window,
                    deliver_window,
                }
            }
        };
        self.step(Event::BindVerdict(verdict), now);
    }

    /// A bind stays through changes that do not concern it; it ends when its customer is gone or
    /// has another password.
    pub(super) fn accounts_changed(&mut self, now: Instant) {
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
}

/// Whether a bind is accepted. A wrong system_id and a wrong password look the same outside.
pub(super) fn decide(node: Arc<Node>, bind: Bind, address: IpAddr) -> Deciding {
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
        let (mode, version) = (bind.mode, bind.interface_version);
        Ok(Bound { account: account.clone(), pace, mode, version, _place: place })
    })
}
