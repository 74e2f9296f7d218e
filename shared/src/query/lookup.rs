//! What a path names in a model.

use super::filter::Path;
use crate::scope::TASK_ATTRIBUTES;
use crate::value::Value;
use crate::view::Model;
use alloc::string::String;
use alloc::vec::Vec;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'a> {
    /// A text that is no attribute, such as the model's name.
    Text(&'a str),
    /// A count.
    Whole(i64),
    /// A value.
    Value(&'a Value),
    /// Several texts: the names of a map's entries, or notes.
    Texts(Vec<&'a str>),
}

/// Finds what a path names: the model's `name`, `namespace` and `task`, an attribute or what is within it, a count, and
/// then the parts of a model by their names.
#[must_use]
pub fn find<'a>(model: &'a Model, path: &Path) -> Option<Found<'a>> {
    let (first, rest) = path.0.split_first()?;
    match (first.as_str(), rest) {
        ("name", []) => return Some(Found::Text(&model.name)),
        ("namespace", []) => return Some(Found::Text(&model.namespace)),
        ("task", []) => return task(model).map(Found::Value),
        _ => {}
    }
    if let Some(value) = attribute(model, &path.0) {
        return Some(Found::Value(value));
    }
    if let Some(count) = model.counts.get(&path.joined()) {
        return Some(Found::Whole(*count));
    }
    part(model, first, rest)
}

/// The task, or what stands for it in catalogues that know none.
fn task(model: &Model) -> Option<&Value> {
    let text = |name: &&str| model.attributes.get(*name).filter(|value| value.as_text().is_some());
    TASK_ATTRIBUTES.iter().find_map(text)
}

fn attribute<'a>(model: &'a Model, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    if !rest.is_empty()
        && let Some(value) = model.attributes.get(&path.join("."))
    {
        return Some(value);
    }
    within(model.attributes.get(first)?, rest)
}

fn within<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| match value {
        Value::Map(fields) => fields.get(name),
        _ => None,
    })
}

fn part<'a>(model: &'a Model, first: &str, rest: &[String]) -> Option<Found<'a>> {
    match (first, rest) {
        ("attributes", [_, ..]) => attribute(model, rest).map(Found::Value),
        ("counts", [name]) => model.counts.get(name).copied().map(Found::Whole),
        ("current", []) => model.current.as_ref().map(Found::Value),
        ("aliases", []) => names(model.aliases.keys()),
        ("aliases", [alias]) => model.aliases.get(alias).map(Found::Value),
        ("conflicts", []) => names(model.conflicts.keys()),
        ("annotations", []) => names(model.annotations.iter().map(|note| &note.text)),
        ("versions", []) => names(model.versions.keys()),
        ("versions", [version, what, rest @ ..]) => {
            let version = model.versions.get(version)?;
            match (what.as_str(), rest) {
                ("manifest", rest) => within(version.manifest.as_ref()?, rest).map(Found::Value),
                ("approvals", []) => names(version.approvals.keys()),
                ("approvals", [approval]) => version.approvals.get(approval).map(Found::Value),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Nothing stands where there are no names.
fn names<'a>(names: impl Iterator<Item = &'a String>) -> Option<Found<'a>> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    (!names.is_empty()).then_some(Found::Texts(names))
}
