//! Filters as trees.

use super::parse::Parser;
use super::{QueryError, fold};
use crate::value::Number;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Which models are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these hold. None at all holds for every model.
    And(Vec<Filter>),
    /// One of these holds.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// A field compares so.
    Compare(Comparison),
    /// The name, a description or a tag holds this text, whatever the case.
    Mention(String),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Of which field.
    pub path: Path,
    /// How.
    pub comparator: Comparator,
    /// With what.
    pub literal: Literal,
}

/// Where a field is: names from the outside in. A name that holds a dot stands in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(pub Vec<String>);

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Equal,
    /// `!=`
    Differs,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `:`: a list or a set holds it, a map has that key, a text has it within, whatever the case.
    Has,
}

/// What to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A text, whose `*` stand for anything.
    Text(Pattern),
    /// A number.
    Number(NumberText),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
}

/// A number and how it was written: `1.50` equals the number 1.5, and the text "1.50".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberText {
    /// As written.
    pub text: String,
    /// Its value.
    pub value: Number,
}

/// A text with wildcards: what stands between them, so that one piece is a text without any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(pub Vec<String>);

impl Comparator {
    /// All of them; of two that begin alike the longer one first.
    pub(super) const ALL: [(Self, &'static str); 7] = [
        (Self::AtMost, "<="),
        (Self::AtLeast, ">="),
        (Self::Differs, "!="),
        (Self::Less, "<"),
        (Self::Greater, ">"),
        (Self::Equal, "="),
        (Self::Has, ":"),
    ];
}

impl NumberText {
    /// The number that a word says, if it says one.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        let first = word.bytes().find(|byte| !matches!(byte, b'-' | b'+' | b'.'))?;
        if !first.is_ascii_digit() {
            return None;
        }
        let whole = word.parse().ok().map(Number::Whole);
        let value = whole.or_else(|| word.parse().ok().and_then(Number::from_f64))?;
        Some(Self {
            text: word.into(),
            value,
        })
    }
}

impl Pattern {
    /// A text without wildcards.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self(alloc::vec![text.into()])
    }

    /// The text, if there are no wildcards in it.
    #[must_use]
    pub fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }

    /// Whether this is `*`, which everything matches.
    #[must_use]
    pub fn is_anything(&self) -> bool {
        self.0.len() > 1 && self.0.iter().all(String::is_empty)
    }

    /// The text with its wildcards, for comparing by order.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.join("*")
    }

    /// Whether a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_first() else {
            return text.is_empty();
        };
        let Some((last, between)) = rest.split_last() else {
            return text == first;
        };
        let Some(mut left) = text
            .strip_prefix(first.as_str())
            .and_then(|left| left.strip_suffix(last.as_str()))
        else {
            return false;
        };
        for piece in between {
            match left.find(piece.as_str()) {
                Some(at) => left = &left[at + piece.len()..],
                None => return false,
            }
        }
        true
    }

    /// Whether a text has a match within, whatever the case.
    #[must_use]
    pub fn is_within(&self, text: &str) -> bool {
        let mut left = fold(text);
        for piece in &self.0 {
            let piece = fold(piece);
            match left.find(&piece) {
                Some(at) => left.drain(..at + piece.len()),
                None => return false,
            };
        }
        true
    }
}

impl Path {
    /// The path as one name.
    #[must_use]
    pub fn joined(&self) -> String {
        self.0.join(".")
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.0.as_slice(), [only] if only == name)
    }
}

impl Filter {
    /// What holds for every model.
    pub const ALL: Self = Self::And(Vec::new());

    /// Reads a filter. An empty one holds for every model.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        match QueryError::too_long(text, "filter") {
            Some(error) => Err(error),
            None => Parser::new(text).filter(),
        }
    }

    /// The text that a field must equal for this filter to hold, where it says so.
    #[must_use]
    pub fn requires(&self, field: &str) -> Option<&str> {
        match self {
            Self::And(parts) => parts.iter().find_map(|part| part.requires(field)),
            Self::Compare(comparison) if comparison.comparator == Comparator::Equal && comparison.path.is(field) => {
                match &comparison.literal {
                    Literal::Text(pattern) => pattern.as_plain(),
                    Literal::Number(number) => Some(&number.text),
                    Literal::Bool(_) | Literal::Null => None,
                }
            }
            _ => None,
        }
    }
}
