//! Names of `command_status` values, both ways (SMPP 3.4 §5.1.3, 5.0 §4.7.6). The values themselves
//! are [`CommandStatus`].

use std::borrow::Cow;

use rusmpp::CommandStatus;

/// The name of a status as the specification writes it; `0x00000400` for one that it does not know
/// (0x400 to 0x4FF are the vendors').
pub fn name(status: CommandStatus) -> Cow<'static, str> {
    let code = u32::from(status);
    match NAMES.binary_search_by_key(&code, |(known, _)| *known) {
        Ok(index) => Cow::Borrowed(NAMES[index].1),
        Err(_) => Cow::Owned(format!("0x{code:08x}")),
    }
}

/// The status with this name, in SMPP 5.0's or 3.4's spelling, or with this number (`0x58`, `88`).
pub fn from_name(name: &str) -> Option<CommandStatus> {
    let named = |(code, known): &(u32, &str)| known.eq_ignore_ascii_case(name).then_some(*code);
    let number = || match name.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => name.parse().ok(),
    };
    NAMES.iter().chain(&OLD_NAMES).find_map(named).or_else(number).map(CommandStatus::from)
}

/// 3.4's names of what 5.0 renamed.
const OLD_NAMES: [(u32, &str); 5] = [
    (0xc0, "ESME_RINVOPTPARSTREAM"),
    (0xc1, "ESME_ROPTPARNOTALLWD"),
    (0xc2, "ESME_RINVPARLEN"),
    (0xc3, "ESME_RMISSINGOPTPARAM"),
    (0xc4, "ESME_RINVOPTPARAMVAL"),
];

/// Sorted by code.
const NAMES: [(u32, &str); 67] = [
    (0x000, "ESME_ROK"),
    (0x001, "ESME_RINVMSGLEN"),
    (0x002, "ESME_RINVCMDLEN"),
    (0x003, "ESME_RINVCMDID"),
    (0x004, "ESME_RINVBNDSTS"),
    (0x005, "ESME_RALYBND"),
    (0x006, "ESME_RINVPRTFLG"),
    (0x007, "ESME_RINVREGDLVFLG"),
    (0x008, "ESME_RSYSERR"),
    (0x00a, "ESME_RINVSRCADR"),
    (0x00b, "ESME_RINVDSTADR"),
    (0x00c, "ESME_RINVMSGID"),
    (0x00d, "ESME_RBINDFAIL"),
    (0x00e, "ESME_RINVPASWD"),
    (0x00f, "ESME_RINVSYSID"),
    (0x011, "ESME_RCANCELFAIL"),
    (0x013, "ESME_RREPLACEFAIL"),
    (0x014, "ESME_RMSGQFUL"),
    (0x015, "ESME_RINVSERTYP"),
    (0x033, "ESME_RINVNUMDESTS"),
    (0x034, "ESME_RINVDLNAME"),
    (0x040, "ESME_RINVDESTFLAG"),
    (0x042, "ESME_RINVSUBREP"),
    (0x043, "ESME_RINVESMCLASS"),
    (0x044, "ESME_RCNTSUBDL"),
    (0x045, "ESME_RSUBMITFAIL"),
    (0x048, "ESME_RINVSRCTON"),
    (0x049, "ESME_RINVSRCNPI"),
    (0x050, "ESME_RINVDSTTON"),
    (0x051, "ESME_RINVDSTNPI"),
    (0x053, "ESME_RINVSYSTYP"),
    (0x054, "ESME_RINVREPFLAG"),
    (0x055, "ESME_RINVNUMMSGS"),
    (0x058, "ESME_RTHROTTLED"),
    (0x061, "ESME_RINVSCHED"),
    (0x062, "ESME_RINVEXPIRY"),
    (0x063, "ESME_RINVDFTMSGID"),
    (0x064, "ESME_RX_T_APPN"),
    (0x065, "ESME_RX_P_APPN"),
    (0x066, "ESME_RX_R_APPN"),
    (0x067, "ESME_RQUERYFAIL"),
    (0x0c0, "ESME_RINVTLVSTREAM"),
    (0x0c1, "ESME_RTLVNOTALLWD"),
    (0x0c2, "ESME_RINVTLVLEN"),
    (0x0c3, "ESME_RMISSINGTLV"),
    (0x0c4, "ESME_RINVTLVVAL"),
    (0x0fe, "ESME_RDELIVERYFAILURE"),
    (0x0ff, "ESME_RUNKNOWNERR"),
    (0x100, "ESME_RSERTYPUNAUTH"),
    (0x101, "ESME_RPROHIBITED"),
    (0x102, "ESME_RSERTYPUNAVAIL"),
    (0x103, "ESME_RSERTYPDENIED"),
    (0x104, "ESME_RINVDCS"),
    (0x105, "ESME_RINVSRCADDRSUBUNIT"),
    (0x106, "ESME_RINVDSTADDRSUBUNIT"),
    (0x107, "ESME_RINVBCASTFREQINT"),
    (0x108, "ESME_RINVBCASTALIAS_NAME"),
    (0x109, "ESME_RINVBCASTAREAFMT"),
    (0x10a, "ESME_RINVNUMBCAST_AREAS"),
    (0x10b, "ESME_RINVBCASTCNTTYPE"),
    (0x10c, "ESME_RINVBCASTMSGCLASS"),
    (0x10d, "ESME_RBCASTFAIL"),
    (0x10e, "ESME_RBCASTQUERYFAIL"),
    (0x10f, "ESME_RBCASTCANCELFAIL"),
    (0x110, "ESME_RINVBCAST_REP"),
    (0x111, "ESME_RINVBCASTSRVGRP"),
    (0x112, "ESME_RINVBCASTCHANIND"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_the_librarys_value_and_leads_back() {
        assert!(NAMES.is_sorted());
        for (code, known) in NAMES {
            let status = CommandStatus::from(code);
            let librarys = format!("{status:?}").to_uppercase();
            assert_eq!(known.replace('_', ""), librarys);
            assert_eq!(name(status), known);
            assert_eq!(from_name(known), Some(status));
        }
    }

    #[test]
    fn old_names_numbers_and_vendors_codes_are_understood() {
        assert_eq!(from_name("ESME_RINVPARLEN"), Some(CommandStatus::EsmeRinvtlvlen));
        assert_eq!(from_name("0x58"), Some(CommandStatus::EsmeRthrottled));
        assert_eq!(from_name("88"), Some(CommandStatus::EsmeRthrottled));
        assert_eq!(from_name("nonsense"), None);
        assert_eq!(name(CommandStatus::Other(0x400)), "0x00000400");
    }
}
