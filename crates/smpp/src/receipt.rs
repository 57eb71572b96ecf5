//! The text of a delivery receipt (SMPP 3.4 appendix B), which providers write each in their way:
//! `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`. The spellings met are listed,
//! each with its source, in `tests/receipts/corpus.json`.

use std::ops::Range;

use rusmpp::values::MessageState;

use crate::{Octets, coding::Coding};

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
    /// The state that `stat` names, in full or by its usual seven letters, in any case. What only
    /// some providers write (`0`, `DLV`, `MI:0024`) is for their settings to tell. `u8::from` gives
    /// its number (SMPP 3.4, section 5.2.28), which is how whoever does not know this crate is told.
    pub fn state(&self) -> Option<MessageState> {
        let stat = self.stat.as_deref()?;
        let word = stat.split(|octet| !octet.is_ascii_alphabetic()).next()?;
        let (beginning, rest) = word.split_at_checked(5)?;
        let named = |(name, _): &&(&str, _)| beginning.eq_ignore_ascii_case(name.as_bytes());
        let (_, state) = STATES.iter().find(named)?;
        // A false "delivered" is the costliest mistake: DELIVRD and DELIVERED, not DELIVERYFAILED.
        let spelled = rest.iter().all(|letter| b"ERD".contains(&letter.to_ascii_uppercase()));
        (*state != MessageState::Delivered || spelled).then_some(*state)
    }
}

/// Reads a receipt's text: any order and case, blanks, line breaks, commas, semicolons or bars
/// between fields, `submit date`, `submit_date` or `submitdate`; what is missing is `None`, and
/// fields of other names are passed over. UTF-16 is read as well; its values are UTF-8.
///
/// A message's text speaks for nothing that the provider wrote, before it or after it: before
/// `text`, the first mention of a name counts; after it only fields that no mention before has
/// named, each once, and only as a run that closes the receipt. Any other mention is the message's.
///
/// Takes time and memory in proportion to the text's length, whatever it says.
pub fn parse(text: &Octets) -> Receipt {
    match utf16(text) {
        Some(narrow) => read(&narrow),
        None => read(text),
    }
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

/// Their first five letters, in which all spellings agree. The last four are no states of SMPP, but
/// mean the same wherever they are used.
const STATES: [(&str, MessageState); 14] = [
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
    ("FAILE", MessageState::Undeliverable),
    ("BUFFE", MessageState::Enroute),
    ("BUFFR", MessageState::Enroute),
    ("ACKED", MessageState::Accepted),
];

#[derive(Clone, Copy, PartialEq, Eq)]
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

const FIELDS: usize = 8;

/// Names in any case; a blank stands for blanks, underscores, hyphens, or nothing. The usual name
/// of a field counts before its other names.
const NAMES: [(&str, Field, bool); 12] = [
    ("id", Field::Id, true),
    ("sub", Field::Sub, true),
    ("dlvrd", Field::Dlvrd, true),
    ("submit date", Field::SubmitDate, true),
    ("done date", Field::DoneDate, true),
    ("stat", Field::Stat, true),
    ("err", Field::Err, true),
    ("text", Field::Text, true),
    ("msg id", Field::Id, false),
    ("message id", Field::Id, false),
    ("submt date", Field::SubmitDate, false),
    ("delivrd", Field::Dlvrd, false),
];

/// Where a field's name begins and where it ends, its colon included.
#[derive(Clone, Copy)]
struct Mention {
    starts: usize,
    ends: usize,
    field: Field,
    usual: bool,
}

fn read(whole: &Octets) -> Receipt {
    let text = unquoted(whole.trim_ascii());
    let mut receipt = Receipt::default();
    let mut written = [None; FIELDS];
    let mut from = 0;
    while let Some(mention) = next_mention(text, from) {
        if mention.field == Field::Text {
            read_from_text(whole, text, mention, &written, &mut receipt);
            break;
        }
        from = mention.ends;
        // Even an empty first mention counts.
        if let Some(seen) = written.get_mut(mention.field as usize)
            && (seen.is_none() || (*seen == Some(false) && mention.usual))
        {
            *seen = Some(mention.usual);
            let value = text.get(value_of(text, mention)).unwrap_or_default();
            mention.field.set(&mut receipt, slice_of(whole, unquoted(value)));
        }
    }
    receipt
}

fn read_from_text(
    whole: &Octets,
    text: &[u8],
    mention: Mention,
    written: &[Option<bool>; FIELDS],
    receipt: &mut Receipt,
) {
    let run = closing_run(text, mention.ends, written);
    let ends = run.first().map_or(text.len(), |first| first.starts);
    let mut excerpt = text.get(mention.ends..ends).unwrap_or_default();
    while let [rest @ .., last] = excerpt
        && (last.is_ascii_whitespace() || *last == 0)
    {
        excerpt = rest;
    }
    receipt.text = slice_of(whole, excerpt.trim_ascii_start());
    for mention in run {
        let value = text.get(value_of(text, mention)).unwrap_or_default();
        mention.field.set(receipt, slice_of(whole, unquoted(value)));
    }
}

/// The fields that close the receipt after a message's text: nothing between them and nothing
/// behind, none of a name mentioned before the text, none twice.
fn closing_run(text: &[u8], from: usize, written: &[Option<bool>; FIELDS]) -> Vec<Mention> {
    let mut run: Vec<Mention> = Vec::new();
    let (mut from, mut reached) = (from, None);
    while let Some(mention) = next_mention(text, from) {
        from = mention.ends;
        // Anything between this field and the one before it: so far it was the message.
        if reached != Some(mention.starts) {
            run.clear();
        }
        let taken = written.get(mention.field as usize).is_none_or(Option::is_some);
        if taken || mention.field == Field::Text {
            run.clear();
            reached = None;
            continue;
        }
        if let Some(earlier) = run.iter().position(|other| other.field == mention.field) {
            run.drain(..=earlier);
        }
        run.push(mention);
        from = value_of(text, mention).end;
        let behind = text.get(from..).unwrap_or_default();
        let between = |octet: &&u8| !octet.is_ascii_graphic() || SEPARATORS.contains(*octet);
        reached = Some(from + behind.iter().take_while(between).count());
    }
    if reached != Some(text.len()) {
        run.clear();
    }
    run
}

fn next_mention(text: &[u8], from: usize) -> Option<Mention> {
    (from..text.len()).find_map(|at| mention_at(text, at))
}

fn mention_at(text: &[u8], at: usize) -> Option<Mention> {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    if before.is_some_and(|octet| octet.is_ascii_alphanumeric() || b"_-.:/+@".contains(octet)) {
        return None;
    }
    let rest = text.get(at..)?;
    NAMES.iter().find_map(|(name, field, usual)| {
        let ends = at + name_length(rest, name)?;
        Some(Mention { starts: at, ends, field: *field, usual: *usual })
    })
}

/// Octets of `name` and its colon at the beginning of `text`.
fn name_length(text: &[u8], name: &str) -> Option<usize> {
    let mut rest = text;
    for letter in name.bytes() {
        if letter == b' ' {
            rest = after_gap(rest);
        } else {
            let (first, behind) = rest.split_first()?;
            rest = first.eq_ignore_ascii_case(&letter).then_some(behind)?;
        }
    }
    let behind = after_gap(rest).strip_prefix(b":")?;
    Some(text.len() - behind.len())
}

fn after_gap(text: &[u8]) -> &[u8] {
    let within = |octet: &u8| octet.is_ascii_whitespace() || matches!(octet, b'_' | b'-');
    let gap = text.iter().take_while(|octet| within(octet)).count();
    text.get(gap..).unwrap_or_default()
}

const SEPARATORS: &[u8] = b",;|";

/// A value is one word of ASCII; a date may have its time as a second one.
fn value_of(text: &[u8], mention: Mention) -> Range<usize> {
    let behind = text.get(mention.ends..).unwrap_or_default();
    let starts = mention.ends + behind.len() - behind.trim_ascii_start().len();
    if mention_at(text, starts).is_some() {
        return starts..starts;
    }
    let ends = starts + word(text.get(starts..).unwrap_or_default()).len();
    if ends > starts && matches!(mention.field, Field::SubmitDate | Field::DoneDate) {
        let behind = text.get(ends..).unwrap_or_default();
        let time = word(behind.trim_ascii_start());
        let clock = |octet: &u8| octet.is_ascii_digit() || b":.+-Z".contains(octet);
        if time.contains(&b':') && time.iter().all(clock) {
            return starts..ends + behind.len() - behind.trim_ascii_start().len() + time.len();
        }
    }
    starts..ends
}

/// Up to a blank or a separator; a comma before anything but a further field is the value's own.
fn word(text: &[u8]) -> &[u8] {
    let separates = |behind: &[u8]| {
        let within = |octet: &&u8| octet.is_ascii_alphabetic() || **octet == b'_';
        let letters = behind.iter().take_while(within).count();
        let first = behind.first().filter(|octet| octet.is_ascii_graphic());
        first.is_none_or(|octet| SEPARATORS.contains(octet))
            || (letters > 0 && behind.get(letters) == Some(&b':'))
            || NAMES.iter().any(|(name, ..)| name_length(behind, name).is_some())
    };
    let ends = |(at, octet): (usize, &u8)| {
        !octet.is_ascii_graphic()
            || (SEPARATORS.contains(octet) && separates(text.get(at + 1..).unwrap_or_default()))
    };
    let length = text.iter().enumerate().position(ends).unwrap_or(text.len());
    text.get(..length).unwrap_or_default()
}

fn unquoted(text: &[u8]) -> &[u8] {
    match text {
        [b'"', within @ .., b'"'] | [b'\'', within @ .., b'\''] => within.trim_ascii(),
        _ => text,
    }
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
fn slice_of(whole: &Octets, part: &[u8]) -> Option<Octets> {
    (!part.is_empty()).then(|| whole.clone().into_bytes().slice_ref(part).into())
}

/// A receipt in UTF-16, known by its byte order mark or by its first three characters.
fn utf16(text: &[u8]) -> Option<Octets> {
    let ascii = |octets: [u8; 3]| octets.iter().all(|octet| (b' '..=b'~').contains(octet));
    let (text, swapped) = match text {
        [0xFE, 0xFF, rest @ ..] => (rest, false),
        [0xFF, 0xFE, rest @ ..] => (rest, true),
        [0, a, 0, b, 0, c, ..] if ascii([*a, *b, *c]) => (text, false),
        [a, 0, b, 0, c, 0, ..] if ascii([*a, *b, *c]) => (text, true),
        _ => return None,
    };
    let (pairs, _half) = text.as_chunks::<2>();
    let swap = |[low, high]: &[u8; 2]| if swapped { [*high, *low] } else { [*low, *high] };
    let octets: Vec<u8> = pairs.iter().flat_map(swap).collect();
    Some(Coding::Ucs2.decode(&octets).into())
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
    fn states_are_known_by_their_short_and_long_names() {
        let cases = [
            ("EXPIRED", Some(MessageState::Expired)),
            ("ACCEPTD", Some(MessageState::Accepted)),
            ("REJECTD", Some(MessageState::Rejected)),
            ("Delivered", Some(MessageState::Delivered)),
            ("UNDELIVERABLE", Some(MessageState::Undeliverable)),
            ("failed:absent", Some(MessageState::Undeliverable)),
            ("BUFFRED", Some(MessageState::Enroute)),
            ("DELIV", Some(MessageState::Delivered)),
            ("DELI", None),
            ("", None),
            ("ÜÜÜ", None),
            ("DELIVERYFAILED", None),
            ("NOT-DELIVERED", None),
            ("D", None),
            ("LOST", None),
        ];
        for (stat, state) in cases {
            let receipt = Receipt { stat: Some(stat.into()), ..Receipt::default() };
            assert_eq!(receipt.state(), state, "{stat}");
        }
        assert_eq!(u8::from(MessageState::Undeliverable), 5);
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
