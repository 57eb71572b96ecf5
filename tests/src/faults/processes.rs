//! The processes of a running gateway, as the kernel knows them (proc(5)): functions, too, which are not
//! in the ready file.

use std::path::Path;

use anyhow::Context as _;

/// A process of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// What it is: `smpp-edge`, `provider-sender`, `route`, `assemble`, `store`, `kafka-1`, …
    pub name: String,
}

/// The children of `parent` that run now, the oldest id first.
///
/// # Errors
/// There is no /proc.
pub fn children(parent: u32) -> anyhow::Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").context("processes are looked up in /proc")? {
        let file_name = entry?.file_name();
        let Some(pid) = file_name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // It may end while we look.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if parent_of(&stat) != Some(parent) {
            continue;
        }
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        found.extend(name_of(&command).map(|name| Process { pid, name }));
    }
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

/// Whether a process of before still runs, whoever its parent is by now.
#[must_use]
pub fn runs(process: &Process) -> bool {
    let command = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    name_of(&command).is_some_and(|name| name == process.name)
}

/// The parent in a line of `/proc/PID/stat`. The name before it is in parentheses and may hold any
/// character.
fn parent_of(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// What a process of `local` is, by its command line. None for one that is only about to become
/// something, and for one that has ended and was not waited for yet.
fn name_of(command: &[u8]) -> Option<String> {
    let arguments: Vec<&str> = command
        .split(|octet| *octet == 0)
        .map(std::str::from_utf8)
        .collect::<Result<_, _>>()
        .ok()?;
    let program = file_name(arguments.first()?)?;
    match program {
        "local" => arguments.get(1).filter(|part| **part != "child").map(|part| (*part).to_owned()),
        "java" => {
            // Its last argument is the properties file in the broker's directory.
            let properties = arguments.iter().rev().find(|argument| !argument.is_empty())?;
            let directory = Path::new(properties).parent()?;
            directory.file_name()?.to_str().map(str::to_owned)
        }
        program => Some(program.to_owned()),
    }
}

fn file_name(path: &str) -> Option<&str> {
    Path::new(path).file_name()?.to_str()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_of("42 (route) S 7 42 42 0"), Some(7));
        assert_eq!(parent_of("42 (a) b) (c d) S 9 42"), Some(9));
        assert_eq!(parent_of("42 (route"), None);
    }

    #[test]
    fn a_process_is_named_by_what_it_became() {
        let name = |command: &str| name_of(command.replace(' ', "\0").as_bytes());
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(name("bin/provider-sender "), named("provider-sender"));
        assert_eq!(name("bin/local store --listen 127.0.0.1:1 "), named("store"));
        assert_eq!(name("java -Xmx1m kafka.Kafka s/kafka-2/server.properties "), named("kafka-2"));
    }

    #[test]
    fn what_is_about_to_become_something_or_has_ended_has_no_name() {
        assert_eq!(name_of(b"bin/local\0child\x007\0bin/route\0"), None);
        assert_eq!(name_of(b""), None);
    }

    #[test]
    fn our_own_children_are_found_until_they_are_gone() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // The kernel lets the parent go on before the command line stands; a program that answers has it.
        child.stdin.as_mut().unwrap().write_all(b"there\n").unwrap();
        let mut answer = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
        let is_there = |pid| children(std::process::id()).unwrap().iter().any(|it| it.pid == pid);
        assert!(is_there(child.id()));
        let process = Process { pid: child.id(), name: "cat".to_owned() };
        assert!(runs(&process) && !runs(&Process { name: "dog".to_owned(), ..process.clone() }));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_there(child.id()) && !runs(&process));
    }
}
