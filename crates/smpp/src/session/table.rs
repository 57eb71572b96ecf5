//! Which requests a peer may send in which state: one pure table (SMPP 3.4 §2.3, 5.0 §2.4). The
//! matrix itself is `rusmpp`'s; what to answer is here.

use rusmpp::{CommandId, CommandStatus, session::SessionState};

use super::window::SEQUENCE_MAX;
use crate::pdu::BindMode;

/// Who sent the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An ESME, bound to us.
    Customer,
    /// An SMSC, that we are bound to.
    Provider,
}

/// The status to refuse a request with in this state, or `None` if it is legal.
///
/// `ESME_RINVCMDID`: unknown, or not supported (broadcast). `ESME_RALYBND`: a bind in a bound
/// session. `ESME_RINVBNDSTS`: anything else out of place.
pub fn refusal(peer: Peer, state: SessionState, id: CommandId) -> Option<CommandStatus> {
    if !is_supported(id) {
        return Some(CommandStatus::EsmeRinvcmdid);
    }
    let legal = match peer {
        Peer::Customer => state.can_send_as_esme(id),
        Peer::Provider => state.can_send_as_mc(id),
    };
    match id {
        _ if legal => None,
        id if is_bind(id) && peer == Peer::Customer && state.is_bound() => {
            Some(CommandStatus::EsmeRalybnd)
        }
        _ => Some(CommandStatus::EsmeRinvbndsts),
    }
}

/// The general failure of a request, for one whose sequence number is out of range or belongs to a
/// request that still waits: the specification has no status for that (SMPP 3.4 §3.2.1.4).
pub(super) const fn general_failure(id: CommandId) -> CommandStatus {
    match id {
        CommandId::QuerySm => CommandStatus::EsmeRqueryfail,
        CommandId::CancelSm => CommandStatus::EsmeRcancelfail,
        CommandId::ReplaceSm => CommandStatus::EsmeRreplacefail,
        CommandId::BindTransmitter | CommandId::BindReceiver | CommandId::BindTransceiver => {
            CommandStatus::EsmeRbindfail
        }
        CommandId::DeliverSm => CommandStatus::EsmeRxTAppn,
        _ => CommandStatus::EsmeRsubmitfail,
    }
}

pub(super) const fn is_sequence(sequence: u32) -> bool {
    matches!(sequence, 1..=SEQUENCE_MAX)
}

pub(super) const fn bound(mode: BindMode) -> SessionState {
    match mode {
        BindMode::Transmitter => SessionState::BoundTx,
        BindMode::Receiver => SessionState::BoundRx,
        BindMode::Transceiver => SessionState::BoundTrx,
    }
}

/// The customer can be sent messages, or sends us some.
pub(super) const fn receives(state: SessionState) -> bool {
    matches!(state, SessionState::BoundRx | SessionState::BoundTrx)
}

pub(super) const fn transmits(state: SessionState) -> bool {
    matches!(state, SessionState::BoundTx | SessionState::BoundTrx)
}

pub(super) const fn is_bind(id: CommandId) -> bool {
    matches!(id, CommandId::BindTransmitter | CommandId::BindReceiver | CommandId::BindTransceiver)
}

const fn is_supported(id: CommandId) -> bool {
    !matches!(
        id,
        CommandId::BroadcastSm
            | CommandId::QueryBroadcastSm
            | CommandId::CancelBroadcastSm
            | CommandId::Other(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [SessionState; 7] = [
        SessionState::Closed,
        SessionState::Open,
        SessionState::Outbound,
        SessionState::BoundTx,
        SessionState::BoundRx,
        SessionState::BoundTrx,
        SessionState::Unbound,
    ];

    const BINDS: [CommandId; 3] =
        [CommandId::BindReceiver, CommandId::BindTransmitter, CommandId::BindTransceiver];

    /// Request, then the states in which a customer may send it, then those in which a provider
    /// may: O open, B outbound, T, R, X bound as transmitter, receiver, transceiver, U unbound.
    const MATRIX: [(CommandId, &str, &str); 17] = [
        (CommandId::BindReceiver, "OB", ""),
        (CommandId::BindTransmitter, "OB", ""),
        (CommandId::BindTransceiver, "OB", ""),
        (CommandId::Outbind, "", "O"),
        (CommandId::Unbind, "TRX", "TRX"),
        (CommandId::EnquireLink, "OBTRXU", "OBTRXU"),
        (CommandId::SubmitSm, "TX", ""),
        (CommandId::SubmitMulti, "TX", ""),
        (CommandId::DataSm, "TX", "RX"),
        (CommandId::DeliverSm, "", "RX"),
        (CommandId::QuerySm, "TX", ""),
        (CommandId::CancelSm, "TX", ""),
        (CommandId::ReplaceSm, "TX", ""),
        (CommandId::AlertNotification, "", "RX"),
        (CommandId::BroadcastSm, "", ""),
        (CommandId::QueryBroadcastSm, "", ""),
        (CommandId::CancelBroadcastSm, "", ""),
    ];

    #[test]
    fn every_command_in_every_state_from_either_peer() {
        for (id, customer, provider) in MATRIX {
            for (state, letter) in STATES.into_iter().zip("COBTRXU".chars()) {
                for (peer, legal) in [(Peer::Customer, customer), (Peer::Provider, provider)] {
                    let refused = refusal(peer, state, id);
                    let case = format!("{peer:?} {state:?} {id:?}");
                    assert_eq!(refused.is_none(), legal.contains(letter), "{case}");
                    let Some(status) = refused else { continue };
                    let rebind = BINDS.contains(&id) && peer == Peer::Customer && state.is_bound();
                    let expected = match id {
                        _ if rebind => CommandStatus::EsmeRalybnd,
                        id if !is_supported(id) => CommandStatus::EsmeRinvcmdid,
                        _ => CommandStatus::EsmeRinvbndsts,
                    };
                    assert_eq!(status, expected, "{case}");
                }
            }
        }
    }

    #[test]
    fn an_unknown_command_is_unknown_in_every_state() {
        for state in STATES {
            let refused = refusal(Peer::Customer, state, CommandId::Other(0x1234));
            assert_eq!(refused, Some(CommandStatus::EsmeRinvcmdid));
        }
    }

    #[test]
    fn sequence_numbers_are_1_to_7fffffff() {
        let cases = [(0, false), (1, true), (SEQUENCE_MAX, true), (1 << 31, false), (!0, false)];
        for (sequence, legal) in cases {
            assert_eq!(is_sequence(sequence), legal, "{sequence}");
        }
    }
}
