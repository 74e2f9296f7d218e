//! A web server as people put it before their MLflow: it speaks TLS, wants a proof of whoever asks, and passes on what has
//! one.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Requests of which the bodies are remembered: more than a test makes.
const REMEMBERED_MAX: usize = 1_024;

/// A server on TLS. Dropping it ends it.
#[derive(Debug)]
pub struct Front {
    listen: SocketAddr,
    passed: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

/// What it does with each request.
#[derive(Debug)]
struct Rule {
    /// What the header `Authorization` must be.
    proof: String,
    /// Who gets what has it; without anybody it is answered as if it were done.
    behind: Option<SocketAddr>,
    passed: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// Listens on the current tokio runtime, with `server.pem` and `server.key` of a directory. `proof` is what the header
    /// `Authorization` must be; `behind` gets the requests that have it, and without anybody there they are answered as if
    /// they were done.
    ///
    /// Fails outside of a runtime, when the address cannot be had, or without the certificate.
    pub fn start(listen: SocketAddr, certificates: &Path, proof: &str, behind: Option<SocketAddr>) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let listen = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let acceptor = acceptor(certificates)?;
        let passed = Arc::default();
        let rule = Arc::new(Rule {
            proof: proof.to_owned(),
            behind,
            passed: Arc::clone(&passed),
        });
        let accepting = runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, rule) = (acceptor.clone(), Arc::clone(&rule));
                tokio::spawn(async move {
                    // Whoever does not trust the certificate goes.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request| answer(Arc::clone(&rule), request));
                    let _ = server::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self {
            listen,
            passed,
            accepting,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The bodies of the requests that had the proof.
    #[must_use]
    pub fn passed(&self) -> Vec<String> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn acceptor(certificates: &Path) -> io::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificates.join("server.pem")).map_err(io::Error::other)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(certificates.join("server.key")).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(io::Error::other)?.with_no_client_auth();
    let config = builder.with_single_cert(chain, key).map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn answer(rule: Arc<Rule>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let shown = request.headers().get(header::AUTHORIZATION);
    if shown.is_none_or(|shown| shown.as_bytes() != rule.proof.as_bytes()) {
        return Ok(said(StatusCode::UNAUTHORIZED, "who are you?"));
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    {
        let mut passed = rule.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.len() < REMEMBERED_MAX {
            passed.push(String::from_utf8_lossy(&body).into_owned());
        }
    }
    match rule.behind {
        None => Ok(said(StatusCode::OK, "{}")),
        Some(behind) => {
            let passed_on = pass_on(behind, Request::from_parts(head, Full::new(body))).await;
            Ok(passed_on.unwrap_or_else(|error| said(StatusCode::BAD_GATEWAY, &error.to_string())))
        }
    }
}

async fn pass_on(behind: SocketAddr, request: Request<Full<Bytes>>) -> io::Result<Response<Full<Bytes>>> {
    let stream = TcpStream::connect(behind).await?;
    let client = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut requests, connection) = client.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let response = requests.send_request(request).await.map_err(io::Error::other)?;
    let (status, body) = (response.status(), response.into_body().collect().await);
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok(said(status, &String::from_utf8_lossy(&body)))
}

fn said(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    response
}
