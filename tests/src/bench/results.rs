//! Medians with their spread, as `bench/results.json` keeps them and as a table for people.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::figures::{Better, FIGURES, Figure, named};
use super::scenarios::{Reading, Scenario};

/// What became of a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which.
    pub figure: &'static Figure,
    /// Its values, one for each run, or why there are none.
    pub values: Result<Vec<f64>, String>,
}

/// A measured figure as the file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// Median of the runs.
    pub value: f64,
    /// Unit.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// How many runs.
    pub runs: usize,
    /// The least of them.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// What is to be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<f64>,
}

/// The outcome of each figure of a scenario.
#[must_use]
pub fn outcomes(scenario: &Scenario, measured: &anyhow::Result<Vec<Reading>>) -> Vec<Outcome> {
    let figures = scenario.figures.iter().filter_map(|name| named(name));
    let outcome = |figure: &'static Figure| Outcome {
        figure,
        values: measured.as_ref().map_err(|error| format!("{error:#}")).and_then(|readings| {
            let values = readings.iter().map(|reading| value_of(figure, reading));
            values.collect::<Option<Vec<f64>>>().ok_or_else(|| "a run did not tell it".to_owned())
        }),
    };
    figures.map(outcome).collect()
}

fn value_of(figure: &Figure, reading: &[(&str, f64)]) -> Option<f64> {
    reading.iter().find(|(name, _)| *name == figure.name).map(|(_, value)| *value)
}

impl Outcome {
    /// As the file keeps it; none if it failed.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        let mut values = self.values.as_ref().ok()?.clone();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let Figure { name, unit, better, goal } = *self.figure;
        Some(Entry {
            name: name.to_owned(),
            value: rounded(median(&values)),
            unit: unit.to_owned(),
            better,
            runs: values.len(),
            min: rounded(min),
            max: rounded(max),
            goal,
        })
    }
}

/// What was known, with what was measured now in its place. A figure that failed now is not known.
#[must_use]
pub fn merged(known: Vec<Entry>, now: &[Outcome]) -> Vec<Entry> {
    let stays = |entry: &Entry| now.iter().all(|outcome| outcome.figure.name != entry.name);
    let mut all: Vec<Entry> = known.into_iter().filter(stays).collect();
    all.extend(now.iter().filter_map(Outcome::entry));
    all.sort_by_key(|entry| FIGURES.iter().position(|figure| figure.name == entry.name));
    all
}

/// Reads the file; one that is not there holds nothing.
///
/// # Errors
/// It holds something else.
pub fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Writes the file.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, entries: &[Entry]) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(entries)? + "\n";
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// The outcomes as a person reads them.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "{:<30} {:>12} {:<8} {:>14} {:<7} {}\n",
        "figure", "median", "unit", "goal", "", "least to most"
    );
    for outcome in outcomes {
        // Writing to a string does not fail.
        let _written = writeln!(text, "{}", line(outcome));
    }
    text
}

fn line(outcome: &Outcome) -> String {
    let Figure { name, unit, better, goal } = *outcome.figure;
    let Some(entry) = outcome.entry() else {
        let why = outcome.values.as_ref().err().map_or("no run", String::as_str);
        return format!("{name:<30} {:>12} {why}", "FAILED");
    };
    let sign = if better == Better::Higher { "≥" } else { "≤" };
    let goal = goal.map(|goal| format!("{sign} {}", shown(goal))).unwrap_or_default();
    let met = match outcome.figure.is_met_by(entry.value) {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    let (value, least, most) = (shown(entry.value), shown(entry.min), shown(entry.max));
    let runs = entry.runs;
    format!("{name:<30} {value:>12} {unit:<8} {goal:>14} {met:<7} {least} to {most} ({runs} runs)")
}

fn shown(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 10.0 => 1,
        _ => 3,
    };
    format!("{value:.digits$}")
}

/// Of values in order, at least one.
fn median(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// To a thousandth: what is behind it is noise.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, values: Result<&[f64], &str>) -> Outcome {
        let values = values.map(<[f64]>::to_vec).map_err(str::to_owned);
        Outcome { figure: named(name).unwrap(), values }
    }

    #[test]
    fn the_median_stands_with_its_spread() {
        let entry = outcome("arrived_per_s", Ok(&[30.0, 10.0, 20.0])).entry().unwrap();
        assert_eq!((entry.value, entry.min, entry.max), (20.0, 10.0, 30.0));
        let entry = outcome("arrived_per_s", Ok(&[4.0, 1.0])).entry().unwrap();
        assert!((entry.value - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_figure_that_failed_is_told_and_has_no_value() {
        let failed = outcome("tls_bind_kib", Err("too few descriptors"));
        assert_eq!(failed.entry(), None);
        let table = table(&[failed]);
        assert!(table.contains("FAILED") && table.contains("too few descriptors"), "{table}");
    }

    #[test]
    fn a_later_measurement_replaces_only_its_own_figures() {
        let first = [outcome("arrived_per_s", Ok(&[1.0])), outcome("idle_cpu_pct", Ok(&[2.0]))];
        let known = merged(Vec::new(), &first);
        let later = [outcome("accepted_per_s_1x10", Ok(&[3.0])), outcome("idle_cpu_pct", Err("x"))];
        let all = merged(known, &later);
        let names: Vec<_> = all.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["accepted_per_s_1x10", "arrived_per_s"]);
    }

    #[test]
    fn a_run_that_does_not_tell_a_figure_fails_it() {
        fn nothing(_: &super::super::running::Setting) -> anyhow::Result<Vec<Reading>> {
            Ok(Vec::new())
        }
        let scenario = Scenario { figures: &["idle_rss_mb", "idle_cpu_pct"], measure: nothing };
        let told = outcomes(&scenario, &Ok(vec![vec![("idle_rss_mb", 1.0)]]));
        assert_eq!(told[0].values, Ok(vec![1.0]));
        assert!(told[1].values.is_err());
    }

    #[test]
    fn the_file_is_a_list_of_name_value_unit_and_better() {
        let entry = outcome("submit_resp_p50_ms_10k", Ok(&[0.5])).entry().unwrap();
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(json["better"], "lower");
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
    }
}
