//! What `/tmp` is on Lambda: each sandbox has a directory of its own, and the process that takes a
//! sandbox's place after it ended finds what is in there. «The Lambda reset does not clear the /tmp
//! directory content prior to the next init phase»
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The directories of a function's sandboxes.
#[derive(Debug)]
pub(super) struct Scratches {
    root: PathBuf,
    given: Mutex<Given>,
}

/// As many as sandboxes ran at once: the function's concurrency at most.
#[derive(Debug, Default)]
struct Given {
    made: usize,
    /// Nobody's at the moment; the one that was given back last stands last.
    free: Vec<PathBuf>,
}

impl Scratches {
    /// Directories below `root`.
    #[must_use]
    pub(super) fn new(root: PathBuf) -> Arc<Self> {
        Arc::new(Self { root, given: Mutex::default() })
    }

    /// The directory of the sandbox that ended last; a new one if each has its sandbox.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn take(self: &Arc<Self>) -> io::Result<Scratch> {
        let mut given = self.given();
        let path = given.free.pop().unwrap_or_else(|| {
            given.made += 1;
            self.root.join(given.made.to_string())
        });
        drop(given);
        let scratch = Scratch { path, of: self.clone() };
        std::fs::create_dir_all(&scratch.path)?;
        Ok(scratch)
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A directory that is taken; dropped, it is free, and keeps what is in it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    of: Arc<Scratches>,
}

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.of.given().free.push(std::mem::take(&mut self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_after_a_sandbox_finds_its_files_and_nobody_else_does() {
        let state = tempfile::TempDir::new().unwrap();
        let scratches = Scratches::new(state.path().join("tmp"));
        let (first, second) = (scratches.take().unwrap(), scratches.take().unwrap());
        assert_ne!(first.path(), second.path());
        std::fs::write(second.path().join("file"), "kept").unwrap();
        drop((first, second));
        let after = scratches.take().unwrap();
        assert_eq!(std::fs::read(after.path().join("file")).unwrap(), b"kept");
        let other = scratches.take().unwrap();
        assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(state.path().join("tmp")).unwrap().count(), 2);
    }
}
