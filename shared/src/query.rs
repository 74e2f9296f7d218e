//! Asking for models: which ones, in what order, and what of them.
//!
//! A [`Filter`] is written in the language of AIP-160, an [`Order`] in that of AIP-132, a [`Mask`] in that of AIP-161,
//! and [`Words`] are what somebody types into a search box. All of them are read from text with bounds, name the byte
//! at which they went wrong, and are pure functions of a [`Model`](crate::view::Model).
//!
//! A [`Question`] is what somebody wants listed; a [`Catalogue`] answers it with a [`Page`] of models and the token of the
//! next one.

mod catalogue;
mod evaluate;
mod filter;
mod lookup;
mod mask;
mod order;
mod page;
mod parse;
mod print;
mod question;
mod reads;
mod token;
mod words;

#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, Elements, Narrowed};
pub use filter::{Comparator, Comparison, Filter, Literal, NumberText, Path, Pattern};
pub use lookup::{Found, find};
pub use mask::Mask;
pub use order::{Order, SortKey};
pub use page::{Page, Place, Wanted};
pub use question::{Listed, Question, QuestionError};
pub use reads::Reads;
pub use words::{Words, fold, is_searched};

use alloc::string::{String, ToString};

/// The longest filter, order or mask, in bytes: several screens of text, and still nothing to read for long.
pub const QUERY_BYTES_MAX: usize = 4 * 1024;
/// How deep parentheses of a filter may nest: deeper than anybody can read, and recursion must end.
pub const FILTER_DEPTH_MAX: usize = 32;
/// The most comparisons of one filter: each is made for every model that is looked at.
pub const FILTER_TERMS_MAX: usize = 128;
/// The most keys to order by: more never decide anything.
pub const ORDER_KEYS_MAX: usize = 8;
/// The most fields of a mask: more than a model usually has.
pub const MASK_FIELDS_MAX: usize = 256;
/// The most words of a search: each is looked for in every model.
pub const WORDS_MAX: usize = 16;

/// How much of a wrong text an error repeats: enough to find the place.
const FOUND_CHARS_MAX: usize = 24;

/// A query that cannot be read: where, and what should stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: expected {expected}, found {found}")]
pub struct QueryError {
    /// The byte, from 0.
    pub at: usize,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl QueryError {
    fn new(text: &str, at: usize, expected: impl ToString) -> Self {
        let rest = text.get(at..).unwrap_or_default();
        let found = if rest.is_empty() {
            "the end".to_string()
        } else {
            let some: String = rest.chars().take(FOUND_CHARS_MAX).collect();
            alloc::format!("{some:?}")
        };
        Self {
            at,
            expected: expected.to_string(),
            found,
        }
    }

    fn too_long(text: &str, what: &str) -> Option<Self> {
        (text.len() > QUERY_BYTES_MAX).then(|| {
            // The bound may lie within a letter.
            let at = (0..=QUERY_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
            Self::new(
                text,
                at.unwrap_or(0),
                alloc::format!("the end of the {what}, which may have {QUERY_BYTES_MAX} bytes"),
            )
        })
    }
}
