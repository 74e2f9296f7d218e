//! Which fields of a model are wanted.

use super::filter::Path;
use super::parse::Parser;
use super::{MASK_FIELDS_MAX, QueryError};
use crate::value::Value;
use crate::view::Model;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Parts of a model that are wanted; its key always is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Vec<Path>);

/// The parts of a model that are not attributes.
const PARTS: [&str; 7] = [
    "attributes",
    "conflicts",
    "counts",
    "versions",
    "current",
    "aliases",
    "annotations",
];

impl Mask {
    /// Reads `field, …`: parts of a model, and attributes by their names.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if let Some(error) = QueryError::too_long(text, "list of fields") {
            return Err(error);
        }
        let mut parser = Parser::new(text);
        let mut paths = Vec::new();
        loop {
            if paths.len() == MASK_FIELDS_MAX {
                return Err(parser.expected(alloc::format!("at most {MASK_FIELDS_MAX} fields")));
            }
            let mut path = parser.path("a field, such as task or versions")?;
            if !path.0.first().is_some_and(|first| PARTS.contains(&first.as_str())) {
                path.0.insert(0, "attributes".into());
            }
            paths.push(path);
            if parser.is_at_end() {
                return Ok(Self(paths));
            }
            if !parser.eat(",") {
                return Err(parser.expected("a comma or the end"));
            }
        }
    }

    /// Takes away what is not wanted.
    pub fn apply(&self, model: &mut Model) {
        let attributes = self.of("attributes");
        model.attributes.retain(|name, value| kept(&attributes, name, value));
        // A count and a conflict belong to an attribute, and go with it.
        let counts: Vec<_> = self
            .of("counts")
            .into_iter()
            .chain(attributes.iter().copied())
            .collect();
        model.counts.retain(|name, _| is_named(&counts, name));
        let conflicts: Vec<_> = self.of("conflicts").into_iter().chain(attributes).collect();
        model.conflicts.retain(|name, _| is_named(&conflicts, name));
        retain(&mut model.versions, &self.of("versions"));
        retain(&mut model.aliases, &self.of("aliases"));
        if self.of("current").is_empty() {
            model.current = None;
        }
        if self.of("annotations").is_empty() {
            model.annotations.clear();
        }
    }

    /// What is wanted of a part: each the rest of a path.
    fn of(&self, part: &str) -> Vec<&[String]> {
        let rest = |path: &'_ Path| -> Option<usize> { (path.0.first()? == part).then_some(1) };
        self.0.iter().filter_map(|path| Some(&path.0[rest(path)?..])).collect()
    }
}

fn is_named(wanted: &[&[String]], name: &str) -> bool {
    wanted
        .iter()
        .any(|path| path.is_empty() || path[0] == name || path.join(".") == name)
}

fn retain<T>(map: &mut BTreeMap<String, T>, wanted: &[&[String]]) {
    map.retain(|name, _| is_named(wanted, name));
}

/// Whether a value is wanted; what is not wanted within it is taken out.
fn kept(wanted: &[&[String]], name: &str, value: &mut Value) -> bool {
    let whole = |path: &&[String]| path.is_empty() || path.join(".") == name;
    if wanted.iter().any(whole) {
        return true;
    }
    let within: Vec<&[String]> = wanted
        .iter()
        .filter(|path| path.first().is_some_and(|first| first == name))
        .map(|path| &path[1..])
        .collect();
    match value {
        Value::Map(fields) if !within.is_empty() => {
            fields.retain(|name, value| kept(&within, name, value));
            !fields.is_empty()
        }
        _ => false,
    }
}
