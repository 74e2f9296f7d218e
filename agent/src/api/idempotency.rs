//! The key by which a retry is known for what it is.

use crate::driver::LocalWrite;
use crate::store::Request;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use headland_api::problem::Refusal;
use headland_shared::digest::hash_128;

/// The header that carries it.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest key, in bytes: a UUID fits several times over.
const KEY_BYTES_MAX: usize = 255;

/// The key that a request carries, if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(Option<u128>);

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is one text of 1 to {KEY_BYTES_MAX} letters of ASCII; use a new UUID for each write")]
pub(crate) struct NoKey;

impl Key {
    /// Of a request that may be done again.
    pub(crate) const NONE: Self = Self(None);

    /// Reads a key.
    pub(crate) fn read(text: &[u8]) -> Result<Self, NoKey> {
        let readable = text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if text.is_empty() || text.len() > KEY_BYTES_MAX || !readable {
            return Err(NoKey);
        }
        Ok(Self(Some(hash_128(&[text]))))
    }

    /// What makes this write a request that is done once.
    pub(crate) fn request(&self, write: &LocalWrite) -> Option<Box<Request>> {
        let content = write.content();
        self.0.map(|key| Box::new(Request { key, content }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else {
            return Ok(Self::NONE);
        };
        let read = match keys.next() {
            None => Self::read(key.as_bytes()),
            Some(_) => Err(NoKey),
        };
        read.map_err(|error| Refusal::bad_request(format!("reading Idempotency-Key: {error}")))
    }
}
