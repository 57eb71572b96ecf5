//! Why a command did not do what it was asked, for people, for programs, and as exit code.

use std::fmt;

use serde::Serialize;
use wire::admin_api::ProblemBody;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileMistake {
    /// The file.
    pub file: String,
    /// Line, from 1; 0: the whole file.
    pub line: u32,
    /// Where in the document: `providers[0].slots`.
    pub field: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub cure: String,
}

impl fmt::Display for FileMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, field, what, cure } = self;
        write!(f, "{file}:{line}: {field}: {what}\n    cure: {cure}")
    }
}

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The files have mistakes.
    Mistakes(Vec<FileMistake>),
    /// The gateway refuses.
    Refused(ProblemBody),
    /// What was given cannot be used.
    Unusable(String),
    /// The gateway does not answer.
    Unreachable(String),
}

impl Failure {
    /// 1: refused; 3: no answer (2 is clap's).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Mistakes(_) | Self::Refused(_) | Self::Unusable(_) => 1,
            Self::Unreachable(_) => 3,
        }
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> String {
        let value = match self {
            Self::Mistakes(mistakes) => serde_json::json!({ "mistakes": mistakes }),
            Self::Refused(problem) => serde_json::json!({ "refused": problem }),
            Self::Unusable(why) => serde_json::json!({ "unusable": why }),
            Self::Unreachable(why) => serde_json::json!({ "unreachable": why }),
        };
        value.to_string()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mistakes(mistakes) => {
                for mistake in mistakes {
                    writeln!(f, "{mistake}")?;
                }
                let s = if mistakes.len() == 1 { "" } else { "s" };
                write!(f, "{} mistake{s}; nothing was changed", mistakes.len())
            }
            Self::Refused(problem) => {
                write!(f, "refused: {}\n    cure: {}", problem.title, problem.cure)?;
                problem.mistakes.iter().try_for_each(|mistake| write!(f, "\n{mistake}"))
            }
            Self::Unusable(why) => f.write_str(why),
            Self::Unreachable(why) => write!(
                f,
                "the gateway does not answer: {why}\n    cure: check --url (GATEWAY_URL) and \
                 --token-file (GATEWAY_TOKEN_FILE), and that it runs"
            ),
        }
    }
}
