//! A provider's SMSC: accepts binds and submits, behaves as well or as badly as it is told, and
//! counts what arrives.

pub mod behaviour;
mod connection;
mod control;
pub mod delivered;
pub mod deliveries;
pub mod hub;
pub mod ids;
pub mod mo;
mod post;
pub mod receipts;
pub mod record;
pub mod session;
pub mod settings;
pub mod tally;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_rustls::TlsAcceptor;

use self::hub::{Credentials, Hub};
use crate::tls;

/// What the SMSC is started with.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    pub control: Option<SocketAddr>,
    pub credentials: Credentials,
    pub settings: settings::Settings,
    /// Count load messages by the numbers in their texts.
    pub numbers: bool,
    /// A line of JSON per submit.
    pub record: Option<PathBuf>,
    /// Certificate chain and key, both PEM: TLS instead of plain TCP.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// A running SMSC; it stops when this is dropped.
#[derive(Debug)]
pub struct Smsc {
    pub address: SocketAddr,
    pub control: Option<SocketAddr>,
    pub hub: Arc<Hub>,
    tasks: Vec<JoinHandle<()>>,
}

const FLUSH_INTERVAL: Duration = Duration::from_millis(25);
/// After an accept that failed: out of descriptors, most likely.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Binds the ports and serves them. Errors: a port that is taken, a file that cannot be used,
/// settings that cannot be.
pub async fn start(options: Options) -> anyhow::Result<Smsc> {
    let Options { credentials, settings, numbers, record, .. } = options;
    let hub = Arc::new(Hub::new(credentials, settings, numbers, record.as_deref())?);
    let acceptor = options.tls.map(|(chain, key)| tls::acceptor(&chain, &key)).transpose()?;
    let listener = bind(options.listen).await?;
    let address = listener.local_addr()?;
    let mut tasks = vec![tokio::spawn(accept(listener, acceptor, Arc::clone(&hub)))];
    let control = match options.control {
        None => None,
        Some(control) => {
            let listener = bind(control).await?;
            let address = listener.local_addr()?;
            tasks.push(tokio::spawn(control::serve(listener, Arc::clone(&hub))));
            Some(address)
        }
    };
    if record.is_some() {
        tasks.push(tokio::spawn(flush(Arc::clone(&hub))));
    }
    Ok(Smsc { address, control, hub, tasks })
}

impl Drop for Smsc {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.hub.drop_connections();
        self.hub.flush();
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, hub: Arc<Hub>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connect(stream, acceptor.clone(), hub.clone()))),
            Err(_) => sleep(ACCEPT_AGAIN).await,
        }
    }
}

async fn connect(stream: TcpStream, acceptor: Option<TlsAcceptor>, hub: Arc<Hub>) {
    // Slower at worst.
    let _slower = stream.set_nodelay(true);
    match acceptor {
        None => connection::serve(stream, &hub).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                connection::serve(stream, &hub).await;
            }
        }
    }
}

/// The file of records is never more than 50 ms behind.
async fn flush(hub: Arc<Hub>) {
    let mut ticks = interval(FLUSH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        hub.flush();
    }
}
