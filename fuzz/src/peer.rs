//! What both sides' scripts share: frames of a peer that keeps no rules, and the account of its
//! requests, each of which is to be answered once.

use arbitrary::Arbitrary;
use bytes::{Bytes, BytesMut};
use smpp::{
    CommandId, CommandStatus, Cutter, Frame, Header, Pdu,
    frame::{Cut, HEADER_LEN},
    pdu::{
        self, Bind, BindMode, BindResp, Cancel, Destination, Multi, MultiResp, Outbind, Query,
        QueryResp, Replace,
    },
    session::SEQUENCE_MAX,
};

/// A frame from the peer.
#[derive(Arbitrary, Debug)]
pub(crate) struct Incoming {
    command: u8,
    sequence: Sequence,
    status: u8,
    body: Body,
}

#[derive(Arbitrary, Debug)]
enum Sequence {
    /// Few, so that they meet.
    Small(u8),
    /// One of ours: an answer, perhaps.
    Ours(u8),
    Edge(u8),
}

#[derive(Arbitrary, Debug)]
enum Body {
    /// As it should be; for binds, with this interface version.
    Usual(u8),
    Raw(Vec<u8>),
}

const COMMANDS: [CommandId; 31] = [
    CommandId::BindTransceiver,
    CommandId::BindTransmitter,
    CommandId::BindReceiver,
    CommandId::BindTransceiverResp,
    CommandId::BindTransmitterResp,
    CommandId::BindReceiverResp,
    CommandId::Outbind,
    CommandId::Unbind,
    CommandId::UnbindResp,
    CommandId::EnquireLink,
    CommandId::EnquireLinkResp,
    CommandId::GenericNack,
    CommandId::SubmitSm,
    CommandId::SubmitSmResp,
    CommandId::SubmitMulti,
    CommandId::SubmitMultiResp,
    CommandId::DeliverSm,
    CommandId::DeliverSmResp,
    CommandId::DataSm,
    CommandId::DataSmResp,
    CommandId::QuerySm,
    CommandId::QuerySmResp,
    CommandId::CancelSm,
    CommandId::CancelSmResp,
    CommandId::ReplaceSm,
    CommandId::ReplaceSmResp,
    CommandId::AlertNotification,
    CommandId::BroadcastSm,
    CommandId::BroadcastSmResp,
    CommandId::Other(0x1234),
    CommandId::Other(0x8000_1234),
];

impl Incoming {
    /// `ours`: sequence numbers of our requests.
    pub(crate) fn frame(self, ours: &[u32]) -> Frame {
        let id = COMMANDS[usize::from(self.command) % COMMANDS.len()];
        let sequence = match self.sequence {
            Sequence::Small(sequence) => u32::from(sequence % 16),
            Sequence::Ours(nth) => ours.iter().rev().nth(nth.into()).copied().unwrap_or(1),
            Sequence::Edge(which) => {
                [0, SEQUENCE_MAX, SEQUENCE_MAX + 1, u32::MAX][usize::from(which % 4)]
            }
        };
        let body = match self.body {
            Body::Usual(version) => usual(id, version),
            Body::Raw(octets) => octets.into(),
        };
        let length = (HEADER_LEN + body.len()) as u32;
        Frame { header: Header { length, id, status: self.status.into(), sequence }, body }
    }
}

fn usual(id: CommandId, interface_version: u8) -> Bytes {
    let bind = |mode| Pdu::Bind(Bind { mode, interface_version, ..Bind::default() });
    let bound = |mode| Pdu::BindResp(BindResp { mode, ..BindResp::default() });
    let pdu = match id {
        CommandId::BindTransceiver => bind(BindMode::Transceiver),
        CommandId::BindTransmitter => bind(BindMode::Transmitter),
        CommandId::BindReceiver => bind(BindMode::Receiver),
        CommandId::BindTransceiverResp => bound(BindMode::Transceiver),
        CommandId::BindTransmitterResp => bound(BindMode::Transmitter),
        CommandId::BindReceiverResp => bound(BindMode::Receiver),
        CommandId::Outbind => Pdu::Outbind(Outbind::default()),
        CommandId::SubmitSm => Pdu::SubmitSm(Default::default()),
        CommandId::SubmitSmResp => Pdu::SubmitSmResp(Some("id".into())),
        CommandId::SubmitMulti => {
            let destinations = vec![Destination::DistributionList("list".into())];
            Pdu::SubmitMulti(Multi { destinations, ..Multi::default() })
        }
        CommandId::SubmitMultiResp => Pdu::SubmitMultiResp(MultiResp::default()),
        CommandId::DeliverSm => Pdu::DeliverSm(Default::default()),
        CommandId::DataSm => Pdu::DataSm(Default::default()),
        CommandId::QuerySm => Pdu::QuerySm(Query::default()),
        CommandId::QuerySmResp => Pdu::QuerySmResp(Some(QueryResp::default())),
        CommandId::CancelSm => Pdu::CancelSm(Cancel::default()),
        CommandId::ReplaceSm => Pdu::ReplaceSm(Replace::default()),
        CommandId::AlertNotification => Pdu::AlertNotification(Default::default()),
        _ => return Bytes::new(),
    };
    let mut wire = BytesMut::new();
    pdu::encode(&mut wire, CommandStatus::EsmeRok, 1, &pdu).expect("a usual PDU fits");
    wire.split_off(HEADER_LEN).freeze()
}

/// Everything that a session wrote: whole PDUs that can be read.
pub(crate) fn written(output: &mut BytesMut) -> Vec<Header> {
    let mut headers = Vec::new();
    while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(output) {
        assert!(pdu::decode(&frame).is_ok(), "{:?} cannot be read", frame.header);
        headers.push(frame.header);
    }
    assert!(output.is_empty(), "only whole PDUs are written");
    headers
}

/// The peer's requests that have no answer yet.
#[derive(Debug, Default)]
pub(crate) struct Requests(Vec<Request>);

#[derive(Debug)]
struct Request {
    sequence: u32,
    id: CommandId,
    /// The shell has it and owes the answer.
    held: bool,
}

impl Requests {
    /// A frame comes in; `alert_notification` is never answered, `outbind` only when refused.
    pub(crate) fn came(&mut self, header: &Header) {
        let (id, sequence) = (header.id, header.sequence);
        if !id.is_response() && id != CommandId::AlertNotification {
            self.0.push(Request { sequence, id, held: false });
        }
    }

    /// The session gave the shell the request that just came.
    pub(crate) fn handed(&mut self, sequence: u32) {
        let twice = self.0.iter().any(|request| request.held && request.sequence == sequence);
        assert!(!twice, "the shell cannot tell two requests {sequence} apart");
        let last = self.0.last_mut().expect("only what came is handed on");
        assert_eq!(last.sequence, sequence);
        last.held = true;
    }

    /// The session wrote a response; a request that is held is not answered by the refusal of a
    /// later one with its number.
    pub(crate) fn answered(&mut self, answer: &Header) {
        let fits = |request: &Request| {
            request.sequence == answer.sequence
                && (answer.id == CommandId::GenericNack
                    || answer.id == request.id.matching_response())
        };
        let place = self.0.iter().rposition(fits);
        self.0.remove(place.unwrap_or_else(|| unreachable!("answers nothing: {answer:?}")));
    }

    pub(crate) fn is_held(&self, sequence: u32) -> bool {
        self.held().any(|request| request.sequence == sequence)
    }

    pub(crate) fn nth_held(&self, nth: u8) -> Option<u32> {
        self.held().nth(nth.into()).map(|request| request.sequence)
    }

    pub(crate) fn held_count(&self) -> usize {
        self.held().count()
    }

    /// After every event: what is not held was answered at once. Only the peer's `unbind` waits.
    pub(crate) fn settle(&mut self, binding: bool) {
        self.0.retain(|request| request.id != CommandId::Outbind);
        let waits = |id| self.0.iter().filter(|request| !request.held && request.id == id).count();
        let binds =
            [CommandId::BindTransceiver, CommandId::BindTransmitter, CommandId::BindReceiver];
        let (unbinds, binds) = (waits(CommandId::Unbind), binds.map(waits).iter().sum::<usize>());
        assert!(unbinds <= 1);
        assert_eq!(binds, usize::from(binding), "a bind waits for its verdict");
        let all = self.held_count() + unbinds + binds;
        assert_eq!(self.0.len(), all, "a request is answered or held: {self:?}");
    }

    fn held(&self) -> impl Iterator<Item = &Request> {
        self.0.iter().filter(|request| request.held)
    }
}
