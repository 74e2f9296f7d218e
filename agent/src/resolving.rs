//! Answering which version this device should use now.

use crate::answer::{Answers, Freshness};
use headland_host::tables::StoreError;
use headland_shared::resolve::{Device, Question, Refusal, Resolution, Resolver};
use headland_shared::value::Value;
use serde::{Deserialize, Serialize};

/// The answer, with its age.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Resolved<V = Value, R = Refusal> {
    /// Who asked.
    pub(crate) device: String,
    /// What it should use, and why nothing else.
    #[serde(flatten)]
    pub(crate) resolution: Resolution<V, R>,
    /// How many models were looked at.
    pub(crate) considered: u64,
    /// How old this is.
    #[serde(flatten)]
    pub(crate) freshness: Freshness,
}

/// Answers a question of the device from one moment of its store.
pub(crate) fn resolve(answers: &Answers<'_>, question: &Question, device: &Device) -> Result<Resolved, StoreError> {
    let mut resolver = Resolver::new(question, device);
    let considered = answers.moment.each_for(question, |model| resolver.consider(model))?;
    Ok(Resolved {
        device: device.name.to_string(),
        resolution: resolver.finish(),
        considered,
        freshness: answers.freshness().clone(),
    })
}
