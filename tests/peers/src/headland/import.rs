//! The catalogue as the hub imports it.

use crate::failure::{Failure, While};
use crate::model::{Catalogue, Field, Record, Scalar};
use headland_hub::import_file::{ImportedRecord, value_of};
use headland_shared::key::RecordKey;
use headland_shared::name::AttributeName;
use headland_shared::value::Value;
use std::collections::BTreeMap;

/// The attribute that devices count.
pub(crate) const USAGE: &str = "usage";

pub(crate) fn key(namespace: &str, id: &str) -> Result<RecordKey, Failure> {
    Ok(RecordKey {
        namespace: namespace.parse().during("naming a namespace")?,
        name: id.parse().during("naming a model")?,
    })
}

pub(crate) fn attribute(name: &str) -> Result<AttributeName, Failure> {
    AttributeName::new(name).during("naming an attribute")
}

fn value(scalar: &Scalar) -> Result<Value, Failure> {
    value_of(scalar.json()).during("reading a value")
}

/// What the registry says of a model: all but what devices add. Each entry of a map is an attribute of its own.
pub(crate) fn attributes(record: &Record) -> Result<BTreeMap<AttributeName, Value>, Failure> {
    let mut attributes = BTreeMap::new();
    for (name, field) in record {
        match field {
            Field::One(scalar) => {
                attributes.insert(attribute(name)?, value(scalar)?);
            }
            Field::Set(members) => {
                let members = members.iter().map(|member| Value::text(member.as_str())).collect();
                attributes.insert(attribute(name)?, Value::List(members));
            }
            Field::Map(map) => {
                for (key, scalar) in map {
                    attributes.insert(attribute(&format!("{name}.{key}"))?, value(scalar)?);
                }
            }
            Field::Counts(_) | Field::Notes(_) => {}
        }
    }
    Ok(attributes)
}

/// One model.
pub(crate) fn record(namespace: &str, id: &str, record: &Record) -> Result<ImportedRecord, Failure> {
    Ok(ImportedRecord {
        key: key(namespace, id)?,
        attributes: attributes(record)?,
        versions: Vec::new(),
        current: None,
        aliases: BTreeMap::new(),
    })
}

/// A whole namespace, in the order of its keys.
pub(crate) fn records(namespace: &str, catalogue: &Catalogue) -> Result<Vec<ImportedRecord>, Failure> {
    catalogue.iter().map(|(id, held)| record(namespace, id, held)).collect()
}
