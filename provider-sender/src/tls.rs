//! TLS towards providers, by rustls.

use std::sync::Arc;

use anyhow::Context as _;
use domain::config::TlsLink;
use platform::secrets::Secrets;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

/// A connector that trusts the link's authorities, and the name to check.
///
/// # Errors
/// The authorities cannot be read, or the name cannot be one.
pub fn connector(
    link: &TlsLink,
    host: &str,
    secrets: &Secrets,
) -> anyhow::Result<(TlsConnector, ServerName<'static>)> {
    let name = link.server_name.as_deref().unwrap_or(host).to_owned();
    let name = ServerName::try_from(name).context("tls.server_name cannot be a server's name")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities(link, secrets)?)
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn authorities(link: &TlsLink, secrets: &Secrets) -> anyhow::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match &link.ca_secret {
        Some(name) => {
            let pem = secrets.get(name)?;
            for certificate in CertificateDer::pem_slice_iter(pem.expose().as_bytes()) {
                store.add(certificate.with_context(|| format!("secret {name} is not PEM"))?)?;
            }
            anyhow::ensure!(!store.is_empty(), "secret {name} holds no certificate");
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            anyhow::ensure!(
                !store.is_empty(),
                "this machine has no public authorities' certificates"
            );
        }
    }
    Ok(store)
}
