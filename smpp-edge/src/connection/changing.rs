//! `cancel_sm` and `replace_sm` of a bound customer. They count for its rate, as submits do.

use std::time::Instant;

use smpp::pdu::{Cancel, Replace};
use smpp::{CommandStatus, Octets};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use super::submitting::take_pace;
use crate::changes::Request;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) fn cancel(&mut self, sequence: u32, cancel: Cancel, now: Instant) {
        self.change(sequence, Request::Cancel(cancel), now);
    }

    pub(super) fn replace(&mut self, sequence: u32, replace: Replace, now: Instant) {
        self.change(sequence, Request::Replace(replace), now);
    }

    fn change(&mut self, sequence: u32, request: Request, now: Instant) {
        let validity_max_h = self.node.settings.validity_max_h;
        let bound = self.bound.as_ref().ok_or(CommandStatus::EsmeRinvbndsts);
        let asking = bound.and_then(|bound| {
            take_pace(bound, 1, now)?;
            let customer = bound.account.customer.clone();
            self.node.changes.ask(customer, request, validity_max_h)
        });
        match asking {
            Ok(asking) => self.changes.start(sequence, asking),
            Err(status) => self.answer(sequence, status, Octets::new(), now),
        }
    }
}
