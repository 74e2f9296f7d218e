//! Asking which version this device should use.

use super::{Access, as_value, ask};
use crate::resolving;
use axum::http::Method;
use headland_host::exit::Failure;
use headland_shared::resolve::{Device, Question};
use serde_json::Value;

impl Access {
    /// `device` is who asks where no agent runs; one that runs knows itself.
    pub(in crate::cli) fn resolve(&self, question: &Question, device: &Device) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::POST, "/v1/resolve", Some(&as_value(question)?)),
            Self::Store(resting) => {
                let resolved = resolving::resolve(&resting.answers(), question, device);
                as_value(&resolved.map_err(Failure::failed)?)
            }
        }
    }
}
