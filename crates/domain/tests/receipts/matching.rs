//! Whose receipt it is: pair by pair, and the same from either side.

use domain::address::Address;
use domain::config::ReceiptSettings;
use domain::id::PartId;
use domain::receipts::{
    AHEAD_MAX_MS, Candidate, Claim, Decision, Misfit, ReceiptDate, Refusal, decide, decide_each,
};
use proptest::prelude::*;
use serde_json::json;

use crate::settings;

/// 2026-11-21 11:05:00 UTC.
const AT_MS: u64 = 1_795_259_100_000;
const MINUTE_MS: u64 = 60_000;

fn address(ton: u8, number: &str) -> Address {
    Address { ton, npi: 1, number: number.to_owned() }
}

fn part(number: u8) -> PartId {
    PartId::new(AT_MS, [number; 10])
}

/// A receipt from a handset, or with the addresses of the submit.
#[derive(Debug, Clone)]
struct Receipt {
    source: Address,
    destination: Address,
    submitted: Option<ReceiptDate>,
    arrived_ms: u64,
}

impl Receipt {
    fn from(handset: &str) -> Self {
        Self {
            source: address(1, handset),
            destination: address(5, "ACME"),
            submitted: None,
            arrived_ms: AT_MS + 5_000,
        }
    }

    fn submitted(mut self, date: &str) -> Self {
        self.submitted = Some(ReceiptDate::parse(date).unwrap());
        self
    }

    fn arrived(mut self, arrived_ms: u64) -> Self {
        self.arrived_ms = arrived_ms;
        self
    }

    fn claim(&self) -> Claim<'_> {
        let Self { source, destination, submitted, arrived_ms } = self;
        Claim { source, destination, submitted: *submitted, arrived_ms: *arrived_ms }
    }
}

/// A result: part, handset, time of the answer.
type Sent = (u8, Address, u64);

fn sent(number: u8, handset: &str, answered_ms: u64) -> Sent {
    (number, address(1, handset), answered_ms)
}

fn decided(receipt: &Receipt, results: &[Sent], settings: &ReceiptSettings) -> Decision {
    let candidates: Vec<Candidate<'_>> = results
        .iter()
        .map(|(number, destination, answered_ms)| Candidate {
            part: part(*number),
            destination,
            answered_ms: *answered_ms,
        })
        .collect();
    decide(&receipt.claim(), &candidates, settings)
}

/// Strict addresses, dates in UTC.
fn utc() -> ReceiptSettings {
    settings(json!({"utc_offsets_min": [0]}))
}

#[test]
fn the_address_has_to_be_the_results_destination() {
    let receipt = Receipt::from("491701");
    let results = [sent(1, "491701", AT_MS)];
    assert_eq!(decided(&receipt, &results, &utc()), Decision::Matched(part(1)));
    let stranger = Receipt::from("491702");
    assert_eq!(decided(&stranger, &results, &utc()), Decision::Waits(Misfit::OtherAddress));
    assert_eq!(decided(&receipt, &[], &utc()), Decision::Waits(Misfit::NoResult));
}

#[test]
fn a_provider_that_leaves_the_addresses_as_sent_is_read_so() {
    let mut receipt = Receipt::from("491701");
    std::mem::swap(&mut receipt.source, &mut receipt.destination);
    let results = [sent(1, "491701", AT_MS)];
    let swapped = settings(json!({"addresses": "swapped"}));
    assert_eq!(decided(&receipt, &results, &swapped), Decision::Matched(part(1)));
    assert_eq!(decided(&receipt, &results, &utc()), Decision::Waits(Misfit::OtherAddress));
    let unswapped = Receipt::from("491701");
    assert_eq!(decided(&unswapped, &results, &swapped), Decision::Waits(Misfit::OtherAddress));
}

#[test]
fn spellings_of_one_number_are_one_handset() {
    let table = [
        (json!({}), address(1, "+491701"), true),
        (json!({}), address(0, "00491701"), true),
        (json!({}), address(0, "491701"), true),
        (json!({}), address(0, "01701"), false),
        (json!({}), address(2, "1701"), false),
        (json!({"country_code": "49"}), address(0, "01701"), true),
        (json!({"country_code": "49"}), address(2, "1701"), true),
        (json!({"country_code": "49"}), address(2, "01701"), true),
        (json!({"country_code": "49"}), address(0, "00491701"), true),
        (json!({"country_code": "49"}), address(1, "491701"), true),
        (json!({"country_code": "49"}), address(0, "1701"), false),
        (json!({"country_code": "43"}), address(0, "01701"), false),
    ];
    for (value, source, same) in table {
        let mut receipt = Receipt::from("");
        receipt.source = source;
        let found = decided(&receipt, &[sent(1, "491701", AT_MS)], &settings(value.clone()));
        assert_eq!(found == Decision::Matched(part(1)), same, "{value} {}", receipt.source.number);
    }
}

#[test]
fn a_submit_date_lies_within_minutes_of_the_answer() {
    let results = [sent(1, "491701", AT_MS)];
    let table = [
        (json!({"utc_offsets_min": [0]}), "2611211105", true),
        (json!({"utc_offsets_min": [0]}), "2611211115", true),
        (json!({"utc_offsets_min": [0]}), "2611211116", false),
        // A minute lasts a minute: 10:54:59 is ten minutes before.
        (json!({"utc_offsets_min": [0]}), "2611211054", true),
        (json!({"utc_offsets_min": [0]}), "261121105458", false),
        (json!({"utc_offsets_min": [0], "date_within_min": 1}), "2611211107", false),
        (json!({"utc_offsets_min": [60]}), "2611211205", true),
        (json!({"utc_offsets_min": [60]}), "2611211105", false),
        (json!({"utc_offsets_min": [60, 120]}), "2611211205", true),
        (json!({"utc_offsets_min": [60, 120]}), "2611211305", true),
        (json!({"utc_offsets_min": [60, 120]}), "2611211105", false),
        // The date's own offset goes first.
        (json!({"utc_offsets_min": [60]}), "2026-11-21 11:05Z", true),
        (json!({"utc_offsets_min": [60]}), "2026-11-21 12:05Z", false),
        // No clock known: half a day either way.
        (json!({}), "2611212305", true),
        (json!({}), "2611220105", true),
        (json!({}), "2611220116", false),
        (json!({}), "2611202305", true),
        (json!({}), "2611202253", false),
        (json!({}), "2611231105", false),
        (json!({}), "2026-11-21 12:05Z", false),
    ];
    for (value, date, fits) in table {
        let receipt = Receipt::from("491701").submitted(date);
        let found = decided(&receipt, &results, &settings(value.clone()));
        let misfit = Decision::Waits(Misfit::OtherDate);
        assert_eq!(found, if fits { Decision::Matched(part(1)) } else { misfit }, "{value} {date}");
    }
}

#[test]
fn ids_that_a_provider_uses_again_are_told_apart_by_address_or_date() {
    let days = 3 * 24 * 60 * MINUTE_MS;
    let two = [sent(1, "491701", AT_MS), sent(2, "491702", AT_MS)];
    assert_eq!(decided(&Receipt::from("491702"), &two, &utc()), Decision::Matched(part(2)));
    let again = [sent(1, "491701", AT_MS - days), sent(2, "491701", AT_MS)];
    let dated = Receipt::from("491701").submitted("2611211105");
    assert_eq!(decided(&dated, &again, &utc()), Decision::Matched(part(2)));
    let old = Receipt::from("491701").submitted("2611181105");
    assert_eq!(decided(&old, &again, &utc()), Decision::Matched(part(1)));
}

#[test]
fn several_results_that_fit_are_nobodys() {
    let two = [sent(2, "491701", AT_MS), sent(1, "491701", AT_MS - 1)];
    let both = Decision::Ambiguous(vec![part(1), part(2)]);
    assert_eq!(decided(&Receipt::from("491701"), &two, &utc()), both);
    let dated = Receipt::from("491701").submitted("2611211105");
    assert_eq!(decided(&dated, &two, &utc()), both);
}

#[test]
fn results_of_one_part_that_a_repeated_run_wrote_are_one() {
    let twice = [sent(1, "491701", AT_MS), sent(1, "491701", AT_MS)];
    assert_eq!(decided(&Receipt::from("491701"), &twice, &utc()), Decision::Matched(part(1)));
}

#[test]
fn with_the_address_check_off_the_date_has_to_speak() {
    let off = settings(json!({"addresses": "off", "utc_offsets_min": [0]}));
    let results = [sent(1, "491701", AT_MS)];
    let rewritten = Receipt::from("12345");
    let none = Decision::Refused(Refusal::NoDate);
    assert_eq!(decided(&rewritten, &results, &off), none);
    assert_eq!(decided(&rewritten, &[], &off), none);
    let dated = rewritten.clone().submitted("2611211105");
    assert_eq!(decided(&dated, &results, &off), Decision::Matched(part(1)));
    let other = rewritten.clone().submitted("2611211205");
    assert_eq!(decided(&other, &results, &off), Decision::Waits(Misfit::OtherDate));
    let nowhere = settings(json!({"addresses": "off"}));
    let refused = Decision::Refused(Refusal::NoTimeZone);
    assert_eq!(decided(&dated, &results, &nowhere), refused);
    let zoned = rewritten.submitted("2026-11-21 11:05Z");
    assert_eq!(decided(&zoned, &results, &nowhere), Decision::Matched(part(1)));
}

#[test]
fn results_of_several_versions_are_each_judged_by_their_own() {
    let [strict, off] = [utc(), settings(json!({"addresses": "off", "utc_offsets_min": [0]}))];
    let of = |number: u8| Candidate {
        part: part(number),
        destination: &HANDSETS[usize::from(number)],
        answered_ms: AT_MS,
    };
    let dated = Receipt::from("491701").submitted("2611211105");
    let undated = Receipt::from("491701");
    let each = |receipt: &Receipt, of: &[(Candidate<'_>, &ReceiptSettings)]| {
        decide_each(&receipt.claim(), of)
    };
    assert_eq!(each(&undated, &[]), Decision::Waits(Misfit::NoResult));
    assert_eq!(each(&undated, &[(of(1), &strict), (of(2), &strict)]), Decision::Matched(part(1)));
    // By date alone both fit.
    let both = [(of(1), &strict), (of(2), &off)];
    assert_eq!(each(&dated, &both), Decision::Ambiguous(vec![part(1), part(2)]));
    // Without a date the one that asks for it is out, whatever the other says.
    assert_eq!(each(&undated, &both), Decision::Matched(part(1)));
    let others = [(of(2), &strict), (of(1), &off)];
    assert_eq!(each(&undated, &others), Decision::Waits(Misfit::OtherAddress));
    assert_eq!(each(&undated, &[(of(1), &off)]), Decision::Refused(Refusal::NoDate));
}

static HANDSETS: std::sync::LazyLock<[Address; 3]> =
    std::sync::LazyLock::new(|| ["491700", "491701", "491702"].map(|number| address(1, number)));

#[test]
fn a_receipt_may_come_before_its_answer_but_not_long_before() {
    let at = |arrived_ms| {
        let receipt = Receipt::from("491701").arrived(arrived_ms);
        decided(&receipt, &[sent(1, "491701", AT_MS)], &utc())
    };
    assert_eq!(at(AT_MS - AHEAD_MAX_MS), Decision::Matched(part(1)));
    assert_eq!(at(AT_MS - AHEAD_MAX_MS - 1), Decision::Waits(Misfit::EarlierMessage));
    assert_eq!(at(AT_MS + 72 * 60 * MINUTE_MS), Decision::Matched(part(1)));
}

#[test]
fn what_waits_says_what_was_closest_and_which_setting_to_look_at() {
    let results = [sent(1, "491701", AT_MS), sent(2, "491702", AT_MS)];
    let receipt = Receipt::from("491701").submitted("2611211205");
    let found = decided(&receipt, &results, &utc());
    assert_eq!(found, Decision::Waits(Misfit::OtherDate));
    for (misfit, setting) in [
        (Misfit::NoResult, "`ids`"),
        (Misfit::OtherAddress, "`addresses`"),
        (Misfit::OtherDate, "`utc_offsets_min`"),
    ] {
        assert!(misfit.to_string().contains(setting), "{misfit}");
    }
    for refusal in [Refusal::NoDate, Refusal::NoTimeZone] {
        assert!(refusal.to_string().contains("the address check is off"), "{refusal}");
    }
}

/// One thing under a key: a result or a receipt.
#[derive(Debug, Clone)]
enum Arrival {
    Result(Sent),
    Receipt(Receipt),
}

fn handset() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["491701", "491702"])
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let result = (1u8..5, handset(), 0u64..40).prop_map(|(number, handset, minutes)| {
        Arrival::Result(sent(number, handset, AT_MS + minutes * MINUTE_MS))
    });
    let receipt = (handset(), prop::option::of(0u64..40), 0u64..120).prop_map(
        |(handset, minutes, arrived)| {
            let receipt =
                Receipt::from(handset).arrived(AT_MS + arrived * MINUTE_MS - 60 * MINUTE_MS);
            Arrival::Receipt(match minutes {
                Some(minutes) => receipt.submitted(&format!("26112111{:02}", 5 + minutes)),
                None => receipt,
            })
        },
    );
    prop_oneof![result, receipt]
}

fn results_in(arrivals: &[Arrival]) -> Vec<Sent> {
    let result = |arrival: &Arrival| match arrival {
        Arrival::Result(sent) => Some(sent.clone()),
        Arrival::Receipt(_) => None,
    };
    arrivals.iter().filter_map(result).collect()
}

fn receipts_in(arrivals: &[Arrival]) -> Vec<Receipt> {
    let receipt = |arrival: &Arrival| match arrival {
        Arrival::Receipt(receipt) => Some(receipt.clone()),
        Arrival::Result(_) => None,
    };
    arrivals.iter().filter_map(receipt).collect()
}

/// Whom the receipt was given to while things arrived one by one: at each step whoever came looks
/// at all that is there, a receipt for its result, a result for receipts that wait.
fn told(arrivals: &[Arrival], receipt: &Receipt, settings: &ReceiptSettings) -> Vec<PartId> {
    let is_it = |arrival: &Arrival| {
        matches!(arrival, Arrival::Receipt(r) if format!("{r:?}") == format!("{receipt:?}")
            && r.source == receipt.source)
    };
    let steps = 1..=arrivals.len();
    let seen = steps.map(|step| &arrivals[..step]).filter(|seen| seen.iter().any(is_it));
    let mut told: Vec<PartId> = seen
        .filter_map(|seen| match decided(receipt, &results_in(seen), settings) {
            Decision::Matched(part) => Some(part),
            _ => None,
        })
        .collect();
    told.dedup();
    told
}

proptest! {
    #[test]
    fn the_order_of_the_results_does_not_matter(
        (arrivals, shuffled) in prop::collection::vec(arrival(), 0..8)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        named: bool,
    ) {
        let settings = if named { utc() } else { ReceiptSettings::default() };
        for receipt in receipts_in(&arrivals) {
            let decision = decided(&receipt, &results_in(&arrivals), &settings);
            prop_assert_eq!(decision, decided(&receipt, &results_in(&shuffled), &settings));
        }
    }

    #[test]
    fn whoever_comes_last_decides_as_all_together_would(
        arrivals in prop::collection::vec(arrival(), 0..8), named: bool,
    ) {
        let settings = if named { utc() } else { ReceiptSettings::default() };
        let results = results_in(&arrivals);
        for receipt in receipts_in(&arrivals) {
            let told = told(&arrivals, &receipt, &settings);
            match decided(&receipt, &results, &settings) {
                // Told, and nobody else was ever told.
                Decision::Matched(part) => prop_assert_eq!(told, vec![part]),
                Decision::Waits(_) | Decision::Refused(_) => prop_assert_eq!(told, vec![]),
                // While only one of them was there it may have been told.
                Decision::Ambiguous(parts) => prop_assert!(told.iter().all(|p| parts.contains(p))),
            }
        }
    }

    #[test]
    fn a_receipt_never_reaches_another_handsets_message(
        receipt in arrival(), results in prop::collection::vec(arrival(), 0..8),
    ) {
        let (Arrival::Receipt(receipt), results) = (receipt, results_in(&results)) else {
            return Ok(());
        };
        if let Decision::Matched(part) = decided(&receipt, &results, &utc()) {
            let own = results.iter().find(|sent| self::part(sent.0) == part && sent.1 == receipt.source);
            prop_assert!(own.is_some());
        }
    }
}
