//! The text of a delivery receipt (SMPP 3.4 appendix B), which providers write each in their way:
//! `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`.

use rusmpp::values::MessageState;

use crate::Octets;

/// What a receipt's text says. Dates and error codes are kept as they stand: their form is the
/// provider's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    pub id: Option<Octets>,
    pub sub: Option<u32>,
    pub dlvrd: Option<u32>,
    /// Usually `YYMMDDhhmm` or `YYMMDDhhmmss`, in the provider's time zone.
    pub submit_date: Option<Octets>,
    pub done_date: Option<Octets>,
    pub stat: Option<Octets>,
    pub err: Option<Octets>,
    pub text: Option<Octets>,
}

impl Receipt {
    /// The state that `stat` names, in full or by its usual seven letters, in any case.
    pub fn state(&self) -> Option<MessageState> {
        let beginning = self.stat.as_deref()?.get(..5)?;
        let named = |(name, _): &&(&str, _)| beginning.eq_ignore_ascii_case(name.as_bytes());
        STATES.iter().find(named).map(|(_, state)| *state)
    }
}

/// Reads a receipt's text: any order, any case, `submit date` or `submit_date`; what is missing is
/// `None`. The first mention of a name counts, so that a message's text cannot speak for another
/// field that stands before it.
pub fn parse(text: &Octets) -> Receipt {
    let mut receipt = Receipt::default();
    let mut found = mentions(text);
    found.sort_unstable_by_key(|mention| mention.starts);
    for (index, mention) in found.iter().enumerate() {
        let ends = found.get(index + 1).map_or(text.len(), |next| next.starts);
        let value = text.get(mention.value..ends).unwrap_or_default().trim_ascii();
        let value = (!value.is_empty()).then(|| slice_of(text, value));
        mention.field.set(&mut receipt, value);
    }
    receipt
}

/// Writes a receipt's text in the usual order and form; what is missing is left out.
pub fn write(receipt: &Receipt) -> Octets {
    let mut text = Vec::with_capacity(160);
    let mut put = |name: &str, value: Option<&[u8]>| {
        if let Some(value) = value {
            let gap = if text.is_empty() { "" } else { " " };
            text.extend_from_slice(gap.as_bytes());
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            text.extend_from_slice(value);
        }
    };
    let count = |count: Option<u32>| count.map(|count| format!("{count:03}"));
    put("id", receipt.id.as_deref());
    put("sub", count(receipt.sub).as_deref().map(str::as_bytes));
    put("dlvrd", count(receipt.dlvrd).as_deref().map(str::as_bytes));
    put("submit date", receipt.submit_date.as_deref());
    put("done date", receipt.done_date.as_deref());
    put("stat", receipt.stat.as_deref());
    put("err", receipt.err.as_deref());
    put("text", receipt.text.as_deref());
    text.into()
}

/// Their first five letters, in which all spellings agree.
const STATES: [(&str, MessageState); 10] = [
    ("SCHED", MessageState::Scheduled),
    ("ENROU", MessageState::Enroute),
    ("DELIV", MessageState::Delivered),
    ("EXPIR", MessageState::Expired),
    ("DELET", MessageState::Deleted),
    ("UNDEL", MessageState::Undeliverable),
    ("ACCEP", MessageState::Accepted),
    ("UNKNO", MessageState::Unknown),
    ("REJEC", MessageState::Rejected),
    ("SKIPP", MessageState::Skipped),
];

#[derive(Clone, Copy)]
enum Field {
    Id,
    Sub,
    Dlvrd,
    SubmitDate,
    DoneDate,
    Stat,
    Err,
    Text,
}

/// Names without blanks, underscores and case.
const NAMES: [(&[u8], Field); 8] = [
    (b"id", Field::Id),
    (b"sub", Field::Sub),
    (b"dlvrd", Field::Dlvrd),
    (b"submitdate", Field::SubmitDate),
    (b"donedate", Field::DoneDate),
    (b"stat", Field::Stat),
    (b"err", Field::Err),
    (b"text", Field::Text),
];

/// Where a field's name begins, and where its value does.
struct Mention {
    starts: usize,
    value: usize,
    field: Field,
}

/// The first mention of each name.
fn mentions(text: &[u8]) -> Vec<Mention> {
    let first = |(name, field): &(&[u8], Field)| {
        (0..text.len()).filter(|at| begins_word(text, *at)).find_map(|starts| {
            let value = starts + name_length(text.get(starts..)?, name)?;
            Some(Mention { starts, value, field: *field })
        })
    };
    NAMES.iter().filter_map(first).collect()
}

fn begins_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    before.is_none_or(|octet| !octet.is_ascii_alphanumeric())
}

/// Octets of `name` and its colon at the beginning of `text`, blanks and underscores within
/// included.
fn name_length(text: &[u8], name: &[u8]) -> Option<usize> {
    let mut wanted = name.iter();
    let mut expected = wanted.next();
    for (at, octet) in text.iter().enumerate() {
        match (octet, expected) {
            (b':', None) => return Some(at + 1),
            (b' ' | b'_', _) if at > 0 => {}
            (octet, Some(letter)) if octet.to_ascii_lowercase() == *letter => {
                expected = wanted.next();
            }
            _ => return None,
        }
    }
    None
}

impl Field {
    fn set(self, receipt: &mut Receipt, value: Option<Octets>) {
        let number = |value: Option<Octets>| std::str::from_utf8(&value?).ok()?.parse().ok();
        match self {
            Self::Id => receipt.id = value,
            Self::Sub => receipt.sub = number(value),
            Self::Dlvrd => receipt.dlvrd = number(value),
            Self::SubmitDate => receipt.submit_date = value,
            Self::DoneDate => receipt.done_date = value,
            Self::Stat => receipt.stat = value,
            Self::Err => receipt.err = value,
            Self::Text => receipt.text = value,
        }
    }
}

/// `part` is a part of `whole`: the memory is shared.
fn slice_of(whole: &Octets, part: &[u8]) -> Octets {
    whole.clone().into_bytes().slice_ref(part).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_form_is_read_and_written() {
        let text = "id:0123456789 sub:001 dlvrd:001 submit date:2611211105 \
                    done date:2611211106 stat:DELIVRD err:000 text:hello id:7";
        let receipt = parse(&text.into());
        assert_eq!(receipt.id, Some("0123456789".into()));
        assert_eq!((receipt.sub, receipt.dlvrd), (Some(1), Some(1)));
        assert_eq!(receipt.submit_date, Some("2611211105".into()));
        assert_eq!(receipt.done_date, Some("2611211106".into()));
        assert_eq!(receipt.state(), Some(MessageState::Delivered));
        assert_eq!(receipt.err, Some("000".into()));
        assert_eq!(receipt.text, Some("hello id:7".into()));
        assert_eq!(write(&receipt), text.into());
    }

    #[test]
    fn order_case_and_underscores_do_not_matter_and_fields_may_be_missing() {
        let receipt = parse(&"STAT:undeliv Done_Date:26 Submit_date: 25 ID: ab-1 Text:".into());
        assert_eq!(receipt.state(), Some(MessageState::Undeliverable));
        assert_eq!(receipt.done_date, Some("26".into()));
        assert_eq!(receipt.submit_date, Some("25".into()));
        assert_eq!(receipt.id, Some("ab-1".into()));
        assert_eq!((receipt.text, receipt.sub, receipt.err), (None, None, None));
        assert_eq!(parse(&"hello".into()), Receipt::default());
    }

    #[test]
    fn states_are_known_by_their_short_and_long_names() {
        let cases = [
            ("EXPIRED", Some(MessageState::Expired)),
            ("ACCEPTD", Some(MessageState::Accepted)),
            ("REJECTD", Some(MessageState::Rejected)),
            ("Delivered", Some(MessageState::Delivered)),
            ("UNDELIVERABLE", Some(MessageState::Undeliverable)),
            ("D", None),
            ("LOST", None),
        ];
        for (stat, state) in cases {
            let receipt = Receipt { stat: Some(stat.into()), ..Receipt::default() };
            assert_eq!(receipt.state(), state, "{stat}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _any = parse(&octets.into()).state();
        }

        #[test]
        fn what_is_written_is_read_back(
            id in "[0-9a-zA-Z-]{1,64}", sub in 0u32..1000, err in "[0-9]{3}", text in "[a-z]([a-z ]{0,18}[a-z])?",
        ) {
            let receipt = Receipt {
                id: Some(id.into()), sub: Some(sub), err: Some(err.into()), text: Some(text.into()),
                stat: Some("REJECTD".into()), ..Receipt::default()
            };
            prop_assert_eq!(parse(&write(&receipt)), receipt);
        }
    }
}
