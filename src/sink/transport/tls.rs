//! TLS for every transport: TLS 1.2 and 1.3, the system's roots or the one given, names checked.
//!
//! The cryptography is graviola's: proven assembler from s2n-bignum in Rust, no C, so that the program for macOS can be
//! checked and linked anywhere.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::sink::output::{Address, Tls};

use super::Failure;

/// Shakes hands. Files are read anew each time: certificates are renewed while the daemon runs.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    address: &Address,
    tls: &Tls,
    protocols: &[&[u8]],
) -> Result<TlsStream<S>, Failure> {
    let mut config = config(tls)?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = tls.server_name.as_ref().unwrap_or(&address.host);
    let name = ServerName::try_from(name.clone())
        .map_err(|_| Failure::new(format!("`{name}` is no name that a certificate can bear")))?;
    let connector = TlsConnector::from(Arc::new(config));
    let shaken = connector.connect(name, stream).await;
    shaken.map_err(|error| Failure::new(format!("TLS with {address}: {error}")))
}

fn config(tls: &Tls) -> Result<ClientConfig, Failure> {
    let wrong = |error: rustls::Error| Failure::new(format!("TLS: {error}"));
    let provider = Arc::new(rustls_graviola::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(wrong)?;
    let builder = match &tls.ca_file {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(wrong)?;
            }
            builder.with_root_certificates(roots)
        }
        None => builder.with_platform_verifier().map_err(wrong)?,
    };
    match (&tls.cert_file, &tls.key_file) {
        (Some(chain), Some(key)) => {
            let wrong_key = |error| Failure::new(format!("{}: {error}", key.display()));
            let key = PrivateKeyDer::from_pem_file(key).map_err(wrong_key)?;
            builder.with_client_auth_cert(certificates(chain)?, key).map_err(wrong)
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    if all.is_empty() { Err(wrong(&"holds no certificate")) } else { Ok(all) }
}
