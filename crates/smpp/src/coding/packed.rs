//! Septets packed into octets (3GPP TS 23.038 §6.1.2.1), with the fill bits that let the text begin
//! on a septet after a user data header (TS 23.040 §9.2.3.24).

/// Bits between a user data header of so many octets (its length octet included) and the text.
pub const fn fill_bits(header_octets: usize) -> u8 {
    // Below 7.
    ((7 - header_octets * 8 % 7) % 7) as u8
}

/// How many septets so many octets hold after the fill bits.
pub const fn capacity(octets: usize, fill_bits: u8) -> usize {
    (octets * 8).saturating_sub(fill_bits as usize) / 7
}

/// Packs septets (bit 7 of each octet is ignored), beginning with `fill_bits` (0 to 6) zero bits.
pub fn pack(septets: &[u8], fill_bits: u8) -> Vec<u8> {
    let mut packed = Vec::with_capacity(septets.len() * 7 / 8 + 1);
    let mut bits = u32::from(fill_bits);
    let mut pending = 0u32;
    for septet in septets {
        pending |= u32::from(septet & 0x7f) << bits;
        bits += 7;
        while bits >= 8 {
            packed.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 && !septets.is_empty() {
        packed.push(pending as u8);
    }
    packed
}

/// Unpacks at most `count` septets; fewer if the octets hold fewer. The count is needed because
/// seven spare bits look like one more `@`.
pub fn unpack(packed: &[u8], fill_bits: u8, count: usize) -> Vec<u8> {
    let count = count.min(capacity(packed.len(), fill_bits));
    let septet = |index: usize| {
        let bit = index * 7 + usize::from(fill_bits);
        let octet = |at: usize| u16::from(packed.get(at).copied().unwrap_or(0));
        let pair = octet(bit / 8) | octet(bit / 8 + 1) << 8;
        (pair >> (bit % 8)) as u8 & 0x7f
    };
    (0..count).map(septet).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hellohello_packs_as_in_the_textbooks() {
        let packed = [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37];
        assert_eq!(pack(b"hellohello", 0), packed);
        assert_eq!(unpack(&packed, 0, 10), b"hellohello");
    }

    #[test]
    fn after_a_concatenation_header_text_begins_on_a_septet() {
        assert_eq!(fill_bits(6), 1);
        assert_eq!(fill_bits(7), 0);
        assert_eq!(capacity(140 - 6, fill_bits(6)), 153);
        assert_eq!(capacity(140, 0), 160);
        assert_eq!(pack(b"a", 1), [0xc2]);
    }

    proptest! {
        #[test]
        fn packing_and_unpacking_is_the_identity(
            septets in prop::collection::vec(0u8..128, 0..200),
            fill in 0u8..7,
        ) {
            let packed = pack(&septets, fill);
            prop_assert!(capacity(packed.len(), fill) >= septets.len());
            prop_assert_eq!(unpack(&packed, fill, septets.len()), septets);
        }

        #[test]
        fn any_octets_unpack(octets in prop::collection::vec(any::<u8>(), 0..50), count: usize) {
            for fill in 0..7 {
                prop_assert!(unpack(&octets, fill, count).len() <= capacity(octets.len(), fill));
            }
        }
    }
}
