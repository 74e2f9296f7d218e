//! Asking which version this device should use.

use super::{Access, as_value, ask, freshness_of, joined};
use crate::program::FreshnessArguments;
use crate::read::Remembered;
use crate::resolving;
use axum::http::Method;
use headland_host::exit::Failure;
use headland_shared::resolve::{Device, Question};
use serde_json::Value;

impl Access {
    /// `device` is who asks where no agent runs; one that runs knows itself.
    pub(in crate::cli) fn resolve(
        &self,
        question: &Question,
        device: &Device,
        freshness: &FreshnessArguments,
    ) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let target = format!("/v1/resolve{}", joined(freshness_of(freshness)));
                ask(path, Method::POST, &target, Some(&as_value(question)?))
            }
            Self::Store(resting) => {
                let resolved =
                    resolving::resolve(&resting.answers(freshness)?, question, &Remembered::new(device.clone()));
                as_value(&resolved.map_err(Failure::failed)?)
            }
        }
    }
}
