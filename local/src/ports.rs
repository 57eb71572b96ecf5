//! Which ports of loopback the parts listen on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;

/// Where customers bind.
pub const SMPP: u16 = 2775;
/// Where the simulated provider listens.
pub const SMSC: u16 = 2776;
/// Control port of the simulated provider.
pub const SMSC_CONTROL: u16 = 2777;
/// First broker; each has two.
pub const KAFKA: u16 = 9092;
/// Tables.
pub const STORE: u16 = 8000;
/// Queues.
pub const QUEUES: u16 = 9324;
/// The admin API.
pub const ADMIN: u16 = 8080;
/// First health check of services.
pub const HEALTH: u16 = 8090;

/// How ports are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// The usual ones, which people know.
    Usual,
    /// Counting up.
    From(u16),
    /// Whatever is free.
    Free,
}

impl Ports {
    /// An address for what usually listens on `usual`.
    ///
    /// # Errors
    /// The port is taken.
    pub fn take(&mut self, usual: u16) -> anyhow::Result<SocketAddr> {
        let port = match self {
            Self::Usual => usual,
            Self::From(next) => {
                let port = *next;
                *next = next.checked_add(1).context("no ports are left above --port-base")?;
                port
            }
            Self::Free => 0,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} is taken; see --free-ports and --port-base"))?;
        Ok(listener.local_addr()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Ports::Usual.take(port).unwrap_err().to_string();
        assert!(error.contains(&port.to_string()), "{error}");
        assert!(Ports::Free.take(port).is_ok());
    }
}
