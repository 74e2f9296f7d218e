//! Writes that are sent again when their answer was lost, and made once all the same.

use super::{ANSWER_MS_MAX, success_of};
use crate::api::{IDEMPOTENCY_KEY, Key};
use crate::driver::LocalWrite;
use crate::program::OnceArguments;
use crate::store::Request;
use axum::http::Method;
use headland_host::control::{self, ControlError};
use headland_host::exit::Failure;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How often a write is sent again whose answer was lost, and how soon: an agent that is started anew is there again by
/// then.
const SENT_AGAIN_MAX: u32 = 3;
const AGAIN_MS: u64 = 500;

/// What makes a write one that is made once.
#[derive(Debug)]
pub(crate) struct Once {
    text: String,
    /// Only a key that was named is of use to another command.
    named: Key,
}

impl Once {
    /// The key that was named, or a new one.
    pub(crate) fn of(arguments: &OnceArguments) -> Result<Self, Failure> {
        let refused = |error| Failure::bad_input(format!("reading --idempotency-key: {error}"));
        if let Some(text) = arguments.idempotency_key.clone() {
            let named = Key::read(text.as_bytes()).map_err(refused)?;
            return Ok(Self { text, named });
        }
        let random =
            || getrandom::u64().map_err(|error| Failure::failed(format!("drawing a key: {error}; check the kernel")));
        Ok(Self {
            text: format!("{:016x}{:016x}", random()?, random()?),
            named: Key::NONE,
        })
    }

    /// For a write into a store on which no agent runs: no answer gets lost there, so only a named key counts.
    pub(super) fn request(&self, write: &LocalWrite) -> Option<Box<Request>> {
        self.named.request(write)
    }

    /// Has the agent make a write, and asks again when the answer was lost.
    pub(super) fn ask(
        &self,
        socket: &Path,
        method: Method,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let headers = [(IDEMPOTENCY_KEY, self.text.as_str())];
        let mut lost = None;
        for _ in 0..=SENT_AGAIN_MAX {
            if lost.is_some() {
                std::thread::sleep(Duration::from_millis(AGAIN_MS));
            }
            match control::request_with_blocking(socket, method.clone(), target, body, &headers, ANSWER_MS_MAX) {
                Ok(answer) => return success_of(target, answer),
                Err(error @ (ControlError::Broken { .. } | ControlError::TimedOut { .. })) => lost = Some(error),
                // After a lost answer it may be that the agent is being started anew.
                Err(error) if lost.is_some() => lost = Some(error),
                Err(error) => return Err(Failure::failed(error)),
            }
        }
        let error = lost.map_or_else(String::new, |error| error.to_string());
        Err(Failure::failed(format!(
            "{error}; it may have been written: say the same with --idempotency-key {:?}, and it is made once",
            self.text
        )))
    }
}
