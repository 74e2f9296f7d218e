//! What devices wrote of one model, as tags of a registered model in MLflow.
//!
//! | tag | value |
//! |---|---|
//! | `edge.note.AUTHOR.INCARNATION.COUNTER` | a note; none when it was removed |
//! | `edge.COUNT.REGION` | what was counted in this hub's region |
//! | `edge.ATTRIBUTE.AUTHOR` | what a device says of an attribute; none when that no longer stands |
//! | `edge.ATTRIBUTE` | a set's members that devices added, as a JSON list |

use crate::edge::may_leave;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::element::{Remark, State};
use headland_shared::epoch::Seq;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, Region};
use headland_shared::register::{Rank, Register, Writer};
use headland_shared::schema::Declaration;
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use headland_shared::view::annotation_id;
use std::collections::{BTreeMap, BTreeSet};

/// The longest value, in characters: a column of MLflow's table of tags holds as many.
pub(super) const VALUE_CHARS_MAX: usize = 5_000;

/// One write: the state of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) model: RecordKey,
    pub(super) key: String,
    /// Nothing: there shall be no such tag.
    pub(super) value: Option<String>,
}

/// Of something that several elements are part of: what they come to, and whether one of them has changed.
#[derive(Debug, Default)]
struct Sum<T> {
    of: T,
    changed: bool,
}

/// The tags of a model whose elements changed after `base`; all of them when the model itself came after it. None
/// when the registry does not hold the model.
pub(super) fn tags_of(
    record: &RecordKey,
    blob: &[u8],
    declared: impl Fn(&AttributeName) -> Option<Declaration>,
    base: Seq,
    region: &Region,
) -> Result<Vec<Tag>, DecodeError> {
    let blob = Blob::parse(blob)?;
    if blob.head.task.is_none() {
        return Ok(Vec::new());
    }
    let leaves = |name: &AttributeName| declared(name).is_some_and(may_leave);
    let mut tags: Vec<(String, Option<String>)> = Vec::new();
    let mut counts: BTreeMap<AttributeName, Sum<i128>> = BTreeMap::new();
    let mut sets: BTreeMap<AttributeName, Sum<Option<BTreeSet<String>>>> = BTreeMap::new();
    for entry in blob.entries() {
        let entry = entry?;
        let changed = entry.seq > base || blob.head.entered > base;
        match (ElementKey::decode(entry.key)?, State::decode(entry.state)?) {
            (ElementKey::Annotation(dot), State::Remark(remark)) if changed => {
                tags.push((format!("edge.note.{}", annotation_id(&dot)), note(remark)));
            }
            (ElementKey::Count(name, _, made_in), State::Tally(tally)) if made_in == *region && leaves(&name) => {
                let sum = counts.entry(name).or_default();
                sum.of += i128::from(tally.added) - i128::from(tally.removed);
                sum.changed |= changed;
            }
            (ElementKey::Attribute(name), State::Register(register)) if changed && leaves(&name) => {
                let said = by_author(&register).into_iter();
                tags.extend(said.map(|(author, value)| {
                    let key = format!("{}.{author}", attribute_key(&name));
                    (key, value.map(text))
                }));
            }
            (ElementKey::Member(name, member), State::Register(register)) if leaves(&name) => {
                let said = by_author(&register);
                let set = sets.entry(name).or_default();
                set.changed |= changed && !said.is_empty();
                if said.values().any(Option::is_some) {
                    set.of.get_or_insert_default().insert(member);
                }
            }
            _ => {}
        }
    }
    for (name, sum) in counts.into_iter().filter(|(_, sum)| sum.changed) {
        tags.push((format!("{}.{region}", attribute_key(&name)), Some(sum.of.to_string())));
    }
    for (name, set) in sets.into_iter().filter(|(_, set)| set.changed) {
        let list = |members: BTreeSet<String>| Value::List(members.into_iter().map(Value::Text).collect());
        tags.push((attribute_key(&name), set.of.map(|members| text(list(members)))));
    }
    let tag = |(key, value): (String, Option<String>)| Tag {
        model: record.clone(),
        key,
        value: value.map(|value| fit(&value)),
    };
    Ok(tags.into_iter().map(tag).collect())
}

fn note(remark: Remark) -> Option<String> {
    match remark {
        Remark::Removed => None,
        Remark::Written(note) => Some(match note.subject {
            Some(subject) => format!("{subject}: {}", note.text),
            None => note.text,
        }),
    }
}

/// What each device says: its latest write of the highest rank that stands, or nothing. Those that have never written
/// are not here.
fn by_author(register: &Register) -> BTreeMap<String, Option<Value>> {
    let standing: BTreeSet<&Writer> = register.standing().map(|(writer, _)| writer).collect();
    let mut said: BTreeMap<String, Option<(Rank, Stamp, &Value)>> = BTreeMap::new();
    for (writer, write) in register.writes() {
        let Writer::Edge(rank, actor) = writer else {
            continue;
        };
        let latest = said.entry(actor.name.to_string()).or_default();
        if let Some(value) = write.value.as_ref().filter(|_| standing.contains(writer))
            && latest.is_none_or(|(before, at, _)| (before, at) < (*rank, write.at))
        {
            *latest = Some((*rank, write.at, value));
        }
    }
    let value = |(author, latest): (String, Option<(Rank, Stamp, &Value)>)| {
        let value = latest.map(|(_, _, value)| value.clone());
        (author, value)
    };
    said.into_iter().map(value).collect()
}

/// What the tags of an attribute begin with. What follows is a region or an author, which may hold dots: what of the
/// name is not a letter of ASCII, a digit, "_" or "-" is ":" and two hexadecimal digits for each byte, so that no two
/// elements share a tag. The same goes for the name of the tags of notes.
fn attribute_key(name: &AttributeName) -> String {
    let mut key = String::from("edge.");
    let notes = name.as_str() == "note";
    for byte in name.as_str().bytes() {
        match byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            true if !notes => key.push(char::from(byte)),
            _ => key.push_str(&format!(":{byte:02x}")),
        }
    }
    key
}

fn text(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        other => serde_json::to_string(&other).expect("a value has no keys but texts"),
    }
}

/// A value as MLflow and its database take it: long ones end with an ellipsis, and control characters, which a database
/// may refuse, are replaced.
fn fit(value: &str) -> String {
    let shown = |c: char| match c.is_control() && !matches!(c, '\n' | '\t') {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    if value.chars().count() <= VALUE_CHARS_MAX {
        return value.chars().map(shown).collect();
    }
    let kept = value.chars().take(VALUE_CHARS_MAX - 1).map(shown);
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_between_characters_and_never_longer_than_mlflow_takes() {
        let long = "ü".repeat(VALUE_CHARS_MAX);
        assert_eq!(fit(&long), long);
        let cut = fit(&format!("{long}x"));
        assert_eq!((cut.chars().count(), cut.ends_with("ü…")), (VALUE_CHARS_MAX, true));
        assert_eq!(fit("a\0b\nc"), "a\u{fffd}b\nc");
    }

    #[test]
    fn no_two_attributes_share_a_tag() {
        let key = |name: &str| attribute_key(&AttributeName::new(name).unwrap());
        assert_eq!(key("usage"), "edge.usage");
        let names = ["a", "a.b", "a:2eb", "a b", "ä", "note", "no-te", ":note"];
        let keys: BTreeSet<String> = names.map(key).into();
        assert_eq!(keys.len(), names.len());
        assert!(
            keys.iter()
                .all(|key| !key["edge.".len()..].contains('.') && key != "edge.note")
        );
    }
}
