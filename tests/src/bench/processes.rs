//! What the processes of a running gateway use: processor time and memory, from `/proc` (proc(5)).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;

/// `/proc` counts in hundredths of a second (`USER_HZ`, 100 on every Linux that we run on).
const TICK: Duration = Duration::from_millis(10);
/// Files that a process of ours has open beside its connections, at most.
const OTHER_FILES: u64 = 500;
/// Generations between `local` and the youngest of its descendants; a bound for walking up.
const GENERATIONS_MAX: usize = 16;

/// Whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// smpp-edge.
    Edge,
    /// assemble.
    Assemble,
    /// route.
    Route,
    /// The other functions.
    OtherFunction,
    /// provider-sender.
    Sender,
    /// The runner with what plays the Lambda service, and its queues.
    Local,
    /// Brokers.
    Kafka,
    /// What stands in for DynamoDB.
    Store,
    /// The simulated provider.
    Simulator,
}

/// Processor time (user and system) of every process of a tree, at one moment.
#[derive(Debug)]
pub struct Snapshot(BTreeMap<Process, (Program, Duration)>);

/// Ids come again, together with the time of start they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    pid: u32,
    started: u64,
}

impl Snapshot {
    /// Of `root` and all its descendants.
    ///
    /// # Errors
    /// There is no such process.
    pub fn of_tree(root: u32) -> anyhow::Result<Self> {
        let processes = tree(root)?.into_iter().map(|(pid, stat)| {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (Process { pid, started: stat.started }, (program(&arguments), stat.cpu))
        });
        Ok(Self(processes.collect()))
    }

    /// What each program used since `before`.
    ///
    /// # Errors
    /// A process of then has ended, and nobody knows what it used.
    pub fn since(&self, before: &Self) -> anyhow::Result<BTreeMap<Program, Duration>> {
        for (process, (program, _)) in &before.0 {
            anyhow::ensure!(
                self.0.contains_key(process),
                "{program:?} ended while it was measured"
            );
        }
        let mut used: BTreeMap<Program, Duration> = BTreeMap::new();
        for (process, (program, cpu)) in &self.0 {
            let earlier = before.0.get(process).map_or(Duration::ZERO, |(_, cpu)| *cpu);
            *used.entry(*program).or_default() += cpu.saturating_sub(earlier);
        }
        Ok(used)
    }
}

/// Processor time of the children that this process has waited for.
///
/// # Errors
/// `/proc` is not there.
pub fn of_ended_children() -> anyhow::Result<Duration> {
    let own = stat(std::process::id()).context("/proc does not know this process")?;
    Ok(own.cpu_of_ended_children)
}

/// Proportional set size (memory shared by n processes counts 1/n), KiB.
///
/// # Errors
/// There is no such process, or it is somebody else's.
pub fn pss_kib(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    parse_pss(&text).with_context(|| format!("no Pss in {path}"))
}

/// The same of `root` and all its descendants.
///
/// # Errors
/// As of [`pss_kib`].
pub fn tree_pss_kib(root: u32) -> anyhow::Result<u64> {
    tree(root)?.into_iter().map(|(pid, _)| pss_kib(pid)).sum()
}

/// Files that a process has open, sockets among them.
///
/// # Errors
/// There is no such process, or it is somebody else's.
pub fn open_files(pid: u32) -> anyhow::Result<usize> {
    let path = format!("/proc/{pid}/fd");
    Ok(std::fs::read_dir(&path).with_context(|| path.clone())?.count())
}

/// Fails if a process of ours may not have so many connections.
///
/// # Errors
/// It may not; how many files it may have open.
pub fn ensure_descriptors(connections: u64) -> anyhow::Result<()> {
    let (needed, allowed) = (connections + OTHER_FILES, descriptors_max()?);
    anyhow::ensure!(allowed >= needed, "ulimit -n is {allowed}, {needed} are needed");
    Ok(())
}

/// Files that a process of ours may have open (soft limit).
fn descriptors_max() -> anyhow::Result<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_ascii_whitespace().next());
    match soft.context("no limit of open files")? {
        "unlimited" => Ok(u64::MAX),
        number => Ok(number.parse()?),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    cpu: Duration,
    cpu_of_ended_children: Duration,
    started: u64,
}

fn tree(root: u32) -> anyhow::Result<Vec<(u32, Stat)>> {
    let entries = std::fs::read_dir("/proc")?.filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        // One that ends while we look is not there.
        Some((pid, stat(pid)?))
    });
    let all: BTreeMap<u32, Stat> = entries.collect();
    anyhow::ensure!(all.contains_key(&root), "process {root} has ended");
    let descends = |pid: u32| {
        let ancestors =
            std::iter::successors(Some(pid), |pid| all.get(pid).map(|stat| stat.parent));
        ancestors.take(GENERATIONS_MAX).any(|ancestor| ancestor == root)
    };
    Ok(all.iter().filter(|(pid, _)| descends(**pid)).map(|(pid, stat)| (*pid, *stat)).collect())
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may hold anything, so fields are counted after its end; the first one
/// there is field 3 of proc(5).
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let field = |number: usize| -> Option<u64> { fields.get(number - 3)?.parse().ok() };
    let ticks = |number: usize| -> Option<Duration> {
        Some(TICK.saturating_mul(u32::try_from(field(number)?).ok()?))
    };
    Some(Stat {
        parent: u32::try_from(field(4)?).ok()?,
        cpu: ticks(14)? + ticks(15)?,
        cpu_of_ended_children: ticks(16)? + ticks(17)?,
        started: field(22)?,
    })
}

fn parse_pss(smaps_rollup: &str) -> Option<u64> {
    let line = smaps_rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// By its arguments, which end with NUL each.
fn program(cmdline: &[u8]) -> Program {
    let mut arguments = cmdline.split(|octet| *octet == 0);
    let path = arguments.next().unwrap_or_default();
    let name = path.rsplit(|octet| *octet == b'/').next().unwrap_or_default();
    match (name, arguments.next().unwrap_or_default()) {
        (b"smpp-edge", _) => Program::Edge,
        (b"assemble", _) => Program::Assemble,
        (b"route", _) => Program::Route,
        (b"provider-sender", _) => Program::Sender,
        (b"java", _) => Program::Kafka,
        (b"simulator", _) => Program::Simulator,
        (b"local", b"store") => Program::Store,
        (b"local", _) => Program::Local,
        // Whatever else the runner starts is a function of the template.
        _ => Program::OtherFunction,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "7 (a) b) S 3 7 7 0 -1 4194304 1 2 0 0 150 50 30 20 20 0 9 0 12345 1 2 3";

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = parse_stat(LINE).unwrap();
        assert_eq!((stat.parent, stat.started), (3, 12_345));
        assert_eq!(stat.cpu, Duration::from_secs(2));
        assert_eq!(stat.cpu_of_ended_children, Duration::from_millis(500));
        assert_eq!(parse_stat("7 (cut) S 3"), None);
    }

    #[test]
    fn memory_is_the_proportional_one() {
        let text = "55-7f ---p 00 00:00 0  [rollup]\nRss:  900 kB\nPss:  420 kB\nPss_Anon: 1 kB\n";
        assert_eq!(parse_pss(text), Some(420));
    }

    #[test]
    fn programs_are_told_by_their_arguments() {
        assert_eq!(program(b"/b/smpp-edge\0"), Program::Edge);
        assert_eq!(program(b"/b/local\0store\0--listen\0"), Program::Store);
        assert_eq!(program(b"/b/local\0run\0"), Program::Local);
        assert_eq!(program(b"java\0-Xmx128m\0"), Program::Kafka);
        for function in [&b"/b/record\0"[..], b"/b/correlate\0", b"/b/route-mo\0"] {
            assert_eq!(program(function), Program::OtherFunction);
        }
    }

    #[test]
    fn use_is_the_difference_and_newcomers_count_from_their_start() {
        let process = |pid| Process { pid, started: 1 };
        let snapshot = |all: &[(u32, u64)]| {
            let entry = |(pid, ms): &(u32, u64)| {
                (process(*pid), (Program::Route, Duration::from_millis(*ms)))
            };
            Snapshot(all.iter().map(entry).collect())
        };
        let used = snapshot(&[(1, 500), (2, 70)]).since(&snapshot(&[(1, 300)])).unwrap();
        assert_eq!(used[&Program::Route], Duration::from_millis(270));
        assert!(snapshot(&[(2, 70)]).since(&snapshot(&[(1, 300)])).is_err());
    }

    #[test]
    fn this_process_is_in_its_own_tree() {
        let own = std::process::id();
        assert!(tree(own).unwrap().iter().any(|(pid, _)| *pid == own));
        assert!(pss_kib(own).unwrap() > 0);
        assert!(descriptors_max().unwrap() > 0);
        assert!(open_files(own).unwrap() > 0);
    }
}
