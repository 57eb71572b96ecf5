//! The first configuration: `local/config.yaml` becomes version 1, with its providers led to the
//! simulated one.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use domain::config::{Document, Link};

use crate::ports;

/// Password of the simulated provider; it guards nothing.
pub const SMSC_PASSWORD: &str = "secret";

/// Reads the sample configuration.
///
/// # Errors
/// It cannot be read or is no configuration.
pub fn read(path: &Path) -> anyhow::Result<Document> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

/// Leads links to the usual address of the simulated provider to where it really listens.
pub fn lead_to_smsc(document: &mut Document, smsc: SocketAddr) {
    for provider in &mut document.providers {
        let Link::Smpp(link) = &mut provider.link;
        let here = link.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if (here || link.host == "localhost") && link.port == ports::SMSC {
            link.port = smsc.port();
        }
    }
}

/// The account that the simulated provider has to know: that of the first link to it.
#[must_use]
pub fn smsc_account(document: &Document) -> Option<&str> {
    let links = document.providers.iter().map(|provider| match &provider.link {
        Link::Smpp(link) => link.system_id.as_str(),
    });
    links.into_iter().next()
}

/// Writes the providers' passwords where the sender looks for secrets, unless they are there.
///
/// # Errors
/// The directory cannot be written.
pub fn write_secrets(document: &Document, directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)?;
    for provider in &document.providers {
        let Link::Smpp(link) = &provider.link;
        let path = directory.join(&link.password_secret);
        if !path.exists() {
            std::fs::write(&path, SMSC_PASSWORD).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
