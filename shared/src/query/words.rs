//! Searching by words: in the name, in what describes, and in the tags.

use super::{QueryError, WORDS_MAX};
use crate::value::Value;
use crate::view::Model;
use alloc::string::String;
use alloc::vec::Vec;

/// Parts of the names of attributes that describe in words.
const DESCRIBING: [&str; 3] = ["description", "summary", "title"];
/// Attributes whose members are tags.
const TAGS: [&str; 2] = ["tags", "languages"];

/// Words that must all be there, each in any of a model's texts, whatever the case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(Vec<String>);

/// A text without its case.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Whether a search looks into the attribute of this name.
#[must_use]
pub fn is_searched(attribute: &str) -> bool {
    TAGS.contains(&attribute) || DESCRIBING.iter().any(|part| attribute.contains(part))
}

/// What a search looks into.
pub(super) fn texts(model: &Model) -> impl Iterator<Item = &str> {
    let searched = |(name, _): &(&String, _)| is_searched(name);
    let attributes = model.attributes.iter().filter(searched).map(|(_, value)| value);
    let conflicts = model.conflicts.iter().filter(|(name, _)| is_searched(name));
    let values = attributes.chain(conflicts.flat_map(|(_, values)| values));
    let texts = values.flat_map(|value| match value {
        Value::List(items) => items.as_slice(),
        other => core::slice::from_ref(other),
    });
    core::iter::once(model.name.as_str()).chain(texts.filter_map(Value::as_text))
}

impl Words {
    /// Reads what somebody typed.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if let Some(error) = QueryError::too_long(text, "search") {
            return Err(error);
        }
        let words: Vec<String> = text.split_whitespace().map(fold).collect();
        if words.len() > WORDS_MAX {
            return Err(QueryError::new(text, 0, alloc::format!("at most {WORDS_MAX} words")));
        }
        Ok(Self(words))
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each word is in one of these texts, which have no case any more.
    #[must_use]
    pub fn are_in(&self, folded: &[&str]) -> bool {
        let is_in = |word: &String| folded.iter().any(|text| text.contains(word.as_str()));
        self.0.iter().all(is_in)
    }

    /// Whether all words are somewhere in a model's texts.
    #[must_use]
    pub fn match_model(&self, model: &Model) -> bool {
        self.0
            .iter()
            .all(|word| texts(model).any(|text| fold(text).contains(word.as_str())))
    }
}
