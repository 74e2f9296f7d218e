//! The key by which a retry is known for what it is.

use crate::driver::LocalWrite;
use crate::store::Request;
use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use headland_api::problem::Refusal;
use headland_shared::digest::hash_128;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in bytes: a UUID fits several times over.
const KEY_BYTES_MAX: usize = 255;

/// The key that a request carries, if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Option<u128>);

impl Key {
    /// What makes this write a request that is done once.
    pub(super) fn request(&self, write: &LocalWrite) -> Option<Box<Request>> {
        let content = write.content();
        self.0.map(|key| Box::new(Request { key, content }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else {
            return Ok(Self(None));
        };
        let bytes = key.as_bytes();
        let readable = bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if bytes.is_empty() || bytes.len() > KEY_BYTES_MAX || !readable || keys.next().is_some() {
            return Err(Refusal::bad_request(format!(
                "reading Idempotency-Key: it is one text of 1 to {KEY_BYTES_MAX} letters of ASCII; use a new UUID for each write"
            )));
        }
        Ok(Self(Some(hash_128(&[bytes]))))
    }
}
