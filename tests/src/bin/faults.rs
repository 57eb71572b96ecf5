//! `make faults`: goes through the faults one after the other, prints a table. Ends well only if the
//! promise was kept in each.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use gateway_tests::faults::run::{Options, run};
use gateway_tests::faults::scenario::{Scenario, all, named};
use gateway_tests::faults::verdict::Verdict;
use gateway_tests::stack::programs;

/// Kills, stops and cuts off parts of a gateway under load; checks that nothing acknowledged is lost
/// and that what comes twice is on record as doubt.
#[derive(Debug, Parser)]
struct Cli {
    /// Names the faults, and ends.
    #[arg(long)]
    list: bool,
    /// Only this one; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// What chance starts from; random and printed otherwise.
    #[arg(long)]
    seed: Option<u64>,
    /// Submits per second (fewer with three brokers).
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
}

fn main() -> ExitCode {
    match go_through(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("faults: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether the promise was kept in all.
fn go_through(cli: &Cli) -> anyhow::Result<bool> {
    if cli.list {
        all().for_each(|scenario| say(&format!("{:<30}{}", scenario.name, scenario.tells)));
        return Ok(true);
    }
    let chosen = chosen(&cli.only)?;
    let seed = cli.seed.unwrap_or_else(|| fastrand::u64(..));
    say(&format!("seed {seed} (again with --seed={seed})\n"));
    say(&row(["fault", "acknowledged", "twice", "doubts", "slowest s", "result"]));
    let options = Options { programs: programs(), rate: cli.rate, seed };
    let mut kept = 0;
    for scenario in &chosen {
        let began = Instant::now();
        let result = run(scenario, &options);
        kept += usize::from(result.as_ref().is_ok_and(|verdict| verdict.problems.is_empty()));
        say(&shown(scenario, &result));
        say(&format!("{:<30}{} ({:.0} s)", "", scenario.tells, began.elapsed().as_secs_f64()));
        if let Some(back) = result.ok().and_then(|verdict| verdict.back) {
            say(&format!("{:<30}{back}", ""));
        }
    }
    say(&format!("\nthe promise was kept in {kept} of {} faults", chosen.len()));
    Ok(kept == chosen.len())
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Scenario>> {
    if only.is_empty() {
        return Ok(all().collect());
    }
    let find = |name: &String| named(name).with_context(|| format!("no fault {name}: see --list"));
    only.iter().map(find).collect()
}

fn shown(scenario: &Scenario, result: &anyhow::Result<Verdict>) -> String {
    let verdict = match result {
        Ok(verdict) => verdict,
        Err(error) => return format!("{:<30}NOT CARRIED OUT: {error:#}", scenario.name),
    };
    let result = match verdict.problems.is_empty() {
        true => "kept".to_owned(),
        false => format!("BROKEN: {}", verdict.problems.join("; ")),
    };
    row([
        scenario.name,
        &verdict.report.acknowledged.to_string(),
        &verdict.report.doubled_with_doubt.len().to_string(),
        &verdict.doubts.to_string(),
        &format!("{:.1}", verdict.times.slowest.as_secs_f64()),
        &result,
    ])
}

fn row([name, acknowledged, twice, doubts, slowest, result]: [&str; 6]) -> String {
    format!("{name:<30}{acknowledged:>12}{twice:>7}{doubts:>8}{slowest:>11}  {result}")
}

#[allow(clippy::print_stdout, reason = "a command line speaks to its user")]
fn say(line: &str) {
    println!("{line}");
}
