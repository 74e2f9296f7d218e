//! Answering which version this device should use now.

use crate::answer::{Answers, Freshness};
use crate::read::{Remembered, Told};
use headland_host::tables::StoreError;
use headland_shared::resolve::Question;
use serde::{Deserialize, Serialize};

/// The answer, as it is told or as it was heard, with its age.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Resolved<T> {
    /// Who asked.
    pub(crate) device: String,
    /// What it should use, and why nothing else.
    #[serde(flatten)]
    pub(crate) resolution: T,
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
) -> Result<Resolved<Told>, StoreError> {
    let found = remembered.resolve(answers.store(), answers.position(), &answers.moment, question)?;
    Ok(Resolved {
        device: remembered.device().name.to_string(),
        resolution: found.told,
        considered: found.considered,
        freshness: answers.freshness().clone(),
    })
}
