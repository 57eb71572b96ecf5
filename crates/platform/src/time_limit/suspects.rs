//! Places where pure code was stuck, and the file that they outlive the process in: a line each,
//! `topic partition offset`, the newest last.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The file keeps this many, the newest.
const KEPT_MAX: usize = 10_000;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Topic; a name without spaces.
    pub topic: &'a str,
    /// Partition there.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
}

/// A place that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Suspect {
    topic: String,
    partition: i32,
    offset: i64,
}

impl From<Place<'_>> for Suspect {
    fn from(Place { topic, partition, offset }: Place<'_>) -> Self {
        Self { topic: topic.to_owned(), partition, offset }
    }
}

impl fmt::Display for Suspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.topic, self.partition, self.offset)
    }
}

impl Suspect {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let topic = words.next()?.to_owned();
        let (partition, offset) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().is_none().then_some(Self { topic, partition, offset })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Each with its number; the newest has the highest.
    numbers: HashMap<Suspect, u64>,
    next: u64,
}

impl Suspects {
    /// Those of a file; none if it is not there.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(file: &Path) -> io::Result<Self> {
        match std::fs::read(file) {
            Ok(text) => Ok(Self::parse(&String::from_utf8_lossy(&text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Puts them in the place of the file, whole or not at all; without any there is no file.
    ///
    /// # Errors
    /// It cannot be written; the file is as it was.
    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        if self.is_empty() {
            return match std::fs::remove_file(file) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            };
        }
        let partial = file.with_extension("partial");
        std::fs::write(&partial, self.text())?;
        std::fs::rename(partial, file)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn contains(&self, place: Place<'_>) -> bool {
        self.numbers.contains_key(&Suspect::from(place))
    }

    pub(super) fn add(&mut self, suspect: Suspect) {
        self.numbers.insert(suspect, self.next);
        self.next += 1;
    }

    pub(super) fn remove(&mut self, suspect: &Suspect) {
        self.numbers.remove(suspect);
    }

    /// Lines that are none of ours are passed over: what is suspected only costs time not to know.
    fn parse(text: &str) -> Self {
        let mut suspects = Self::default();
        text.lines().filter_map(Suspect::parse).for_each(|suspect| suspects.add(suspect));
        suspects
    }

    fn text(&self) -> String {
        let mut all: Vec<(&Suspect, u64)> =
            self.numbers.iter().map(|(suspect, number)| (suspect, *number)).collect();
        all.sort_unstable_by_key(|(_, number)| *number);
        let kept = &all[all.len().saturating_sub(KEPT_MAX)..];
        let lines: Vec<String> = kept.iter().map(|(suspect, _)| suspect.to_string()).collect();
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: i64) -> Place<'static> {
        Place { topic: "parts", partition: 1, offset }
    }

    fn of(offsets: impl IntoIterator<Item = i64>) -> Suspects {
        let mut suspects = Suspects::default();
        offsets.into_iter().for_each(|offset| suspects.add(place(offset).into()));
        suspects
    }

    #[test]
    fn the_file_has_a_line_for_each_the_newest_last() {
        let text = of([7, 5, 7]).text();
        assert_eq!(text, "parts 1 5\nparts 1 7\n");
        let read = Suspects::parse(&text);
        assert_eq!(read.text(), text);
        assert!(read.contains(place(5)) && read.contains(place(7)) && !read.contains(place(6)));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let max = i64::try_from(KEPT_MAX).unwrap();
        let text = of(0..max + 3).text();
        assert_eq!(text.lines().count(), KEPT_MAX);
        assert!(text.starts_with("parts 1 3\n") && text.ends_with(&format!(" {}\n", max + 2)));
    }

    #[test]
    fn lines_that_are_none_of_ours_are_passed_over() {
        let text = "\nparts 1\nparts 1 2 3\nparts x 2\nparts 1 2\n\u{fffd}\n";
        assert_eq!(Suspects::parse(text).text(), "parts 1 2\n");
    }

    #[test]
    fn a_file_is_replaced_whole_and_goes_with_its_last_place() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("stuck");
        assert!(Suspects::read(&file).unwrap().is_empty());
        of([1, 2]).write(&file).unwrap();
        assert_eq!(Suspects::read(&file).unwrap().len(), 2);
        of([2]).write(&file).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "parts 1 2\n");
        for _again in 0..2 {
            Suspects::default().write(&file).unwrap();
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        }
        assert!(Suspects::read(directory.path()).is_err());
    }
}
