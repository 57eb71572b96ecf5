//! Dates in all the usual spellings, and nothing but dates.

use domain::receipts::{ReceiptDate, done_ms};
use proptest::prelude::*;
use serde_json::json;

use crate::settings;

/// 2026-11-21 11:05:00 UTC.
const AT_MS: i64 = 1_795_259_100_000;
const MINUTE: i64 = 60_000;
const SECOND: i64 = 1_000;

fn date(text: &str) -> ReceiptDate {
    ReceiptDate::parse(text).unwrap_or_else(|| panic!("{text} is a date"))
}

#[test]
fn the_usual_spellings_are_read() {
    let table = [
        ("2611211105", AT_MS, MINUTE, None),
        ("261121110507", AT_MS + 7 * SECOND, SECOND, None),
        ("202611211105", AT_MS, MINUTE, None),
        ("20261121110507", AT_MS + 7 * SECOND, SECOND, None),
        (" 2611211105\0", AT_MS, MINUTE, None),
        ("261121110507000+", AT_MS + 7 * SECOND, SECOND, Some(0)),
        ("261121110507304+", AT_MS + 7 * SECOND, SECOND, Some(60)),
        ("261121110507923-", AT_MS + 7 * SECOND, SECOND, Some(-345)),
        ("2026-11-21 11:05", AT_MS, MINUTE, None),
        ("2026-11-21 11:05:07", AT_MS + 7 * SECOND, SECOND, None),
        ("2026/11/21 11:05:07", AT_MS + 7 * SECOND, SECOND, None),
        ("2026.11.21 11:05:07", AT_MS + 7 * SECOND, SECOND, None),
        ("2026-11-21T11:05:07.123", AT_MS + 7 * SECOND, SECOND, None),
        ("2026-11-21T11:05:07Z", AT_MS + 7 * SECOND, SECOND, Some(0)),
        ("2026-11-21t11:05:07.5z", AT_MS + 7 * SECOND, SECOND, Some(0)),
        ("2026-11-21 11:05:07 UTC", AT_MS + 7 * SECOND, SECOND, Some(0)),
        ("2026-11-21 11:05 GMT", AT_MS, MINUTE, Some(0)),
        ("2026-11-21T11:05:07+01:00", AT_MS + 7 * SECOND, SECOND, Some(60)),
        ("2026-11-21T11:05:07-0330", AT_MS + 7 * SECOND, SECOND, Some(-210)),
        ("2026-11-21 11:05 +05", AT_MS, MINUTE, Some(300)),
        ("20261121 110507", AT_MS + 7 * SECOND, SECOND, None),
        ("20261121T1105Z", AT_MS, MINUTE, Some(0)),
        ("261121 11:05", AT_MS, MINUTE, None),
    ];
    for (text, local_ms, lasts_ms, utc_offset_min) in table {
        assert_eq!(date(text), ReceiptDate { local_ms, lasts_ms, utc_offset_min }, "{text}");
    }
}

#[test]
fn what_is_no_date_is_none() {
    let none = [
        "",
        "0",
        "0000000000",
        "000000000000",
        "261121110",
        "26112111050",
        "2613211105",
        "2600211105",
        "2611311105",
        "2611001105",
        "2602291105",
        "2611212405",
        "2611211160",
        "261121110560",
        "261121110507000R",
        "261121110507057+",
        "26112111050700+0",
        "2611211105+1",
        "+611211105",
        "19991231235959",
        "21000101000000",
        "2026-11-21",
        "2026-11/21 11:05",
        "21-11-2026 11:05",
        "2026-11-21 11.05",
        "2026-11-21 1:05",
        "2026-11-21 11:05:0",
        "2026-11-21 11:05x07",
        "2026-11-21 11:05+15:00",
        "2026-11-21 11:05+01:60",
        "2026-11-21 11:05+1",
        "1795259100",
        "1795259100000",
        "yesterday",
        "２６１１２１１１０５",
        "2026-11-21 11:05:07.x",
    ];
    for text in none {
        assert_eq!(ReceiptDate::parse(text), None, "{text}");
    }
}

/// Every day of the century, counted up by a calendar of its own.
#[test]
fn every_day_of_the_century_is_where_it_belongs() {
    let (mut year, mut month, mut day) = (2000, 1, 1);
    let mut local_ms = 946_684_800_000_i64;
    while year < 2100 {
        let short = format!("{:02}{month:02}{day:02}0000", year % 100);
        assert_eq!(date(&short).local_ms, local_ms, "{short}");
        let long = format!("{year}-{month:02}-{day:02} 00:00:00");
        assert_eq!(date(&long).local_ms, local_ms, "{long}");
        // 2000 and 2100: the century is no leap year, its fourth is.
        let leap = year % 4 == 0;
        let days = match month {
            2 => 28 + i32::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (day, local_ms) = (day + 1, local_ms + 86_400_000);
        if day > days {
            let impossible = format!("{:02}{month:02}{day:02}0000", year % 100);
            assert_eq!(ReceiptDate::parse(&impossible), None, "{impossible}");
            (day, month) = (1, month + 1);
        }
        if month > 12 {
            (month, year) = (1, year + 1);
        }
    }
}

#[test]
fn the_providers_offset_counts_unless_the_date_has_its_own() {
    assert_eq!(date("2611211205").unix_ms(60), AT_MS);
    assert_eq!(date("2611210735").unix_ms(-210), AT_MS);
    assert_eq!(date("2026-11-21 11:05Z").unix_ms(60), AT_MS);
    assert_eq!(date("261121120500004+").unix_ms(-210), AT_MS);
}

#[test]
fn the_done_date_counts_only_where_it_can_be_true() {
    let at = u64::try_from(AT_MS).unwrap();
    let minutes = |minutes: u64| at + minutes * 60_000;
    let utc = json!({"utc_offsets_min": [0]});
    let table = [
        // Answered at :05, arrived an hour later.
        (utc.clone(), Some("2611211120"), minutes(15)),
        (utc.clone(), None, minutes(60)),
        // Not before the answer by more than the clocks may differ, nor after the arrival.
        (utc.clone(), Some("2611211100"), minutes(0)),
        (utc.clone(), Some("2611211040"), minutes(60)),
        (utc.clone(), Some("2611211209"), minutes(60)),
        (utc.clone(), Some("2611211220"), minutes(60)),
        (utc, Some("2026-11-21 12:20+01:00"), minutes(15)),
        (json!({}), Some("2611211120"), minutes(60)),
        (json!({}), Some("2026-11-21 12:20+01:00"), minutes(15)),
        (json!({"utc_offsets_min": [60]}), Some("2611211220"), minutes(15)),
    ];
    for (value, done, expected) in table {
        let done = done.map(date);
        let found = done_ms(done, None, at, minutes(60), &settings(value.clone()));
        assert_eq!(found, expected, "{value} {done:?}");
    }
}

#[test]
fn a_clock_that_changes_in_summer_is_the_one_of_the_submit_date() {
    let at = u64::try_from(AT_MS).unwrap();
    let two = settings(json!({"utc_offsets_min": [60, 120]}));
    // Two hours on the way: under either offset the done date could be true.
    let arrived = at + 7_200_000;
    let done = |submitted: &str, done: &str| {
        done_ms(Some(date(done)), Some(date(submitted)), at, arrived, &two)
    };
    assert_eq!(done("2611211305", "2611211306"), at + 60_000);
    assert_eq!(done("2611211205", "2611211206"), at + 60_000);
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in ".{0,40}", digits in "[0-9TZ:+. -]{0,26}") {
        for text in [text, digits] {
            if let Some(date) = ReceiptDate::parse(&text) {
                let century = 946_684_800_000..4_102_444_800_000;
                prop_assert!(century.contains(&date.local_ms));
            }
        }
    }

    #[test]
    fn a_done_date_told_lies_between_answer_and_arrival(
        answered in 1_795_000_000_000u64..1_795_500_000_000, took in 0u64..400_000_000,
        done in 2_611_180_000u64..2_611_252_359, offsets in prop::collection::vec(-720i16..840, 0..2),
    ) {
        let settings = settings(json!({"utc_offsets_min": offsets}));
        let done = ReceiptDate::parse(&done.to_string());
        let told = done_ms(done, None, answered, answered + took, &settings);
        prop_assert!((answered..=answered + took).contains(&told));
    }
}
