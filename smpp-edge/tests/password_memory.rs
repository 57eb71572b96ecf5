//! What a check of a password takes goes back to the system (hazards: a node that thousands bind to).
//! A program of its own: other tests' memory would be counted too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::mpsc::sync_channel;

use argon2::password_hash::{PasswordHasher as _, SaltString};
use argon2::{Argon2, Params};
use smpp_edge::password;

/// What one check with the usual parameters takes.
const CHECK_KIB: usize = Params::DEFAULT_M_COST as usize;

#[test]
fn checks_leave_no_memory_behind_whichever_threads_made_them() {
    let salt = SaltString::from_b64("c29tZXNhbHRzb21l").unwrap();
    let hash = Argon2::default().hash_password(b"secret", &salt).unwrap().to_string();
    let before = resident_kib();
    let checked = |_| {
        let hash = hash.clone();
        // One after the other, as the edge does it, but each on a thread that stays.
        let (told, tell) = sync_channel(1);
        let (end, ended) = sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            told.send(password::is_right(&hash, b"secret")).unwrap();
            ended.recv().unwrap_err();
        });
        assert!(tell.recv().unwrap());
        (end, thread)
    };
    let threads: Vec<_> = (0..4).map(checked).collect();
    let left = resident_kib().saturating_sub(before);
    for (end, thread) in threads {
        drop(end);
        thread.join().unwrap();
    }
    assert!(left < CHECK_KIB, "{left} KiB are left of four checks of {CHECK_KIB} KiB");
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
