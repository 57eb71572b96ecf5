//! What every customer of ours does: connect, bind, answer what the other side asks, unbind.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use bytes::BytesMut;
use smpp::{
    CommandId, CommandStatus, Cutter, Frame, Pdu,
    frame::Cut,
    pdu::{self, Bind, BindMode},
    status,
};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    socket::{Socket, Step, Stream},
    tls,
};

/// Whom to bind to, and as whom.
#[derive(Clone)]
pub struct Account {
    /// `host:port`.
    pub target: String,
    pub tls: Option<TlsConnector>,
    pub system_id: String,
    pub password: String,
    pub mode: BindMode,
}

/// The sequence number of every bind.
pub const BIND_SEQUENCE: u32 = 1;
const ANSWER_TIME: Duration = Duration::from_secs(10);
const UNBIND_TIME: Duration = Duration::from_secs(2);

/// A connection, plain or TLS.
pub type Link = Socket<Box<dyn Stream>>;

impl Account {
    /// Connects, from this address if one is given. Errors: as of the socket, or of TLS; not done
    /// within ten seconds.
    pub async fn connect(&self, from: Option<IpAddr>, octets: usize) -> anyhow::Result<Link> {
        let connected = timeout(ANSWER_TIME, self.connect_at_leisure(from, octets)).await;
        connected.context("connecting took too long")?
    }

    /// The `bind_*` request.
    pub fn bind_request(&self) -> anyhow::Result<BytesMut> {
        let bind = Bind {
            mode: self.mode,
            system_id: (*self.system_id).into(),
            password: (*self.password).into(),
            interface_version: 0x34,
            ..Bind::default()
        };
        let mut request = BytesMut::new();
        pdu::encode(&mut request, CommandStatus::EsmeRok, BIND_SEQUENCE, &Pdu::Bind(bind))
            .context("system_id of 15 and password of 8 octets at most")?;
        Ok(request)
    }

    /// Binds. Errors: refused (by which status), closed, or no answer within ten seconds.
    pub async fn bind(&self, link: &mut Link) -> anyhow::Result<()> {
        let mut output = self.bind_request()?;
        match answer(link, &mut output, ANSWER_TIME, BIND_SEQUENCE).await {
            None => bail!("the bind was not answered"),
            Some(CommandStatus::EsmeRok) => Ok(()),
            Some(refused) => bail!("the bind was refused with {}", status::name(refused)),
        }
    }

    async fn connect_at_leisure(
        &self,
        from: Option<IpAddr>,
        octets: usize,
    ) -> anyhow::Result<Link> {
        let stream = self.connect_tcp(from).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(connector) => {
                let host = self.target.rsplit_once(':').map_or(&*self.target, |(host, _)| host);
                let name = tls::server_name(host.trim_matches(['[', ']']))?;
                Box::new(connector.connect(name, stream).await?)
            }
        };
        Ok(Socket::new(stream, octets))
    }

    /// Tries every address of the target's name.
    async fn connect_tcp(&self, from: Option<IpAddr>) -> anyhow::Result<TcpStream> {
        let mut failure = anyhow!("{} has no address", self.target);
        let addresses = lookup_host(&self.target).await;
        for address in addresses.with_context(|| format!("cannot find {}", self.target))? {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            if let Some(from) = from {
                socket.bind(SocketAddr::new(from, 0))?;
            }
            match socket.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = anyhow!("cannot connect to {address}: {error}"),
            }
        }
        Err(failure)
    }
}

/// Says `unbind`, waits a little for the answer, and closes.
pub async fn unbind(mut link: Link, sequence: u32) {
    let mut output = BytesMut::new();
    if pdu::encode(&mut output, CommandStatus::EsmeRok, sequence, &Pdu::Unbind).is_ok() {
        // Closed or silent: we go in any case.
        let _in_any_case = answer(&mut link, &mut output, UNBIND_TIME, sequence).await;
    }
    link.close(UNBIND_TIME).await;
}

/// What a request of the other side was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A receipt or a message from a handset.
    Delivery,
    /// The other side goes.
    Unbind,
    Other,
}

/// Answers a request of the other side: deliveries with OK.
pub fn answer_request(frame: &Frame, output: &mut BytesMut) -> Asked {
    let (resp, asked) = match frame.header.id {
        CommandId::EnquireLink => (Pdu::EnquireLinkResp, Asked::Other),
        CommandId::DeliverSm => (Pdu::DeliverSmResp, Asked::Delivery),
        CommandId::DataSm => (Pdu::DataSmResp(Some("".into())), Asked::Delivery),
        CommandId::Unbind => (Pdu::UnbindResp, Asked::Unbind),
        _ => {
            pdu::reject(output, &frame.header, CommandStatus::EsmeRinvcmdid);
            return Asked::Other;
        }
    };
    let written = pdu::encode(output, CommandStatus::EsmeRok, frame.header.sequence, &resp);
    debug_assert!(written.is_ok(), "empty fields fit");
    asked
}

/// Writes `output` and reads up to the answer with this sequence number; `None`: closed, or not in
/// time.
async fn answer(
    link: &mut Link,
    output: &mut BytesMut,
    time: Duration,
    sequence: u32,
) -> Option<CommandStatus> {
    let deadline = Instant::now().checked_add(time);
    loop {
        match link.step(output, true, deadline).await {
            Step::Wrote => continue,
            Step::Closed | Step::Deadline => return None,
            Step::Read => {}
        }
        while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(link.input()) {
            if !frame.header.id.is_response() {
                answer_request(&frame, output);
            } else if frame.header.sequence == sequence {
                return Some(frame.header.status.into());
            }
        }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Account").field("target", &self.target).finish_non_exhaustive()
    }
}
