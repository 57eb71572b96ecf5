//! One line per part for people, and a file with every address and process id for tests.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::options::Options;

/// What runs where.
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

    /// All is ready.
    ///
    /// # Errors
    /// The ready file cannot be written.
    pub(super) fn ready(mut self, options: &Options, took: Duration) -> anyhow::Result<()> {
        self.fields.insert("pid".to_owned(), json!(std::process::id()));
        self.fields.insert("state".to_owned(), json!(options.state));
        self.fields.insert("ready_s".to_owned(), json!(took.as_secs_f64()));
        say(&format!("ready after {:.1} s", took.as_secs_f64()));
        for hint in &self.hints {
            say(hint);
        }
        if let Some(path) = &options.ready_file {
            // Whole or not at all: a reader polls for it.
            let partial = path.with_extension("partial");
            std::fs::write(&partial, Value::Object(self.fields).to_string())?;
            std::fs::rename(&partial, path)?;
        }
        Ok(())
    }
}

/// A line for the user.
#[allow(clippy::print_stdout, reason = "a command line speaks to its user")]
pub(super) fn say(line: &str) {
    println!("{line}");
}
