//! The bearer token (RFC 6750) that a request over TCP carries.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use subtle::ConstantTimeEq;

/// The shortest token, in bytes: 16 random bytes as text are longer, and what is shorter was made up by somebody.
const TOKEN_BYTES_MIN: usize = 16;

/// The longest token, in bytes: a header of this length passes every proxy.
const TOKEN_BYTES_MAX: usize = 1_024;

/// The scheme's name, which may be written in any case.
const SCHEME: &str = "bearer ";

/// Permissions that would let everybody on the machine read the token.
const MODE_OF_OTHERS: u32 = 0o007;

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("reading token file {}: {reason}; make it with `openssl rand -hex 32`, for this program's user alone", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the machine said.
        reason: String,
    },
    /// Everybody may read it.
    #[error("reading token file {path}: every user of this machine may use it; run `chmod o-rwx {path}`", path = .0.display())]
    Open(PathBuf),
    /// It holds no token.
    #[error(
        "reading token file {}: it must hold one token of {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} letters of ASCII without a space; make one with `openssl rand -hex 32`", .0.display()
    )]
    Invalid(PathBuf),
}

/// What clients prove themselves by.
#[derive(Clone)]
pub(super) struct Token(Arc<[u8]>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads it from a file that holds nothing else, but for spaces around it.
    pub(super) fn read(path: &Path) -> Result<Self, TokenError> {
        let failed = |error: std::io::Error| TokenError::Read {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.permissions().mode() & MODE_OF_OTHERS != 0 {
            return Err(TokenError::Open(path.to_path_buf()));
        }
        let mut bytes = Vec::new();
        // Spaces around it, and one byte more than is allowed, so that a long one is noticed.
        let most = TOKEN_BYTES_MAX as u64 + 64;
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
        let token = bytes.trim_ascii();
        let fits = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len());
        if !fits || !token.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError::Invalid(path.to_path_buf()));
        }
        Ok(Self(token.into()))
    }

    /// Whether a request carries it. How long that takes tells nothing of the token but its length.
    fn is_carried(&self, headers: &HeaderMap) -> bool {
        let mut said = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (said.next(), said.next()) else {
            return false;
        };
        let Some((scheme, token)) = value.as_bytes().split_at_checked(SCHEME.len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && bool::from(token.ct_eq(&self.0))
    }
}

/// Lets a request on that carries the token.
pub(super) async fn demand(State(token): State<Token>, request: Request, next: Next) -> Response {
    if token.is_carried(request.headers()) {
        return next.run(request).await;
    }
    let problem = json!({
        "type": "urn:headland:problem:no-token", "title": "No token", "status": 401,
        "detail": "answering over TCP: the request does not carry the token; send the header `Authorization: Bearer TOKEN` with the token of the file that api.token_file names",
    });
    let mut response = (StatusCode::UNAUTHORIZED, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"headland\""),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_lets_a_request_on() {
        let token = Token(b"0123456789abcdef".as_slice().into());
        let carried = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            token.is_carried(&headers)
        };
        assert!(carried(&["Bearer 0123456789abcdef"]));
        assert!(carried(&["bearer 0123456789abcdef"]));
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer  0123456789abcdef",
            "Basic 0123456789abcdef",
            "Bearer",
            "",
        ] {
            assert!(!carried(&[wrong]), "{wrong}");
        }
        assert!(!carried(&[]));
        assert!(!carried(&["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"]));
    }

    #[test]
    fn a_token_is_one_word_in_a_file_that_not_everybody_may_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let read = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Token::read(&path).map(|token| token.0.to_vec())
        };
        assert_eq!(read("0123456789abcdef\n", 0o640).unwrap(), b"0123456789abcdef");
        assert_eq!(read("0123456789abcdef", 0o644), Err(TokenError::Open(path.clone())));
        let long = "x".repeat(TOKEN_BYTES_MAX + 1);
        for text in ["", "short", "two words of a token", "0123456789äöüß", &long] {
            assert_eq!(read(text, 0o600), Err(TokenError::Invalid(path.clone())), "{text}");
        }
        let missing = Token::read(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("openssl rand"), "{missing}");
    }
}
