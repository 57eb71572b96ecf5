//! How fast the edge acknowledges: edge, broker and load only.

use simulator::load::report::Report;

use super::Reading;
use super::crowd::Crowd;
use crate::bench::processes;
use crate::bench::running::{Setting, end};
use crate::stack::Stack;

/// Until the broker's just-in-time compiler has settled, seconds.
const WARM_UP_S: u64 = 40;
/// The rate of the paced load, messages per second.
const RATE: f64 = 10_000.0;
/// A load that fell further behind its rate than this was not the one that the figure is about.
const RATE_KEPT: f64 = 0.95;
/// At the edge while good customers are answered.
const SLOW_SOCKETS: u64 = 10_000;

/// Messages acknowledged per second, so many connections with such a window.
pub(super) fn accepted(
    setting: &Setting,
    name: &'static str,
    connections: u16,
    window: u16,
) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.edge_only("bench/open.yaml", &[])?;
    let load = |seconds: u64| {
        let shape = format!("--connections={connections} --window={window}");
        stack.load(format!("{shape} --seconds={seconds}").split_ascii_whitespace())
    };
    warm_up(setting, &stack)?;
    let seconds = setting.seconds(10);
    let readings = setting.each_run(|_| Ok(vec![(name, load(seconds)?.acknowledged_per_s)]))?;
    end(stack);
    Ok(readings)
}

fn warm_up(setting: &Setting, stack: &Stack) -> anyhow::Result<()> {
    let seconds = setting.seconds(WARM_UP_S);
    stack.load(["--connections=4", "--window=50", &format!("--seconds={seconds}")]).map(drop)
}

/// A load at the rate that the figures of latency are about.
fn paced(stack: &Stack, seconds: u64) -> anyhow::Result<Report> {
    let (rate, lasts) = (format!("--rate={RATE}"), format!("--seconds={seconds}"));
    let report = stack.load(["--connections=4", "--window=50", &rate, &lasts])?;
    let rate = report.acknowledged_per_s;
    anyhow::ensure!(rate >= RATE * RATE_KEPT, "only {rate:.0} of {RATE} per second were sent");
    Ok(report)
}

/// From `submit_sm` written to `submit_sm_resp` read, paced.
pub(super) fn answered(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.edge_only("bench/open.yaml", &[])?;
    warm_up(setting, &stack)?;
    let seconds = setting.seconds(10);
    let readings = setting.each_run(|_| {
        let answers = paced(&stack, seconds)?.submit_resp;
        let (p50, p99) = (answers.p50_ms, answers.p99_ms);
        Ok(vec![("submit_resp_p50_ms_10k", p50), ("submit_resp_p99_ms_10k", p99)])
    })?;
    end(stack);
    Ok(readings)
}

/// How much later good customers are answered while slow sockets crowd the edge. Each load among
/// them is held against those right before and right after it, so that what drifts cancels.
pub(super) fn among_slow_sockets(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let sockets = setting.count(SLOW_SOCKETS);
    processes::ensure_descriptors(sockets)?;
    let sockets = usize::try_from(sockets)?;
    let stack = setting.edge_only("bench/open.yaml", &[])?;
    warm_up(setting, &stack)?;
    // Longer than the others: a difference of two is told.
    let seconds = setting.seconds(20);
    let p99_ms = || anyhow::Ok(paced(&stack, seconds)?.submit_resp.p99_ms);
    let mut before_ms = p99_ms()?;
    let readings = setting.each_run(|_| {
        let crowd = Crowd::gather(&stack, sockets)?;
        let among_ms = p99_ms()?;
        crowd.disperse()?;
        let after_ms = p99_ms()?;
        let rise = rise_pct(f64::midpoint(before_ms, after_ms), among_ms);
        before_ms = after_ms;
        Ok(vec![("slow_sockets_p99_rise_pct", rise)])
    })?;
    end(stack);
    Ok(readings)
}

/// Less than 0 if it fell.
fn rise_pct(without: f64, with: f64) -> f64 {
    (with / without - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_told_in_percent_of_what_it_was_without() {
        assert!((rise_pct(8.0, 10.0) - 25.0).abs() < 1e-9);
        assert!((rise_pct(8.0, 6.0) + 25.0).abs() < 1e-9);
    }
}
