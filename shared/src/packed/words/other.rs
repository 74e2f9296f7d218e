//! A word that is not among what followed before: old ones by number, new ones from the dictionary or letter by letter.

use super::{Kept, NEW, Next, START, Words, is_in_word};
use crate::bytes::DecodeError;
use crate::packed::dictionary::{self, FOLLOWERS, SHELVES};
use crate::packed::{Coder, Tree};
use crate::value::VALUE_BYTES_MAX;
use alloc::vec::Vec;

/// What such a word is.
mod class {
    /// The text ends.
    pub(super) const END: usize = 0;
    /// A word that came before in what is packed.
    pub(super) const OLD: usize = 1;
    /// A word of the dictionary; the same with its first letter a capital.
    pub(super) const SHELVED: usize = 2;
    pub(super) const CAPITAL: usize = 3;
    /// One byte that is part of no word.
    pub(super) const MARK: usize = 4;
    /// Digits that are a number.
    pub(super) const DIGITS: usize = 5;
    /// Lower-case letters.
    pub(super) const LETTERS: usize = 6;
    /// Anything else.
    pub(super) const BYTES: usize = 7;
    /// The record's earlier text of a column.
    pub(super) const COPY: usize = 8;
    /// The record's name, or one of its two parts.
    pub(super) const OWN: usize = 9;
}

/// How many digits a number of 64 bits has at least room for.
const DIGITS_MAX: usize = 19;
/// A mark is one of ASCII.
const MARKS: u32 = 128;
/// The numbers below stand for the end and the parts of the name.
const RESERVED: u32 = 4;
/// More words than this are told by their length first.
const UNIFORM_MAX: u32 = 1 << 16;

/// Models of such words: of the class, by what stands before.
#[derive(Debug, Default)]
pub(super) struct Others {
    class: [Tree<16>; 3],
    shelf: Tree<32>,
}

impl Words {
    /// Such a word's number; a new one gets the next.
    pub(super) fn other<C: Coder>(
        &mut self,
        coder: &mut C,
        next: Next<'_>,
        wanted: u32,
        last: u32,
    ) -> Result<u32, DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("word");
        let place = match self.kept.get(last as usize) {
            None => 0,
            Some(Kept::Word(from, _)) if !is_in_word(self.bytes[*from as usize]) => 1,
            Some(_) => 2,
        };
        let class = if C::READS { 0 } else { class_of(next, wanted) };
        let number = self.kept.len() as u32;
        let class = self.others.class[place].code(coder, class)?;
        match class {
            class::END => return Ok(0),
            class::OWN => return Ok(coder.uniform(RESERVED - 1, wanted.wrapping_sub(1))? + 1),
            class::OLD => return self.old(coder, wanted),
            class::COPY => {
                let column = if let Next::Kept(Kept::Copy(column)) = next {
                    column
                } else {
                    0
                };
                let column = self.column.code(coder, u64::from(column))?;
                let column = u32::try_from(column).map_err(|_| DecodeError::Invalid("column"))?;
                self.copies.insert(column, number);
                self.kept.push(Kept::Copy(column));
                return Ok(number);
            }
            _ => {}
        }
        let word = if let Next::Word(word) = next { word } else { &[] };
        let from = self.bytes.len();
        match class {
            class::SHELVED | class::CAPITAL => self.shelved(coder, word, class == class::CAPITAL)?,
            class::MARK => {
                let mark = coder.uniform(MARKS, u32::from(word.first().copied().unwrap_or(0)))?;
                self.bytes.push(mark as u8);
            }
            class::DIGITS => {
                let value = core::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                let value = self.number.code(coder, value.unwrap_or(0))?;
                put_digits(&mut self.bytes, value);
            }
            class::LETTERS => self.letters(coder, word)?,
            class::BYTES => {
                self.spell(coder, word)?;
            }
            _ => return Err(INVALID),
        }
        if self.bytes.len() == from {
            return Err(INVALID);
        }
        if !C::READS {
            self.numbers.insert(word.to_vec(), number);
        }
        self.kept.push(Kept::Word(from as u32, self.bytes.len() as u32));
        Ok(number)
    }

    fn old<C: Coder>(&mut self, coder: &mut C, wanted: u32) -> Result<u32, DecodeError> {
        let count = self.kept.len() as u32 - RESERVED;
        let wanted = wanted.wrapping_sub(RESERVED);
        let number = match count {
            0 => return Err(DecodeError::Invalid("word")),
            1..=UNIFORM_MAX => coder.uniform(count, wanted)?,
            _ => coder.plain(u32::BITS, u64::from(wanted))? as u32,
        };
        number.checked_add(RESERVED).ok_or(DecodeError::Invalid("word"))
    }

    fn shelved<C: Coder>(&mut self, coder: &mut C, word: &[u8], capital: bool) -> Result<(), DecodeError> {
        let (shelf, place) = if C::READS {
            (0, 0)
        } else {
            shelved(word).map_or((0, 0), |(shelf, place, _)| (shelf, place))
        };
        let shelf = self.others.shelf.code(coder, shelf)?;
        if shelf >= SHELVES || dictionary::count(shelf) == 0 {
            return Err(DecodeError::Invalid("word"));
        }
        let place = coder.uniform(dictionary::count(shelf) as u32, place as u32)?;
        let held = dictionary::word(shelf, place as usize).ok_or(DecodeError::Invalid("word"))?;
        let from = self.bytes.len();
        self.bytes.extend_from_slice(held);
        if capital {
            self.bytes[from].make_ascii_uppercase();
        }
        Ok(())
    }

    /// A word letter by letter, by how the letters of words follow on each other.
    fn letters<C: Coder>(&mut self, coder: &mut C, word: &[u8]) -> Result<(), DecodeError> {
        let mut before = 0;
        for at in 0..=VALUE_BYTES_MAX {
            let letter = word.get(at).map_or(0, |byte| dictionary::letter_of(*byte));
            before = coder.symbol(&FOLLOWERS[before], letter)?;
            if before == 0 {
                return Ok(());
            }
            self.bytes.push(dictionary::byte_of(before));
        }
        Err(DecodeError::TooLong)
    }
}

/// Where a word lies in the dictionary, and whether it begins with a capital.
fn shelved(word: &[u8]) -> Option<(usize, usize, bool)> {
    let capital = word.first()?.is_ascii_uppercase();
    let found = if capital {
        let mut small = word.to_vec();
        small[0].make_ascii_lowercase();
        dictionary::find(&small)
    } else {
        dictionary::find(word)
    };
    found.map(|(shelf, place)| (shelf, place, capital))
}

/// What a writer's word is.
fn class_of(next: Next<'_>, wanted: u32) -> usize {
    match next {
        Next::Kept(Kept::End) => class::END,
        Next::Kept(Kept::Name | Kept::First | Kept::Rest) => class::OWN,
        _ if wanted != NEW && wanted != START => class::OLD,
        Next::Kept(_) => class::COPY,
        Next::Word(word) => {
            let is_number = word.len() < DIGITS_MAX && word.iter().all(u8::is_ascii_digit);
            match shelved(word) {
                Some((_, _, capital)) => class::SHELVED + usize::from(capital),
                None if !is_in_word(word[0]) => class::MARK,
                None if is_number && (word[0] != b'0' || word.len() == 1) => class::DIGITS,
                // Identifiers repeat pieces of each other, which models that learn see.
                None if word.iter().all(u8::is_ascii_lowercase) => class::LETTERS,
                None => class::BYTES,
            }
        }
    }
}

/// Appends a number as people write it.
pub(crate) fn put_digits(out: &mut Vec<u8>, mut value: u64) {
    let from = out.len();
    loop {
        out.push(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out[from..].reverse();
}
