//! PROXY protocol v2 (HAProxy, "The PROXY protocol", section 2.2): the client's address as the
//! load balancer tells it. Expected only when configured; then a connection without it is closed.

use std::io;
use std::net::IpAddr;

use ppp::v2::{Addresses, Command, Header, Version};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Octets before the addresses.
const FIXED: usize = 16;
/// Version 2, command LOCAL.
const LOCAL: u8 = Version::Two as u8 | Command::Local as u8;
/// Addresses and TLVs; the load balancers' are far shorter.
const REST_MAX: usize = 512;

/// Reads the header off the front of the stream. `peer` is who connected: the load balancer itself
/// for its own checks (command LOCAL).
///
/// # Errors
/// There is none, or it is broken.
pub async fn client_address<S: AsyncRead + Unpin>(
    stream: &mut S,
    peer: IpAddr,
) -> io::Result<IpAddr> {
    let mut octets = vec![0; FIXED];
    stream.read_exact(&mut octets).await?;
    let rest = usize::from(u16::from_be_bytes([octets[14], octets[15]]));
    if !octets.starts_with(ppp::v2::PROTOCOL_PREFIX) || rest > REST_MAX {
        return Err(broken());
    }
    octets.resize(FIXED + rest, 0);
    stream.read_exact(&mut octets[FIXED..]).await?;
    parse(&octets, peer)
}

fn parse(octets: &[u8], peer: IpAddr) -> io::Result<IpAddr> {
    // Whatever addresses a LOCAL header has are to be ignored.
    if octets.get(12) == Some(&LOCAL) {
        return Ok(peer);
    }
    match Header::try_from(octets).map_err(|_| broken())?.addresses {
        Addresses::IPv4(addresses) => Ok(addresses.source_address.into()),
        Addresses::IPv6(addresses) => Ok(addresses.source_address.into()),
        _ => Err(broken()),
    }
}

fn broken() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "no PROXY protocol v2 header where one is configured",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn header(command: u8, rest: &[u8]) -> Vec<u8> {
        let mut octets = ppp::v2::PROTOCOL_PREFIX.to_vec();
        octets.extend([0x20 | command, 0x11]);
        octets.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        octets.extend_from_slice(rest);
        octets
    }

    const ADDRESSES: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x0a, 0xd7];

    #[tokio::test]
    async fn the_clients_address_is_told_and_what_follows_stays_in_the_stream() {
        let mut octets = header(1, &ADDRESSES);
        octets.extend_from_slice(b"SMPP");
        let mut stream = octets.as_slice();
        let client = client_address(&mut stream, PEER).await.unwrap();
        assert_eq!(client.to_string(), "192.0.2.7");
        assert_eq!(stream, b"SMPP");
    }

    #[tokio::test]
    async fn the_balancers_own_check_counts_as_its_own_address() {
        let octets = header(0, &[]);
        assert_eq!(client_address(&mut octets.as_slice(), PEER).await.unwrap(), PEER);
    }

    #[tokio::test]
    async fn a_bind_without_header_a_version_1_header_and_broken_ones_are_refused() {
        let bind = [0, 0, 0, 30, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, b'a', b'c', b'm', b'e', 0, 0];
        let v1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 2775\r\n";
        let short = header(1, &ADDRESSES[..5]);
        let mut long = header(1, &ADDRESSES);
        long[14] = 0xff;
        for octets in [&bind[..], v1, &short, &long, &[]] {
            assert!(client_address(&mut &octets[..], PEER).await.is_err());
        }
    }
}
