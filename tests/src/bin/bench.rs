//! `make bench`: measures the figures on this machine, prints them beside their goals and keeps them
//! in `bench/results.json`. Ends well if every figure could be measured; a goal may be missed.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use gateway_tests::bench::figures::{self, FIGURES};
use gateway_tests::bench::results::{self, Outcome};
use gateway_tests::bench::running::Setting;
use gateway_tests::bench::scenarios::{SCENARIOS, Scenario};
use gateway_tests::stack::{programs, root};

/// Measures the gateway on this machine, median of several runs each.
#[derive(Debug, Parser)]
struct Cli {
    /// Only these figures, with those that are measured together with them.
    #[arg(long, num_args = 1.., value_name = "NAME")]
    only: Vec<String>,
    /// How often each is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Directory of the built programs; default: where this one is.
    #[arg(long, value_name = "DIR")]
    bin: Option<PathBuf>,
    /// Far smaller loads and shorter times, to try the tool; results are not kept.
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    match measure(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether every figure could be measured.
fn measure(cli: &Cli) -> anyhow::Result<bool> {
    if let Some(unknown) = cli.only.iter().find(|name| figures::named(name).is_none()) {
        let names: Vec<_> = FIGURES.iter().map(|figure| figure.name).collect();
        anyhow::bail!("there is no figure {unknown}; there are {}", names.join(", "));
    }
    let programs = cli.bin.clone().unwrap_or_else(programs);
    let programs = std::path::absolute(programs)?;
    let setting = Setting { programs, runs: cli.runs, quick: cli.quick };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| is_wanted(cli, scenario)) {
        say(&format!("measuring {} …", scenario.figures.join(", ")));
        let started = Instant::now();
        let now = results::outcomes(scenario, &(scenario.measure)(&setting));
        say(&format!("{}({:.0} s)\n", results::table(&now), started.elapsed().as_secs_f64()));
        keep(cli, &now)?;
        outcomes.extend(now);
    }
    outcomes.sort_by_key(|it| FIGURES.iter().position(|figure| figure.name == it.figure.name));
    say(&results::table(&outcomes));
    Ok(outcomes.iter().all(|outcome| outcome.values.is_ok()))
}

fn is_wanted(cli: &Cli, scenario: &Scenario) -> bool {
    let named = |name: &&str| cli.only.iter().any(|only| only == *name);
    cli.only.is_empty() || scenario.figures.iter().any(named)
}

/// After each measurement, so that one which is broken off keeps what it has.
fn keep(cli: &Cli, now: &[Outcome]) -> anyhow::Result<()> {
    if cli.quick {
        return Ok(());
    }
    let path = root().join("bench/results.json");
    results::write(&path, &results::merged(results::read(&path)?, now))
}

#[allow(clippy::print_stdout, reason = "a command line speaks to its user")]
fn say(line: &str) {
    println!("{line}");
}
