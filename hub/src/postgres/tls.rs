//! TLS as PostgreSQL begins it.

use super::error::PgError;
use super::server::{Server, TlsMode};
use crate::tls;
use rustls::pki_types::ServerName;
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
        TlsMode::VerifyFull(path) => path.as_deref(),
        TlsMode::Local => None,
    };
    let config = tls::client(roots).map_err(&refused)?;
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
