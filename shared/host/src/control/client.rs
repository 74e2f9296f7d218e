//! The command line's end of the control socket.

use std::error::Error;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// The longest response a client reads, in bytes: a listing of a whole store fits, and a response
/// without end does not take the machine's memory.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a request over the control socket got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No process serves the socket, so the program it belongs to is not running.
    #[error("connecting to control socket {}: nobody is listening; start the program, or name its socket", path.display())]
    NobodyListens {
        /// The socket.
        path: PathBuf,
    },
    /// This user may not use the socket.
    #[error("connecting to control socket {}: permission denied; run as its owner, or join its group", path.display())]
    Denied {
        /// The socket.
        path: PathBuf,
    },
    /// The machine refused the connection in some other way.
    #[error("connecting to control socket {}: {reason}; check the path", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the machine said.
        reason: String,
    },
    /// The request is not one that can be sent.
    #[error("asking {target:?} over control socket {}: {reason}; ask for a path that starts with \"/\"", path.display())]
    Target {
        /// The socket.
        path: PathBuf,
        /// What was asked for.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection broke before the answer was there.
    #[error("asking {target:?} over control socket {}: {reason}; look at the program's log", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What was asked for.
        target: String,
        /// How it broke.
        reason: String,
    },
    /// The answer is longer than whoever asked wants to read.
    #[error("asking {target:?} over control socket {}: the answer is longer than {bytes_max} bytes; ask for less", path.display())]
    TooLong {
        /// The socket.
        path: PathBuf,
        /// What was asked for.
        target: String,
        /// The most that is read.
        bytes_max: usize,
    },
    /// The answer of success is not JSON.
    #[error("asking {target:?} over control socket {}: the answer is not JSON ({reason}); check which program serves the socket", path.display())]
    NotJson {
        /// The socket.
        path: PathBuf,
        /// What was asked for.
        target: String,
        /// What the JSON reader found.
        reason: String,
    },
    /// What was asked for cannot be kept.
    #[error("keeping the answer to {target:?} over control socket {}: {reason}; check where it goes", path.display())]
    Kept {
        /// The socket.
        path: PathBuf,
        /// What was asked for.
        target: String,
        /// What the machine said.
        reason: String,
    },
    /// The answer was not there in time.
    #[error("asking {target:?} over control socket {}: no answer within {timeout_ms} ms; the program may be busy, try again", path.display())]
    TimedOut {
        /// The socket.
        path: PathBuf,
        /// What was asked for.
        target: String,
        /// How long was waited, in milliseconds.
        timeout_ms: u64,
    },
}

/// Sends one request over the control socket at `path` and reads the whole answer.
///
/// `target` is the path and query, such as `/v1/status?full=1`. An empty answer reads as null, and
/// an answer of failure that is not JSON reads as a string. Everything together may take
/// `timeout_ms` milliseconds.
///
/// # Errors
///
/// When there is no answer; see [`ControlError`]. An answer with a status of failure is an answer.
pub async fn request(
    path: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    timeout_ms: u64,
) -> Result<(StatusCode, Value), ControlError> {
    request_with(path, method, target, body, &[], timeout_ms).await
}

/// Does what [`request`] does, with more headers.
///
/// # Errors
///
/// As for [`request`]; [`ControlError::Target`] also for a header that is none.
pub async fn request_with(
    path: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
    timeout_ms: u64,
) -> Result<(StatusCode, Value), ControlError> {
    let exchange = async {
        let (status, bytes) = exchange(path, method, target, body, headers, RESPONSE_BYTES_MAX).await?;
        answer_of(path, target, status, &bytes)
    };
    within(path, target, timeout_ms, exchange).await
}

/// Asks for `target` over the control socket at `path` and reads the whole answer as it comes, at most `bytes_max`
/// bytes of it.
///
/// # Errors
///
/// As for [`request`].
pub async fn request_bytes(
    path: &Path,
    target: &str,
    bytes_max: usize,
    timeout_ms: u64,
) -> Result<(StatusCode, Vec<u8>), ControlError> {
    let exchange = async {
        let (status, bytes) = exchange(path, Method::GET, target, None, &[], bytes_max).await?;
        Ok((status, bytes.into()))
    };
    within(path, target, timeout_ms, exchange).await
}

async fn within<T>(
    path: &Path,
    target: &str,
    timeout_ms: u64,
    exchange: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ControlError> {
    match tokio::time::timeout(Duration::from_millis(timeout_ms), exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(ControlError::TimedOut {
            path: path.to_path_buf(),
            target: target.to_owned(),
            timeout_ms,
        }),
    }
}

/// Does what [`request`] does for a program that runs no runtime of its own.
///
/// # Errors
///
/// As for [`request`].
///
/// # Panics
///
/// When called from within a runtime.
pub fn request_blocking(
    path: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    timeout_ms: u64,
) -> Result<(StatusCode, Value), ControlError> {
    request_with_blocking(path, method, target, body, &[], timeout_ms)
}

/// Does what [`request_with`] does for a program that runs no runtime of its own.
///
/// # Errors
///
/// As for [`request_with`].
///
/// # Panics
///
/// When called from within a runtime.
pub fn request_with_blocking(
    path: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
    timeout_ms: u64,
) -> Result<(StatusCode, Value), ControlError> {
    runtime(path)?.block_on(request_with(path, method, target, body, headers, timeout_ms))
}

/// A runtime for one request.
pub(super) fn runtime(path: &Path) -> Result<Runtime, ControlError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| ControlError::Connect {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })
}

async fn connect(path: &Path) -> Result<UnixStream, ControlError> {
    let path_buf = path.to_path_buf();
    UnixStream::connect(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::NobodyListens { path: path_buf },
        io::ErrorKind::PermissionDenied => ControlError::Denied { path: path_buf },
        _ => ControlError::Connect {
            path: path_buf,
            reason: error.to_string(),
        },
    })
}

async fn exchange(
    path: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
    bytes_max: usize,
) -> Result<(StatusCode, Bytes), ControlError> {
    let (response, _driven) = send(path, method, target, body, headers).await?;
    let status = response.status();
    let limited = Limited::new(response.into_body(), bytes_max);
    let bytes = limited.collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ControlError::TooLong {
                path: path.to_path_buf(),
                target: target.to_owned(),
                bytes_max,
            }
        } else {
            broken(path, target, error.as_ref())
        }
    })?;
    Ok((status, bytes.to_bytes()))
}

/// Sends a request and reads the head of the answer. The body comes as long as the tasks beside it live.
pub(super) async fn send(
    path: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Result<(Response<Incoming>, JoinSet<()>), ControlError> {
    let stream = connect(path).await?;
    let content = body.map_or_else(Vec::new, |value| value.to_string().into_bytes());
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json");
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .body(Full::new(Bytes::from(content)))
        .map_err(|error| ControlError::Target {
            path: path.to_path_buf(),
            target: target.to_owned(),
            reason: error.to_string(),
        })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(path, target, &error))?;
    let mut driven = JoinSet::new();
    driven.spawn(async {
        // How the connection failed is told by the request that fails with it.
        let _ = connection.await;
    });
    let response = sender.send_request(request).await;
    let response = response.map_err(|error| broken(path, target, &error))?;
    Ok((response, driven))
}

pub(super) fn broken(path: &Path, target: &str, error: &dyn Error) -> ControlError {
    ControlError::Broken {
        path: path.to_path_buf(),
        target: target.to_owned(),
        reason: error.to_string(),
    }
}

pub(super) fn answer_of(
    path: &Path,
    target: &str,
    status: StatusCode,
    bytes: &[u8],
) -> Result<(StatusCode, Value), ControlError> {
    if bytes.is_empty() {
        return Ok((status, Value::Null));
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok((status, value)),
        Err(_) if !status.is_success() => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            Ok((status, Value::String(text)))
        }
        Err(error) => Err(ControlError::NotJson {
            path: path.to_path_buf(),
            target: target.to_owned(),
            reason: error.to_string(),
        }),
    }
}
