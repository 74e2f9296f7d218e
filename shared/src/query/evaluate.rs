//! Whether a filter holds for a model.
//!
//! There are two outcomes: a comparison with what is not there does not hold, and so its negation does.

use super::filter::{Comparator, Comparison, Filter, Literal};
use super::lookup::{Found, find};
use super::{fold, words};
use crate::value::{Number, Value};
use crate::view::Model;
use core::cmp::Ordering;

impl Filter {
    /// Whether this holds for a model.
    #[must_use]
    pub fn matches(&self, model: &Model) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(model)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(model)),
            Self::Not(inner) => !inner.matches(model),
            Self::Compare(comparison) => comparison.holds(model),
            Self::Mention(text) => {
                let text = fold(text);
                words::texts(model).any(|found| fold(found).contains(&text))
            }
        }
    }
}

impl Comparison {
    fn holds(&self, model: &Model) -> bool {
        let Some(found) = find(model, &self.path) else {
            return false;
        };
        let literal = &self.literal;
        match self.comparator {
            Comparator::Equal => equals(&found, literal),
            Comparator::Differs => !equals(&found, literal),
            Comparator::Has => has(&found, literal),
            Comparator::Less => order(&found, literal) == Some(Ordering::Less),
            Comparator::Greater => order(&found, literal) == Some(Ordering::Greater),
            Comparator::AtMost => order(&found, literal).is_some_and(Ordering::is_le),
            Comparator::AtLeast => order(&found, literal).is_some_and(Ordering::is_ge),
        }
    }
}

fn equals(found: &Found<'_>, literal: &Literal) -> bool {
    match found {
        Found::Text(text) => text_equals(text, literal),
        Found::Whole(whole) => value_equals(&Value::whole(*whole), literal),
        Found::Value(value) => value_equals(value, literal),
        Found::Texts(_) => false,
    }
}

fn text_equals(text: &str, literal: &Literal) -> bool {
    match literal {
        Literal::Text(pattern) => pattern.matches(text),
        Literal::Number(number) => number.text == text,
        Literal::Bool(flag) => text == if *flag { "true" } else { "false" },
        Literal::Null => text == "null",
    }
}

fn value_equals(value: &Value, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Text(text), literal) => text_equals(text, literal),
        (Value::Number(held), Literal::Number(number)) => numeric(*held, number.value).is_eq(),
        (Value::Bool(held), Literal::Bool(flag)) => held == flag,
        (Value::Null, Literal::Null) => true,
        _ => false,
    }
}

fn has(found: &Found<'_>, literal: &Literal) -> bool {
    if matches!(literal, Literal::Text(pattern) if pattern.is_anything()) {
        return true;
    }
    match found {
        Found::Text(text) => text_has(text, literal),
        Found::Whole(_) => equals(found, literal),
        Found::Texts(texts) => texts.iter().any(|text| text_equals(text, literal)),
        Found::Value(Value::Text(text)) => text_has(text, literal),
        Found::Value(Value::List(items)) => items.iter().any(|item| value_equals(item, literal)),
        Found::Value(Value::Map(fields)) => fields.keys().any(|name| text_equals(name, literal)),
        Found::Value(value) => value_equals(value, literal),
    }
}

fn text_has(text: &str, literal: &Literal) -> bool {
    match literal {
        Literal::Text(pattern) => pattern.is_within(text),
        Literal::Number(number) => text.contains(&number.text),
        Literal::Bool(_) | Literal::Null => text_equals(text, literal),
    }
}

fn order(found: &Found<'_>, literal: &Literal) -> Option<Ordering> {
    match found {
        Found::Text(text) => text_order(text, literal),
        Found::Whole(whole) => value_order(&Value::whole(*whole), literal),
        Found::Value(value) => value_order(value, literal),
        Found::Texts(_) => None,
    }
}

fn text_order(text: &str, literal: &Literal) -> Option<Ordering> {
    match literal {
        Literal::Text(pattern) => Some(text.cmp(pattern.text().as_str())),
        Literal::Number(number) => Some(text.cmp(number.text.as_str())),
        Literal::Bool(_) | Literal::Null => None,
    }
}

fn value_order(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Text(text), literal) => text_order(text, literal),
        (Value::Number(held), Literal::Number(number)) => Some(numeric(*held, number.value)),
        (Value::Bool(held), Literal::Bool(flag)) => Some(held.cmp(flag)),
        _ => None,
    }
}

/// Numbers by their size, whole or not.
pub(super) fn numeric(a: Number, b: Number) -> Ordering {
    match (a, b) {
        (Number::Whole(a), Number::Whole(b)) => a.cmp(&b),
        _ => a.as_f64().total_cmp(&b.as_f64()),
    }
}
