//! How fast the edge acknowledges: edge, broker and load only.

use super::Reading;
use crate::bench::running::{Setting, end};
use crate::stack::Stack;

/// Until the broker's just-in-time compiler has settled, seconds.
const WARM_UP_S: u64 = 40;
/// The rate of the paced load, messages per second.
const RATE: f64 = 10_000.0;
/// A load that fell further behind its rate than this was not the one that the figure is about.
const RATE_KEPT: f64 = 0.95;

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
        setting.load(&stack, &format!("{shape} --seconds={seconds}"))
    };
    warm_up(setting, &stack)?;
    let seconds = setting.seconds(10);
    let readings = setting.each_run(|_| Ok(vec![(name, load(seconds)?.acknowledged_per_s)]))?;
    end(stack);
    Ok(readings)
}

fn warm_up(setting: &Setting, stack: &Stack) -> anyhow::Result<()> {
    let seconds = setting.seconds(WARM_UP_S);
    setting.load(stack, &format!("--connections=4 --window=50 --seconds={seconds}")).map(drop)
}

/// From `submit_sm` written to `submit_sm_resp` read, paced.
pub(super) fn answered(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.edge_only("bench/open.yaml", &[])?;
    let load = |seconds: u64| {
        let shape = format!("--connections=4 --window=50 --rate={RATE}");
        setting.load(&stack, &format!("{shape} --seconds={seconds}"))
    };
    warm_up(setting, &stack)?;
    let seconds = setting.seconds(10);
    let readings = setting.each_run(|_| {
        let report = load(seconds)?;
        let rate = report.acknowledged_per_s;
        anyhow::ensure!(rate >= RATE * RATE_KEPT, "only {rate:.0} of {RATE} per second were sent");
        let (p50, p99) = (report.submit_resp.p50_ms, report.submit_resp.p99_ms);
        Ok(vec![("submit_resp_p50_ms_10k", p50), ("submit_resp_p99_ms_10k", p99)])
    })?;
    end(stack);
    Ok(readings)
}
