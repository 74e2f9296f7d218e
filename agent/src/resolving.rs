//! Answering which version this device should use now.

use crate::answer::{Answers, Freshness};
use crate::read::Remembered;
use headland_host::tables::StoreError;
use headland_shared::resolve::{Question, Refusal, Resolution};
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
pub(crate) fn resolve(
    answers: &Answers<'_>,
    question: &Question,
    remembered: &Remembered,
) -> Result<Resolved, StoreError> {
    let found = remembered.resolve(answers.store(), answers.position(), &answers.moment, question)?;
    Ok(Resolved {
        device: remembered.device().name.to_string(),
        resolution: found.resolution,
        considered: found.considered,
        freshness: answers.freshness().clone(),
    })
}
