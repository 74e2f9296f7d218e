//! Packing: numbers, names and texts as the fewest bits that a model of what came before allows.
//!
//! Deltas and uploads are short and full of small numbers, times, versions and words. A general compressor needs a
//! kilobyte to learn what such bytes look like; here every kind of thing has a model of its own ([`bit`]), words that
//! came before are referred to ([`words`]), and a range coder ([`range`]) turns each choice into the fraction of a
//! bit that it deserves.
//!
//! Writer and reader run the same code over a [`Coder`], which passes each value through when it writes and gives it
//! when it reads: so their models cannot drift apart.

mod bit;
mod carryless;
mod columns;
mod dictionary;
mod notes;
mod number;
mod range;
mod ranked;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use bit::{Bit, Tree, signed};
pub(crate) use carryless::Earlier;
pub(crate) use columns::{Columns, Place};
pub(crate) use notes::{Notes, text};
pub(crate) use number::Number;
pub(crate) use range::{Coder, Packer, Unpacker};
pub(crate) use ranked::{Ranked, Tried, mixed};
pub(crate) use words::{Sources, Words, can_be_words};
