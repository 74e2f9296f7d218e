//! Taking in an answer that is longer than anybody would hold in memory.

use std::io;
use std::path::Path;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use super::client::{ControlError, answer_of, broken, send};

/// The longest answer of failure that is read, in bytes: a problem has a few hundred.
const FAILURE_BYTES_MAX: usize = 64 * 1024;

/// Asks for `target` over the control socket at `path`, and gives each piece of the answer to `take` as it comes. An
/// answer of failure is not given to it but returned, as [`super::request`] does.
///
/// Nothing may take longer than `silence_ms` milliseconds from one piece to the next.
///
/// # Errors
///
/// When there is no whole answer, or `take` fails; see [`ControlError`].
pub async fn download(
    path: &Path,
    target: &str,
    silence_ms: u64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(StatusCode, Value), ControlError> {
    let patience = Duration::from_millis(silence_ms);
    let timed_out = || ControlError::TimedOut {
        path: path.to_path_buf(),
        target: target.to_owned(),
        timeout_ms: silence_ms,
    };
    let sent = tokio::time::timeout(patience, send(path, Method::GET, target, None, &[])).await;
    let (response, _driven) = sent.map_err(|_| timed_out())??;
    let status = response.status();
    let (mut body, mut failure) = (response.into_body(), Vec::new());
    while let Some(frame) = tokio::time::timeout(patience, body.frame())
        .await
        .map_err(|_| timed_out())?
    {
        let frame = frame.map_err(|error| broken(path, target, &error))?;
        let Some(piece) = frame.data_ref() else {
            continue;
        };
        if status.is_success() {
            take(piece).map_err(|error| ControlError::Kept {
                path: path.to_path_buf(),
                target: target.to_owned(),
                reason: error.to_string(),
            })?;
        } else if failure.len() + piece.len() <= FAILURE_BYTES_MAX {
            failure.extend_from_slice(piece);
        }
    }
    answer_of(path, target, status, &failure)
}

/// Does what [`download`] does for a program that runs no runtime of its own.
///
/// # Errors
///
/// As for [`download`].
///
/// # Panics
///
/// When called from within a runtime.
pub fn download_blocking(
    path: &Path,
    target: &str,
    silence_ms: u64,
    take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(StatusCode, Value), ControlError> {
    super::client::runtime(path)?.block_on(download(path, target, silence_ms, take))
}
