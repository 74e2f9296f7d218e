//! One connection to a server of HTTP/1.1, over TLS or within this machine.

use super::target::Target;
use crate::tls;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long one request may take, with its connection.
const ANSWER_S_MAX: u64 = 60;
/// The longest answer read, in bytes: MLflow's have some hundreds, and an error its message.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// Nobody answers at the address.
    #[error("connecting to {target}: {source}; check that it runs, and registry.writeback.mlflow")]
    Unreachable {
        /// Where.
        target: String,
        /// What the system said.
        source: io::Error,
    },
    /// No trusted connection came about.
    #[error(
        "making a TLS connection to {target}: {reason}; check registry.writeback.root_certificates and the server's certificate"
    )]
    Tls {
        /// Where.
        target: String,
        /// What is wrong.
        reason: String,
    },
    /// The connection broke.
    #[error("speaking with {target}: {reason}; it is tried again")]
    Broken {
        /// With whom.
        target: String,
        /// How it broke.
        reason: String,
    },
    /// It says nothing.
    #[error("waiting for {0}: no answer within {ANSWER_S_MAX} s; it is tried again")]
    Silent(String),
}

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    target: String,
    requests: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects. The connection is kept going by a task of its own.
    pub(super) async fn open(target: &Target) -> Result<Self, HttpError> {
        within(target.to_string(), Self::dial(target)).await
    }

    async fn dial(target: &Target) -> Result<Self, HttpError> {
        let dialled = TcpStream::connect((target.host.as_str(), target.port)).await;
        let tcp = dialled.map_err(|source| HttpError::Unreachable {
            target: target.to_string(),
            source,
        })?;
        let stream: Box<dyn Stream> = match target.tls {
            true => Box::new(wrap(tcp, target).await?),
            false => Box::new(tcp),
        };
        let (requests, connection) =
            http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| HttpError::Broken {
                    target: target.to_string(),
                    reason: error.to_string(),
                })?;
        // How it ends is told by the request that ends with it.
        tokio::spawn(connection);
        Ok(Self {
            target: target.to_string(),
            requests,
        })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), HttpError> {
        let target = self.target.clone();
        let broken = |reason: String| HttpError::Broken {
            target: target.clone(),
            reason,
        };
        let exchange = async {
            let sent = self.requests.send_request(request).await;
            let response = sent.map_err(|error| broken(error.to_string()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| broken(error.to_string()))?;
            Ok((status, body.to_bytes()))
        };
        within(target.clone(), exchange).await
    }
}

async fn within<T>(target: String, exchange: impl Future<Output = Result<T, HttpError>>) -> Result<T, HttpError> {
    let answer = tokio::time::timeout(Duration::from_secs(ANSWER_S_MAX), exchange).await;
    answer.unwrap_or(Err(HttpError::Silent(target)))
}

async fn wrap(tcp: TcpStream, target: &Target) -> Result<impl Stream + use<>, HttpError> {
    let refused = |reason: String| HttpError::Tls {
        target: target.to_string(),
        reason,
    };
    let config = tls::client(target.root_certificates.as_deref()).map_err(&refused)?;
    let name = ServerName::try_from(target.host.clone()).map_err(|error| refused(error.to_string()))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    connected.map_err(|error| refused(error.to_string()))
}
