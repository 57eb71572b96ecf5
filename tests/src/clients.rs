//! Third-party clients and providers, installed once, outside the checkout.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::stack::root;

/// The directory with their libraries.
///
/// # Errors
/// They cannot be installed.
pub fn installed() -> anyhow::Result<String> {
    let output = Command::new(root().join("tools/clients-install")).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    Ok(said.lines().last().context("it names no directory")?.to_owned())
}
