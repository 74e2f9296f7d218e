//! What of a model a filter looks at.

use super::filter::{Comparison, Filter};
use crate::key::ElementKey;
use crate::scope::TASK_ATTRIBUTES;
use alloc::collections::BTreeSet;
use alloc::string::String;

/// What of a model decides whether a filter holds for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// Attributes and counts of these names, and nothing else that can change.
    Attributes(BTreeSet<String>),
    /// Anything.
    Anything,
}

impl Reads {
    /// Whether a change of an element can make the filter hold, or no longer hold. `key` is encoded.
    #[must_use]
    pub fn includes(&self, key: &[u8]) -> bool {
        match self {
            Self::Anything => true,
            Self::Attributes(names) => ElementKey::names_attribute(key)
                .and_then(|name| core::str::from_utf8(name).ok())
                .is_some_and(|name| names.contains(name)),
        }
    }

    /// Whether it looks at an attribute.
    #[must_use]
    pub fn includes_attribute(&self, name: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Attributes(names) => names.contains(name),
        }
    }
}

impl Filter {
    /// What of a model decides whether this holds.
    #[must_use]
    pub fn reads(&self) -> Reads {
        let mut names = BTreeSet::new();
        match self.note_reads(&mut names) {
            true => Reads::Attributes(names),
            false => Reads::Anything,
        }
    }

    /// Notes the names of attributes; says no when it looks at something else as well.
    fn note_reads(&self, names: &mut BTreeSet<String>) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().all(|part| part.note_reads(names)),
            Self::Not(inner) => inner.note_reads(names),
            Self::Compare(comparison) => comparison.note_reads(names),
            Self::Mention(_) => false,
        }
    }
}

impl Comparison {
    fn note_reads(&self, names: &mut BTreeSet<String>) -> bool {
        let path = match self.path.0.as_slice() {
            [name] if name == "name" || name == "namespace" => return true,
            [name] if name == "task" => {
                names.extend(TASK_ATTRIBUTES.map(String::from));
                return true;
            }
            [first, rest @ ..] if !rest.is_empty() && (first == "attributes" || first == "counts") => rest,
            [first, ..] if PARTS.contains(&first.as_str()) => return false,
            path => path,
        };
        names.extend(path.first().cloned());
        names.insert(path.join("."));
        names.insert(self.path.joined());
        true
    }
}

/// Parts of a model that are no attributes.
const PARTS: [&str; 7] = [
    "attributes",
    "counts",
    "current",
    "aliases",
    "conflicts",
    "annotations",
    "versions",
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn reads(filter: &str) -> Reads {
        Filter::parse(filter).unwrap().reads()
    }

    #[test]
    fn a_filter_looks_at_the_attributes_that_it_names_and_at_anything_where_that_is_not_all() {
        let wanted = [
            ("name:\"x\" AND namespace = \"farm\"", vec![]),
            ("task = \"chat\"", vec!["mode", "task"]),
            ("cost < 3 OR NOT tags:\"wheat\"", vec!["cost", "tags"]),
            ("limits.rpm > 3", vec!["limits", "limits.rpm"]),
            ("attributes.cost < 3", vec!["attributes.cost", "cost"]),
            ("counts.usage > 3", vec!["counts.usage", "usage"]),
        ];
        for (filter, names) in wanted {
            let names = names.into_iter().map(String::from).collect();
            assert_eq!(reads(filter), Reads::Attributes(names), "{filter}");
        }
        for filter in [
            "current = \"1\"",
            "versions:\"2\"",
            "cost < 3 AND wheat",
            "aliases.champion = \"2\"",
        ] {
            assert_eq!(reads(filter), Reads::Anything, "{filter}");
        }
    }

    #[test]
    fn a_change_of_another_attribute_or_of_a_note_decides_nothing() {
        let reads = reads("cost < 3");
        assert!(reads.includes(&ElementKey::encoded_attribute("cost")));
        assert!(!reads.includes(&ElementKey::encoded_attribute("task")));
        assert!(!reads.includes(&ElementKey::Current.encoded()));
        assert!(Reads::Anything.includes(&ElementKey::Current.encoded()));
    }
}
