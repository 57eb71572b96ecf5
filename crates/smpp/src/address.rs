//! What an address may look like for its type of number (SMPP 3.4 §5.2.5–§5.2.9, GSM 03.40
//! §9.1.2.5): pure checks, each with the status to answer.

use rusmpp::CommandStatus;

use crate::pdu::{Address, Npi, Ton};

/// Octets of an address in a `submit_sm`, without NUL.
pub const LENGTH_MAX: usize = 20;
/// Characters of an alphanumeric sender (ten octets of packed septets).
pub const ALPHANUMERIC_MAX: usize = 11;

/// Whether this can be a source. An empty one is legal: the SMSC has a default (SMPP 3.4 §4.4.1).
///
/// Errors: `ESME_RINVSRCTON`, `ESME_RINVSRCNPI`, `ESME_RINVSRCADR`.
pub fn check_source(source: &Address) -> Result<(), CommandStatus> {
    ensure(is_ton(source.ton), CommandStatus::EsmeRinvsrcton)?;
    ensure(is_npi(source.npi), CommandStatus::EsmeRinvsrcnpi)?;
    let addr = &source.addr[..];
    let legal = addr.is_empty()
        || match source.ton {
            Ton::Alphanumeric => addr.len() <= ALPHANUMERIC_MAX && is_printable(addr),
            // Many clients leave the type of an alphanumeric sender at unknown.
            Ton::Unknown | Ton::NetworkSpecific | Ton::Abbreviated => is_printable(addr),
            _ => is_number(addr),
        };
    ensure(legal && addr.len() <= LENGTH_MAX, CommandStatus::EsmeRinvsrcadr)
}

/// Whether this can be a destination: a number, or a short code.
///
/// Errors: `ESME_RINVDSTTON`, `ESME_RINVDSTNPI`, `ESME_RINVDSTADR`.
pub fn check_destination(destination: &Address) -> Result<(), CommandStatus> {
    let ton = destination.ton;
    ensure(is_ton(ton) && ton != Ton::Alphanumeric, CommandStatus::EsmeRinvdstton)?;
    ensure(is_npi(destination.npi), CommandStatus::EsmeRinvdstnpi)?;
    let addr = &destination.addr[..];
    let legal = match ton {
        Ton::NetworkSpecific | Ton::Abbreviated | Ton::Unknown => is_dialled(addr),
        _ => is_number(addr),
    };
    ensure(legal && addr.len() <= LENGTH_MAX, CommandStatus::EsmeRinvdstadr)
}

fn ensure(legal: bool, status: CommandStatus) -> Result<(), CommandStatus> {
    if legal { Ok(()) } else { Err(status) }
}

const fn is_ton(ton: Ton) -> bool {
    !matches!(ton, Ton::Other(_))
}

const fn is_npi(npi: Npi) -> bool {
    !matches!(npi, Npi::Other(_))
}

/// Digits, with a plus before them at most.
fn is_number(addr: &[u8]) -> bool {
    let digits = addr.strip_prefix(b"+").unwrap_or(addr);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// What can be dialled: a number, or digits with `*` and `#`.
fn is_dialled(addr: &[u8]) -> bool {
    let code = addr.strip_prefix(b"+").unwrap_or(addr);
    !code.is_empty() && code.iter().all(|octet| matches!(octet, b'0'..=b'9' | b'*' | b'#'))
}

fn is_printable(addr: &[u8]) -> bool {
    addr.iter().all(|octet| matches!(octet, 0x20..=0x7e | 0xa0..))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE_BAD: Result<(), CommandStatus> = Err(CommandStatus::EsmeRinvsrcadr);
    const DESTINATION_BAD: Result<(), CommandStatus> = Err(CommandStatus::EsmeRinvdstadr);

    fn address(ton: u8, npi: u8, addr: &str) -> Address {
        Address { ton: ton.into(), npi: npi.into(), addr: addr.into() }
    }

    #[test]
    fn sources_by_type_of_number() {
        let cases = [
            (5, 0, "Example Ltd", Ok(())),
            (5, 0, "Example Ltd.", SOURCE_BAD),
            (5, 0, "line\nfeed", SOURCE_BAD),
            (1, 1, "491701234567", Ok(())),
            (1, 1, "+491701234567", Ok(())),
            (1, 1, "Example", SOURCE_BAD),
            (1, 1, "+", SOURCE_BAD),
            (0, 0, "Example", Ok(())),
            (0, 0, "", Ok(())),
            (3, 9, "81234", Ok(())),
            (0, 0, "123456789012345678901", SOURCE_BAD),
            (7, 1, "1", Err(CommandStatus::EsmeRinvsrcton)),
            (1, 2, "1", Err(CommandStatus::EsmeRinvsrcnpi)),
        ];
        for (ton, npi, addr, expected) in cases {
            assert_eq!(check_source(&address(ton, npi, addr)), expected, "{ton} {npi} {addr}");
        }
    }

    #[test]
    fn destinations_by_type_of_number() {
        let cases = [
            (1, 1, "491701234567", Ok(())),
            (0, 0, "*100#", Ok(())),
            (6, 0, "333", Ok(())),
            (1, 1, "*100#", DESTINATION_BAD),
            (1, 1, "", DESTINATION_BAD),
            (0, 0, "Example", DESTINATION_BAD),
            (1, 1, "123456789012345678901", DESTINATION_BAD),
            (5, 0, "Example", Err(CommandStatus::EsmeRinvdstton)),
            (9, 0, "1", Err(CommandStatus::EsmeRinvdstton)),
            (1, 5, "1", Err(CommandStatus::EsmeRinvdstnpi)),
        ];
        for (ton, npi, addr, expected) in cases {
            assert_eq!(check_destination(&address(ton, npi, addr)), expected, "{ton} {npi} {addr}");
        }
    }
}
