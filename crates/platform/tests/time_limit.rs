//! A process whose pure code loops for ever: it ends by itself, and its place is known afterwards.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use platform::time_limit::{FILE, Place, TimeLimit};

/// Set for the process that loops.
const LOOPS: &str = "TIME_LIMIT_TEST_LOOPS";
/// The test below, to be run again in that process.
const TEST: &str = "a_process_that_loops_for_ever_ends_and_the_next_gives_its_places_up";
/// Far more than the limit: a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const STUCK: [Place<'static>; 2] = [
    Place { topic: "parts", partition: 3, offset: 41 },
    Place { topic: "parts", partition: 3, offset: 44 },
];
const PASSED: Place<'static> = Place { topic: "parts", partition: 3, offset: 40 };

#[test]
fn a_process_that_loops_for_ever_ends_and_the_next_gives_its_places_up() {
    if std::env::var_os(LOOPS).is_some() {
        loop_for_ever();
    }
    let directory = tempfile::TempDir::new().unwrap();
    let status = ended(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST])
            .env(LOOPS, "1")
            .env("TMPDIR", directory.path())
            .env("PURE_CODE_LIMIT_MS", "200")
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    assert_eq!(status.code(), Some(1), "{status}");
    let file = directory.path().join(FILE);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "parts 3 41\nparts 3 44\n");
    let next = TimeLimit::kept_in(file);
    assert!(STUCK.into_iter().all(|place| next.gives_up(place)) && !next.gives_up(PASSED));
}

fn loop_for_ever() -> ! {
    let limit = TimeLimit::from_environment().unwrap();
    limit.over([PASSED], || ());
    let _inside = limit.enter(STUCK);
    loop {
        std::hint::spin_loop();
    }
}

fn ended(mut child: Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it still runs after {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
