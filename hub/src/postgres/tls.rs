//! TLS to a server that must prove its name.

use super::error::PgError;
use super::server::{Server, TlsMode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A request for TLS, which goes before anything else.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Asks for TLS and makes it. Not a byte is read beyond the answer before TLS is up, so that nobody can put words into
/// the server's mouth.
pub(super) async fn wrap(mut stream: TcpStream, server: &Server) -> Result<TlsStream<TcpStream>, PgError> {
    let address = server.address();
    let refused = |reason: String| PgError::Tls {
        address: address.clone(),
        reason,
    };
    let roots = match &server.tls {
        TlsMode::VerifyFull(Some(path)) => roots_in(path),
        TlsMode::VerifyFull(None) | TlsMode::Local => roots_of_system(),
    };
    let config = config(roots.map_err(&refused)?).map_err(&refused)?;
    let name = ServerName::try_from(server.host.clone()).map_err(|error| refused(error.to_string()))?;
    stream.write_all(&SSL_REQUEST).await.map_err(PgError::Lost)?;
    match stream.read_u8().await.map_err(PgError::Lost)? {
        b'S' => {}
        b'N' => return Err(refused("the server has no TLS; set ssl = on there".to_owned())),
        _ => return Err(refused("the server does not understand the request".to_owned())),
    }
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(|error| refused(error.to_string()))
}

fn config(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn roots_in(path: &Path) -> Result<RootCertStore, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the root certificates in {}: {error}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))? {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    match roots.is_empty() {
        true => Err(failed(&"there is none")),
        false => Ok(roots),
    }
}

fn roots_of_system() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates may be unreadable; the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err("this system trusts nobody; install its root certificates, or name a file".to_owned()),
        false => Ok(roots),
    }
}
