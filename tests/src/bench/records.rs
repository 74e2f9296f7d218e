//! The catalogue's first releases, repeated under prefixes until there are enough records.

use super::BenchError;
use crate::demo::catalogue::Catalogue;
use serde_json::{Map, Value};

/// What the models are good for in their synthetic descriptions, one after another.
const CROPS: [&str; 4] = ["wheat", "maize", "barley", "rape"];

/// A model as it was shipped, but for its name, which has a prefix.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) attributes: Map<String, Value>,
    number: usize,
}

impl Record {
    /// A synthetic description: the shipped models have none.
    pub(super) fn description(&self) -> String {
        let (crop, number) = (self.crop(), self.number);
        format!("A model that was tried on {crop} in the field, number {number}")
    }

    /// Synthetic tags.
    pub(super) fn tags(&self) -> [&'static str; 2] {
        [self.crop(), "field-tested"]
    }

    fn crop(&self) -> &'static str {
        CROPS[self.number % CROPS.len()]
    }
}

/// So many records.
pub(super) fn repeated(count: usize) -> Result<Vec<Record>, BenchError> {
    let base = Catalogue::shipped()?.base;
    let once: Vec<_> = base
        .iter()
        .flat_map(|release| {
            let models = release.models.iter();
            models.map(|(id, attributes)| (release.namespace.as_str(), id, attributes))
        })
        .collect();
    let record = |number: usize| {
        let (namespace, id, attributes) = once[number % once.len()];
        Record {
            namespace: namespace.to_owned(),
            name: format!("{}/{id}", number / once.len()),
            attributes: attributes.clone(),
            number,
        }
    };
    Ok((0..count).map(record).collect())
}
