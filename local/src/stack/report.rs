//! What runs where: one line per part for people, and a file with every address and process id for
//! tests. Both are kept true while parts end and are started again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::options::Options;
use crate::process::{Parts, Roster, Status};

/// What runs where. Where facts name a kept part (`"part"`), its process id is added (`"pid"`; null
/// while it is down).
#[derive(Debug, Default)]
pub(super) struct Report {
    fields: Map<String, Value>,
    hints: Vec<String>,
}

impl Report {
    /// A part runs: says so, and notes it under `name` for the ready file.
    pub(super) fn part(&mut self, name: &str, words: &str, facts: Value) {
        say(&format!("{name:<12} {words}"));
        match (self.fields.get_mut(name), facts) {
            (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
            (_, facts) => {
                self.fields.insert(name.to_owned(), facts);
            }
        }
    }

    /// A line about how to connect, said at the end.
    pub(super) fn hint(&mut self, text: String) {
        self.hints.push(text);
    }

    /// All is ready: says so, and writes the ready file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn ready(
        mut self,
        options: &Options,
        took: Duration,
        roster: &Roster,
    ) -> anyhow::Result<Board> {
        self.fields.insert("pid".to_owned(), json!(std::process::id()));
        self.fields.insert("state".to_owned(), json!(options.state));
        self.fields.insert("ready_s".to_owned(), json!(took.as_secs_f64()));
        let mut parts = roster.follow();
        let shown = parts.borrow_and_update().clone();
        let facts = Value::Object(self.fields);
        let board = Board { facts, file: options.ready_file.clone(), parts, shown };
        board.write()?;
        say(&format!("ready after {:.1} s", took.as_secs_f64()));
        self.hints.iter().for_each(|hint| say(hint));
        Ok(board)
    }
}

/// The report of a gateway that runs.
#[derive(Debug)]
pub(super) struct Board {
    facts: Value,
    file: Option<PathBuf>,
    parts: watch::Receiver<Parts>,
    shown: Parts,
}

impl Board {
    /// Keeps it true; ends only when nobody keeps parts any more.
    pub(super) async fn follow(&mut self) {
        while self.parts.changed().await.is_ok() {
            let now = self.parts.borrow_and_update().clone();
            told(&self.shown, &now).iter().for_each(|line| say(line));
            self.shown = now;
            if let Err(error) = self.write() {
                tracing::warn!(event = "ready_file_not_written", %error);
            }
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        // Whole or not at all: a reader polls for it.
        let partial = path.with_extension("partial");
        std::fs::write(&partial, with_pids(&self.facts, &self.shown).to_string())?;
        std::fs::rename(&partial, path)
    }
}

/// Nothing is ready yet, or any more: the file of an earlier run, or of this one, goes.
///
/// # Errors
/// It is there and cannot be removed.
pub(super) fn unready(file: Option<&Path>) -> std::io::Result<()> {
    match file.map(std::fs::remove_file) {
        Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a person is told of what changed.
fn told(before: &Parts, now: &Parts) -> Vec<String> {
    let changed = now.iter().filter(|(part, status)| before.get(*part) != Some(status));
    let line = |(part, status): (&String, &Status)| match status {
        Status::Running(pid) => format!("{part:<12} runs again, process {pid}"),
        Status::Down { how, pause } => {
            format!("{part:<12} ended ({how}), is started again in {} s", pause.as_secs())
        }
    };
    changed.map(line).collect()
}

fn with_pids(facts: &Value, parts: &Parts) -> Value {
    match facts {
        Value::Array(all) => all.iter().map(|one| with_pids(one, parts)).collect(),
        Value::Object(fields) => {
            let filled = fields.iter().map(|(name, value)| (name.clone(), with_pids(value, parts)));
            let mut filled: Map<_, _> = filled.collect();
            if let Some(part) = fields.get("part").and_then(Value::as_str) {
                let pid = match parts.get(part) {
                    Some(Status::Running(pid)) => json!(pid),
                    _ => Value::Null,
                };
                filled.insert("pid".to_owned(), pid);
            }
            Value::Object(filled)
        }
        other => other.clone(),
    }
}

/// A line for the user.
#[allow(clippy::print_stdout, reason = "a command line speaks to its user")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> Status {
        Status::Down { how: "signal: 9".to_owned(), pause: Duration::from_secs(2) }
    }

    fn parts(status: Status) -> Parts {
        [("edge-1".to_owned(), status), ("store".to_owned(), Status::Running(7))].into()
    }

    #[test]
    fn the_facts_of_a_part_carry_the_process_that_runs_now() {
        let facts = json!({ "edge": [{ "part": "edge-1", "smpp": "a" }], "pid": 1 });
        let shown = |status| with_pids(&facts, &parts(status));
        assert_eq!(shown(Status::Running(4)).pointer("/edge/0/pid"), Some(&json!(4)));
        assert_eq!(shown(down()).pointer("/edge/0/pid"), Some(&Value::Null));
        assert_eq!(shown(down()).pointer("/edge/0/smpp"), Some(&json!("a")));
        assert_eq!(shown(down()).pointer("/pid"), Some(&json!(1)));
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = parts(Status::Running(4));
        assert_eq!(told(&before, &before), Vec::<String>::new());
        let line = "edge-1       ended (signal: 9), is started again in 2 s";
        assert_eq!(told(&before, &parts(down())), [line]);
        let line = "edge-1       runs again, process 5";
        assert_eq!(told(&parts(down()), &parts(Status::Running(5))), [line]);
    }
}
