//! One attribute of a model.
//!
//! The JSON reader tells the line of a visitor's error only when the visitor's own value ends, so
//! an error that should name the attribute's line has to come from a visitor of the attribute.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::super::record::add_attribute;
use super::{Attributes, Reading};

/// Reads the value and adds the attribute.
pub(super) struct Attribute<'a, 'b> {
    pub(super) reading: &'a mut Reading<'b>,
    pub(super) attributes: &'a mut Attributes,
    pub(super) name: String,
}

impl Attribute<'_, '_> {
    fn take<E: Error>(self, value: Value) -> Result<(), E> {
        add_attribute(self.attributes, self.name, value).map_err(|problem| self.reading.fail(problem))
    }
}

impl<'de> DeserializeSeed<'de> for Attribute<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Attribute<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.take(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.take(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.take(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.take(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.take(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.take(Value::deserialize(SeqAccessDeserializer::new(items))?)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<(), A::Error> {
        self.take(Value::deserialize(MapAccessDeserializer::new(fields))?)
    }
}
