//! A record as a reader sees it: each element read by its rule.

use crate::actor::Dot;
use crate::element::{Remark, State};
use crate::key::{ElementKey, RecordKey};
use crate::name::ReplicaName;
use crate::register::Writer;
use crate::rule;
use crate::schema::{Declaration, Rule};
use crate::stamp;
use crate::value::{Number, Value};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// What a version of a model is, and what it is approved for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionView {
    /// What was released.
    pub manifest: Option<Value>,
    /// Approvals by name: each belongs to this version alone.
    pub approvals: BTreeMap<String, Value>,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AnnotationView {
    /// The note's name: its author, the author's incarnation and the author's count of writes.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// When, in milliseconds since 1970 by the author's clock.
    pub at_ms: u64,
    /// The same by RFC 3339, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The note.
    pub text: String,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Model {
    /// Whose.
    pub namespace: String,
    /// Its name there.
    pub name: String,
    /// Attributes that have a value.
    pub attributes: BTreeMap<String, Value>,
    /// Attributes with several concurrent values: all of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conflicts: BTreeMap<String, Vec<Value>>,
    /// Counts, summed over all who counted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, i64>,
    /// Versions by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, VersionView>,
    /// Which version is current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Value>,
    /// Which versions aliases name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, Value>,
    /// Notes, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<AnnotationView>,
}

impl Model {
    /// Reads a record's elements, each by the rule that `declared` names for its attribute, at the device that is
    /// called `here`.
    #[must_use]
    pub fn read(
        key: &RecordKey,
        elements: &BTreeMap<ElementKey, State>,
        here: Option<&ReplicaName>,
        declared: impl Fn(&str) -> Option<Declaration>,
    ) -> Self {
        let mut model = Self {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            attributes: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            counts: BTreeMap::new(),
            versions: BTreeMap::new(),
            current: None,
            aliases: BTreeMap::new(),
            annotations: Vec::new(),
        };
        let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, state) in elements {
            model.element(key, state, here, &declared, &mut members);
        }
        for (name, members) in members {
            let list = members.into_iter().map(Value::Text).collect();
            model.attributes.insert(name, Value::List(list));
        }
        model
            .annotations
            .sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
        model
    }

    fn element(
        &mut self,
        key: &ElementKey,
        state: &State,
        here: Option<&ReplicaName>,
        declared: &impl Fn(&str) -> Option<Declaration>,
        members: &mut BTreeMap<String, BTreeSet<String>>,
    ) {
        match (key, state) {
            (ElementKey::Attribute(name), State::Register(register)) => {
                let rule = declared(name.as_str()).map_or(Rule::Latest, |declaration| declaration.rule);
                let reading = rule::read(rule, register, here);
                if let Some(value) = reading.value() {
                    self.attributes.insert(name.to_string(), value.clone());
                }
                if !reading.conflict.is_empty() {
                    let values = reading.conflict.iter().filter_map(|(_, write)| write.value.clone());
                    self.conflicts.insert(name.to_string(), values.collect());
                }
            }
            (ElementKey::Member(name, member), State::Register(register))
                if rule::read(Rule::Set, register, here).shown.is_some() =>
            {
                members.entry(name.to_string()).or_default().insert(member.clone());
            }
            (ElementKey::Count(name, _, _), State::Tally(tally)) => {
                let sum = self.counts.entry(name.to_string()).or_default();
                let net = i128::from(tally.added) - i128::from(tally.removed);
                *sum = i64::try_from(i128::from(*sum) + net).unwrap_or(i64::MAX);
            }
            (ElementKey::Version(version), State::Register(register)) => {
                if let Some(manifest) = central(register) {
                    self.versions.entry(version.to_string()).or_default().manifest = Some(manifest);
                }
            }
            (ElementKey::Approval(version, approval), State::Register(register)) => {
                if let Some(value) = central(register) {
                    let version = self.versions.entry(version.to_string()).or_default();
                    version.approvals.insert(approval.to_string(), value);
                }
            }
            (ElementKey::Current, State::Register(register)) => self.current = central(register),
            (ElementKey::Alias(alias), State::Register(register)) => {
                if let Some(value) = central(register) {
                    self.aliases.insert(alias.to_string(), value);
                }
            }
            (ElementKey::Annotation(dot), State::Remark(Remark::Written(note))) => {
                self.annotations.push(AnnotationView {
                    id: annotation_id(dot),
                    author: dot.actor.name.to_string(),
                    at_ms: note.at.ms(),
                    at: stamp::utc(note.at.ms()),
                    subject: note.subject.clone(),
                    text: note.text.clone(),
                });
            }
            _ => {}
        }
    }
}

/// The name by which people speak of a note.
#[must_use]
pub fn annotation_id(dot: &Dot) -> String {
    alloc::format!("{}.{:016x}.{}", dot.actor.name, dot.actor.incarnation.0, dot.counter)
}

/// Finds the dot that [`annotation_id`] names.
#[must_use]
pub fn parse_annotation_id(id: &str) -> Option<Dot> {
    let (rest, counter) = id.rsplit_once('.')?;
    let (name, incarnation) = rest.rsplit_once('.')?;
    Some(Dot {
        actor: crate::actor::ActorId {
            name: crate::name::ReplicaName::parse(name).ok()?,
            incarnation: crate::actor::Incarnation(u64::from_str_radix(incarnation, 16).ok()?),
        },
        counter: counter.parse().ok()?,
    })
}

fn central(register: &crate::register::Register) -> Option<Value> {
    register
        .write_of(&Writer::Central)
        .and_then(|write| write.value.clone())
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(Number::Whole(whole)) => serializer.serialize_i64(*whole),
            Self::Number(Number::Real(real)) => serializer.serialize_f64(*real),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Value {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // Whatever JSON can say.
        true.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::Tally;
    use crate::epoch::{Life, Position};
    use crate::name::{ApprovalName, AttributeName, Region, VersionName};
    use crate::register::tests::actor;
    use crate::register::{Register, Write};
    use crate::stamp::Stamp;
    use alloc::vec;

    fn key() -> RecordKey {
        RecordKey::decode(b"vision\0m").unwrap()
    }

    fn central(number: u64, text: &str) -> State {
        let position = Position {
            life: Life::numbered(1, 1),
            number,
        };
        let write = Write::central(position, Stamp::at_ms(number), Some(Value::text(text)));
        State::Register(Register::of(Writer::Central, write))
    }

    fn version(name: &str) -> VersionName {
        VersionName::new(name).unwrap()
    }

    #[test]
    fn the_approval_of_one_version_never_shows_on_another_in_any_order() {
        // 1.5 is approved by someone who never saw that 1.6 became current at the same time.
        let approval = ElementKey::Approval(version("1.5"), ApprovalName::new("field-use").unwrap());
        let writes = [
            (ElementKey::Version(version("1.5")), central(1, "manifest of 1.5")),
            (ElementKey::Current, central(1, "1.5")),
            (approval, central(3, "approved")),
            (ElementKey::Version(version("1.6")), central(2, "manifest of 1.6")),
            (ElementKey::Current, central(2, "1.6")),
        ];
        let mut orders = vec![vec![]];
        for index in 0..writes.len() {
            orders = orders
                .into_iter()
                .flat_map(|order: Vec<usize>| {
                    (0..=order.len()).map(move |at| {
                        let mut order = order.clone();
                        order.insert(at, index);
                        order
                    })
                })
                .collect();
        }
        assert_eq!(orders.len(), 120);
        for order in orders {
            let mut elements: BTreeMap<ElementKey, State> = BTreeMap::new();
            for index in order {
                let (key, state) = writes[index].clone();
                match elements.get_mut(&key) {
                    Some(held) => held.merge(state),
                    None => {
                        elements.insert(key, state);
                    }
                }
                let model = Model::read(&key_of(), &elements, None, |_| None);
                let six = model.versions.get("1.6");
                assert!(six.is_none_or(|version| version.approvals.is_empty()));
            }
            let model = Model::read(&key_of(), &elements, None, |_| None);
            assert_eq!(model.current, Some(Value::text("1.6")));
            assert_eq!(model.versions["1.5"].approvals["field-use"], Value::text("approved"));
        }
    }

    fn key_of() -> RecordKey {
        key()
    }

    #[test]
    fn counts_are_summed_over_actors_and_regions() {
        let name = AttributeName::new("usage").unwrap();
        let count = |who, region: &str, added, removed| {
            let key = ElementKey::Count(name.clone(), actor(who), Region::new(region).unwrap());
            (key, State::Tally(Tally { added, removed }))
        };
        let elements = BTreeMap::from([count(1, "a", 5, 1), count(1, "b", 2, 0), count(2, "a", 1, 0)]);
        assert_eq!(Model::read(&key(), &elements, None, |_| None).counts["usage"], 7);
    }

    #[test]
    fn an_annotation_is_found_by_its_id() {
        let dot = Dot {
            actor: actor(3),
            counter: 17,
        };
        assert_eq!(parse_annotation_id(&annotation_id(&dot)), Some(dot));
    }
}
