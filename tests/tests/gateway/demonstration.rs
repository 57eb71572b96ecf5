//! `make demo` is what a new user runs first: it ends well only if every message arrived.

use std::process::Command;

#[test]
fn the_demonstration_shows_every_journey_and_ends_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for happened in ["accepted", "assembled", "routed", "submitted", "delivered", "told"] {
        assert!(said.contains(happened), "nothing was {happened}:\n{said}");
    }
}
