//! The first configuration: `local/config.yaml` becomes version 1, with its providers led to the
//! simulated one.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use domain::config::{Document, Link};
use serde::de::DeserializeOwned;
use serde_json::json;
use wire::admin_api::{ApplyBody, InForce, Version};

use crate::ports;
use crate::runtime::Function;

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

/// Binds that the slots of a configuration hold to `smsc`.
#[must_use]
pub fn binds_to(document: &Document, smsc: SocketAddr) -> u32 {
    let binds = document.providers.iter().map(|provider| match &provider.link {
        Link::Smpp(link) if link.port == smsc.port() => provider.open_binds(),
        Link::Smpp(_) => 0,
    });
    binds.sum()
}

/// What is in force, after `document` has become the first version if there was none. As an operator
/// would: through function `configure`, which makes the providers' topics and journals, too.
///
/// # Errors
/// The function fails or refuses the document.
pub async fn apply(configure: &Function, document: Document) -> anyhow::Result<Version> {
    let current: Version = call(configure, "GET", "/config/current", None).await?;
    if current.version.is_some() {
        return Ok(current);
    }
    let change = uuid::Uuid::new_v4().to_string();
    let body = ApplyBody { planned_against: None, change, document: document.clone() };
    let body = serde_json::to_string(&body)?;
    let applied: InForce = call(configure, "POST", "/config/apply", Some(body)).await?;
    Ok(Version { version: Some(applied.version), document })
}

async fn call<T: DeserializeOwned>(
    configure: &Function,
    method: &str,
    path: &str,
    body: Option<String>,
) -> anyhow::Result<T> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        status_code: u16,
        body: String,
    }
    let event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "headers": {},
        "requestContext": { "http": { "method": method, "path": path } },
        "body": body,
        "isBase64Encoded": false,
    });
    let answer = configure.invoke(Bytes::from(event.to_string())).await;
    let answer = answer.with_context(|| format!("function {}", configure.name()))?;
    let reply: Reply = serde_json::from_slice(&answer).context("configure's answer")?;
    anyhow::ensure!(reply.status_code == 200, "{method} {path}: {}", reply.body);
    serde_json::from_str(&reply.body).context("configure's answer")
}
