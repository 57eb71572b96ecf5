//! One bind to a provider: the socket on one side, the session on the other.

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::BytesMut;
use domain::config::{BindKind, SmppLink, SmppVersion};
use platform::secrets::Secrets;
use smpp::frame::Cut;
use smpp::pdu::{Bind as BindPdu, BindMode, Submit};
use smpp::session::client::{Action, Client, Event, Settings};
use smpp::{Cutter, Octets};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::tls;

/// TCP, TLS and nothing else.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// A provider that reads nothing for this long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
const READ: usize = 32 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection with its session.
pub struct Bind {
    stream: Pin<Box<dyn Stream>>,
    session: Client,
    cutter: Cutter,
    input: BytesMut,
}

impl std::fmt::Debug for Bind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bind").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Bind {
    /// Connects; the bind PDU is sent by the first [`Bind::write`].
    ///
    /// # Errors
    /// No connection, no TLS, no secret.
    pub async fn connect(link: SmppLink, window: usize, secrets: Secrets) -> anyhow::Result<Self> {
        let password = secrets.get(&link.password_secret)?;
        let settings = session_settings(&link, window, password.expose());
        let stream = tokio::time::timeout(CONNECT_DEADLINE, open(&link, &secrets))
            .await
            .context("no connection in time")??;
        let session =
            Client::new(settings, Instant::now()).context("the bind's fields do not fit")?;
        Ok(Self { stream, session, cutter: Cutter::new(Cutter::BOUND), input: BytesMut::new() })
    }

    /// Waits for octets. Cancelling loses nothing.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn read(&mut self) -> std::io::Result<()> {
        self.input.reserve(READ);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Gives the session what was read.
    pub fn frames(&mut self, now: Instant) {
        loop {
            match self.cutter.cut(&mut self.input) {
                Cut::NeedMore => return,
                Cut::Frame(frame) => self.session.handle(Event::Frame(frame), now),
                Cut::BadLength(_) => return self.session.handle(Event::BadLength, now),
            }
        }
    }

    /// Sends a part; the token comes back exactly once.
    pub fn submit(&mut self, token: u64, submit: Submit, now: Instant) {
        self.session.handle(Event::Submit { token, submit }, now);
    }

    /// Anything else.
    pub fn tell(&mut self, event: Event, now: Instant) {
        self.session.handle(event, now);
    }

    /// What the session asks for.
    pub fn next_action(&mut self) -> Option<Action> {
        self.session.next_action()
    }

    /// Parts that the window lets out.
    #[must_use]
    pub fn room(&self) -> usize {
        self.session.room()
    }

    /// When the session wants [`Event::Timeout`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.session.deadline()
    }

    /// Writes what the session has to say.
    ///
    /// # Errors
    /// The connection is gone; what was to be written may have left in part.
    pub async fn write(&mut self) -> std::io::Result<()> {
        let output = self.session.output();
        if output.is_empty() {
            return Ok(());
        }
        let octets = output.split();
        tokio::time::timeout(WRITE_DEADLINE, self.stream.write_all(&octets)).await??;
        self.stream.flush().await
    }
}

async fn open(link: &SmppLink, secrets: &Secrets) -> anyhow::Result<Pin<Box<dyn Stream>>> {
    let stream = TcpStream::connect((link.host.as_str(), link.port)).await?;
    stream.set_nodelay(true)?;
    let Some(settings) = &link.tls else { return Ok(Box::pin(stream)) };
    let (connector, name) = tls::connector(settings, &link.host, secrets)?;
    Ok(Box::pin(connector.connect(name, stream).await?))
}

fn session_settings(link: &SmppLink, window: usize, password: &str) -> Settings {
    let bind = BindPdu {
        mode: match link.bind {
            BindKind::Transceiver => BindMode::Transceiver,
            BindKind::Transmitter => BindMode::Transmitter,
            BindKind::Receiver => BindMode::Receiver,
        },
        system_id: Octets::from(link.system_id.as_str()),
        password: Octets::from(password),
        system_type: Octets::from(link.system_type.as_str()),
        interface_version: match link.version {
            SmppVersion::V33 => 0x33,
            SmppVersion::V34 => 0x34,
            SmppVersion::V50 => 0x50,
        },
        ..BindPdu::default()
    };
    Settings {
        window,
        enquire_link_interval: Duration::from_secs(link.enquire_link_s.into()),
        response_deadline: Duration::from_secs(link.response_timeout_s.into()),
        ..Settings::new(bind)
    }
}
