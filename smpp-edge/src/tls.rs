//! TLS for customers, by rustls (TLS 1.2 and 1.3).

use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::settings::TlsSettings;

/// An acceptor with the configured certificate.
///
/// # Errors
/// Certificate or key cannot be read or do not fit.
pub fn acceptor(settings: &TlsSettings) -> anyhow::Result<TlsAcceptor> {
    let name = settings.certificate.display();
    let chain = CertificateDer::pem_file_iter(&settings.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("SMPP_TLS_CERTIFICATE {name} cannot be read"))?;
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .with_context(|| format!("SMPP_TLS_KEY {} cannot be read", settings.key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("SMPP_TLS_CERTIFICATE and SMPP_TLS_KEY do not fit")?;
    // Binds live for days: nothing is resumed, and 10,000 idle ones have to stay small.
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
