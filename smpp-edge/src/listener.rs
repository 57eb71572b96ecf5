//! Accepts connections: limits, PROXY header, TLS, then one task for each connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Node};
use crate::proxy;

/// For the PROXY header and the TLS handshake together.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// Listens on `address` until the node stops; connections run as tasks of `tasks`. Returns the
/// address that it listens on.
///
/// # Errors
/// The address is taken.
pub async fn serve(
    node: Arc<Node>,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    tasks: TaskTracker,
) -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    let bound = listener.local_addr()?;
    let spawner = tasks.clone();
    tasks.spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = node.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => admit(&node, stream, peer, tls.clone(), &spawner),
                // Out of descriptors: those that are there must be able to go.
                Err(error) => {
                    tracing::warn!(event = "accept_failed", %error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(bound)
}

fn admit(
    node: &Arc<Node>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    tasks: &TaskTracker,
) {
    if tasks.len() > node.settings.connections_max {
        tracing::warn!(event = "connection_refused", reason = "connections_max");
        return;
    }
    let node = node.clone();
    tasks.spawn(async move {
        if let Err(error) = handshake(node, stream, peer.ip(), tls).await {
            tracing::debug!(event = "handshake_failed", error = format!("{error:#}"));
        }
    });
}

async fn handshake(
    node: Arc<Node>,
    mut stream: TcpStream,
    peer: IpAddr,
    tls: Option<TlsAcceptor>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let deadline = tokio::time::Instant::now() + HANDSHAKE_DEADLINE;
    let address = if node.settings.proxy_protocol {
        tokio::time::timeout_at(deadline, proxy::client_address(&mut stream, peer)).await??
    } else {
        peer
    };
    let Some(place) = node.admission.connect(address, node.settings.unbound_per_address) else {
        tracing::debug!(event = "connection_refused", reason = "unbound_per_address");
        return Ok(());
    };
    match tls {
        None => Connection::new(node, stream, address, place).run().await,
        Some(acceptor) => {
            let stream = tokio::time::timeout_at(deadline, acceptor.accept(stream)).await??;
            Box::pin(Connection::new(node, stream, address, place).run()).await;
        }
    }
    Ok(())
}
