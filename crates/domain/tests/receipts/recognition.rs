//! What comes from a provider: a receipt or a handset's message.

use domain::config::Recognition;
use domain::receipts::{Signs, is_receipt};

#[test]
fn flags_and_tlvs_tell_and_the_text_only_where_the_settings_let_it() {
    // esm_class, receipt's TLVs, text reads like one: by flags, by text.
    let table = [
        (0x00, false, false, false, false),
        (0x00, false, true, false, true),
        (0x00, true, false, true, true),
        (0x04, false, false, true, true),
        (0x20, false, false, true, true),
        // With mode and reply path.
        (0x87, false, false, true, true),
        (0x44, false, false, true, true),
        (0x03, false, true, false, true),
        // An acknowledgement by the handset is a message, whatever its text.
        (0x08, false, true, false, false),
        (0x10, false, true, false, false),
        (0x18, false, true, false, false),
        // Other types are no receipts, though they share bits with one.
        (0x0c, false, true, false, false),
        (0x24, false, true, false, false),
        // A part of a long message begins with a header, not with a receipt's text.
        (0x40, false, true, false, false),
        (0x40, true, false, true, true),
    ];
    for (esm_class, receipt_tlv, text, by_flags, by_text) in table {
        let signs = Signs { esm_class, receipt_tlv };
        let told = |by| is_receipt(signs, by, || text);
        let found = (told(Recognition::Flags), told(Recognition::Text));
        assert_eq!(found, (by_flags, by_text), "{signs:?} {text}");
    }
}

#[test]
fn the_text_is_not_read_where_it_decides_nothing() {
    let read = || -> bool { panic!("read") };
    let plain = Signs { esm_class: 0, receipt_tlv: false };
    assert!(!is_receipt(plain, Recognition::Flags, read));
    let flagged = Signs { esm_class: 4, receipt_tlv: false };
    assert!(is_receipt(flagged, Recognition::Text, read));
}
