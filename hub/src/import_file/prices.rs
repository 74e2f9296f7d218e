//! The price file that LiteLLM publishes: one JSON object by model id.

mod attribute;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use headland_shared::key::RecordKey;
use headland_shared::name::{AttributeName, ModelName, Namespace};
use headland_shared::value::Value;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use attribute::Attribute;

use super::ImportedRecord;
use super::error::{ImportFileError, RecordError, reason, shown};

/// The entry that explains the others to people.
const DOCUMENTATION: &str = "sample_spec";

type Attributes = BTreeMap<AttributeName, Value>;

/// What is known while the file is read. A visitor can only return the JSON reader's own error, so
/// what is wrong with a model waits here until that error brings the line.
struct Reading<'a> {
    namespace: &'a Namespace,
    models: BTreeMap<RecordKey, Attributes>,
    model: Option<String>,
    problem: Option<RecordError>,
}

/// Reads a price file, sorted by model. Published files hold some models twice; the last one
/// stands, as it does for LiteLLM.
pub(super) fn read(path: &Path, text: &str, namespace: &Namespace) -> Result<Vec<ImportedRecord>, ImportFileError> {
    let mut reading = Reading {
        namespace,
        models: BTreeMap::new(),
        model: None,
        problem: None,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_map(Whole(&mut reading));
    if let Err(error) = read.and_then(|()| json.end()) {
        return Err(failure(path, &error, reading));
    }
    let record = |(key, attributes)| ImportedRecord {
        key,
        attributes,
        versions: Vec::new(),
        current: None,
        aliases: BTreeMap::new(),
    };
    Ok(reading.models.into_iter().map(record).collect())
}

fn failure(path: &Path, error: &serde_json::Error, reading: Reading<'_>) -> ImportFileError {
    let kind_is_wrong = error.is_data().then_some(RecordError::NotAttributes);
    match (reading.model, reading.problem.or(kind_is_wrong)) {
        (Some(model), Some(problem)) => ImportFileError::Model {
            path: path.into(),
            line: error.line(),
            model: shown(&model),
            problem,
        },
        _ => ImportFileError::Shape {
            path: path.into(),
            line: error.line(),
            column: error.column(),
            reason: reason(error),
        },
    }
}

struct Whole<'a, 'b>(&'a mut Reading<'b>);

impl<'de> Visitor<'de> for Whole<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object by model id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(id) = map.next_key::<String>()? {
            if id == DOCUMENTATION {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            self.0.model = Some(id.clone());
            // Before the value is read, so that the error brings the line of the id.
            let name = ModelName::new(id).map_err(|error| self.0.fail(error.into()))?;
            let attributes = map.next_value_seed(Model(self.0))?;
            let namespace = self.0.namespace.clone();
            let key = RecordKey { namespace, name };
            self.0.models.insert(key, attributes);
        }
        Ok(())
    }
}

struct Model<'a, 'b>(&'a mut Reading<'b>);

impl<'de> DeserializeSeed<'de> for Model<'_, '_> {
    type Value = Attributes;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Attributes, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Model<'_, '_> {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Attribute {
                reading: self.0,
                attributes: &mut attributes,
                name,
            })?;
        }
        Ok(attributes)
    }
}

impl Reading<'_> {
    fn fail<E: serde::de::Error>(&mut self, problem: RecordError) -> E {
        let error = E::custom(&problem);
        self.problem = Some(problem);
        error
    }
}
