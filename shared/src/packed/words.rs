//! Texts, word by word: a word that came before is referred to, and what usually follows costs next to nothing.
//!
//! A text is cut into words (letters, digits and underscores) and single other bytes. One space between two words is
//! not written. What a text repeats of its record, such as the record's name in an address, is a word of its own.

mod other;

pub(super) use other::put_digits;

use super::bit::Bit;
use super::number::Number;
use super::range::Coder;
use super::ranked::{Ranked, Tried, mixed};
use crate::bytes::DecodeError;
use crate::value::VALUE_BYTES_MAX;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::OnceCell;

/// Shorter texts are as easily said again.
const REPEATED_BYTES_MIN: usize = 3;
/// Longer texts are not part of others.
const REPEATED_BYTES_MAX: usize = 64;
/// Stands for a word that did not come before, where its number would stand.
const NEW: u32 = u32::MAX >> 1;
/// One model of eight bits for all letters, and one for each letter before.
const LETTERS: usize = 257 * 256;
/// Before the first word.
const START: u32 = NEW - 1;

/// What a text may repeat of its record.
pub(crate) struct Sources<'a> {
    name: OnceCell<Option<String>>,
    named: &'a dyn Fn() -> Option<String>,
    /// Texts of the record that went before, by column, and where each begins and ends in `texts`.
    earlier: Vec<(u32, usize, usize)>,
    texts: String,
}

impl<'a> Sources<'a> {
    /// For a record whose name is asked for when it is needed.
    pub(crate) fn new(named: &'a dyn Fn() -> Option<String>) -> Self {
        Self {
            name: OnceCell::new(),
            named,
            earlier: Vec::new(),
            texts: String::new(),
        }
    }

    /// Another text of the record that later ones may repeat. The first one of each column counts.
    pub(crate) fn remember(&mut self, column: u32, text: &str) {
        let worth = (REPEATED_BYTES_MIN..=REPEATED_BYTES_MAX).contains(&text.len());
        if worth && self.of_column(column).is_none() {
            let from = self.texts.len();
            self.texts.push_str(text);
            self.earlier.push((column, from, self.texts.len()));
        }
    }

    fn name(&self) -> Option<&str> {
        self.name.get_or_init(self.named).as_deref()
    }

    fn of_column(&self, column: u32) -> Option<&str> {
        let mut earlier = self.earlier.iter();
        let (_, from, to) = earlier.find(|(of, ..)| *of == column)?;
        Some(&self.texts[*from..*to])
    }
}

/// A word as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    /// The text ends.
    End,
    /// The record's name; its part before the first slash; the rest after that.
    Name,
    First,
    Rest,
    /// The record's earlier text of that column.
    Copy(u32),
    /// A word: where it lies.
    Word(u32, u32),
}

/// What comes next in a text that is written.
#[derive(Debug, Clone, Copy)]
enum Next<'t> {
    Kept(Kept),
    Word(&'t [u8]),
}

/// All words that came before.
#[derive(Debug)]
pub(crate) struct Words {
    kept: Vec<Kept>,
    bytes: Vec<u8>,
    /// The numbers of words and of copies, for writing.
    numbers: BTreeMap<Vec<u8>, u32>,
    copies: BTreeMap<u32, u32>,
    after_two: Ranked,
    after_one: Ranked,
    fresh: [Bit; 4],
    copied: Bit,
    number: Number,
    column: Number,
    letters: Vec<u32>,
    others: other::Others,
    /// The text that was read last.
    text: Vec<u8>,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            kept: vec![Kept::End, Kept::Name, Kept::First, Kept::Rest],
            bytes: Vec::new(),
            numbers: BTreeMap::new(),
            copies: BTreeMap::new(),
            after_two: Ranked::default(),
            after_one: Ranked::default(),
            fresh: Default::default(),
            copied: Bit::default(),
            number: Number::default(),
            column: Number::default(),
            letters: Vec::new(),
            others: other::Others::default(),
            text: Vec::new(),
        }
    }
}

impl Words {
    /// Writes a text, or reads one and gives it.
    pub(crate) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        column: u32,
        text: &str,
        sources: &Sources<'_>,
    ) -> Result<&str, DecodeError> {
        let mut rest = text.as_bytes();
        let mut out = core::mem::take(&mut self.text);
        out.clear();
        let (mut before, mut last, mut after_word) = (START, START, false);
        loop {
            let next = if C::READS {
                Next::Kept(Kept::End)
            } else {
                let (next, taken) = next_of(rest, after_word, sources);
                rest = &rest[taken..];
                next
            };
            let number = self.word(coder, column, next, [before, last])?;
            (before, last) = (last, number);
            let kept = self.kept[number as usize];
            let is_word = matches!(kept, Kept::Word(from, _) if is_in_word(self.bytes[from as usize]));
            if kept == Kept::End {
                break;
            }
            if C::READS {
                if after_word && is_word {
                    out.push(b' ');
                }
                self.append(kept, sources, &mut out)?;
            }
            after_word = is_word;
        }
        self.text = out;
        core::str::from_utf8(&self.text).map_err(|_| DecodeError::NotUtf8)
    }

    fn append(&self, kept: Kept, sources: &Sources<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("word");
        let name = || sources.name().ok_or(INVALID);
        let split = || name()?.split_once('/').ok_or(INVALID);
        let bytes = match kept {
            Kept::End => &[],
            Kept::Name => name()?.as_bytes(),
            Kept::First => split()?.0.as_bytes(),
            Kept::Rest => split()?.1.as_bytes(),
            Kept::Copy(column) => sources.of_column(column).ok_or(INVALID)?.as_bytes(),
            Kept::Word(from, to) => &self.bytes[from as usize..to as usize],
        };
        // A word without bytes would let a few bits stand for endless work.
        if bytes.is_empty() {
            return Err(INVALID);
        }
        if out.len() + bytes.len() > VALUE_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        out.extend_from_slice(bytes);
        Ok(())
    }

    /// One word, by its number among those that came before; a new one gets the next number.
    fn word<C: Coder>(
        &mut self,
        coder: &mut C,
        column: u32,
        next: Next<'_>,
        [before, last]: [u32; 2],
    ) -> Result<u32, DecodeError> {
        let wanted = if C::READS { NEW } else { self.number_of(next) };
        let two = mixed([before, last, if last == START { column } else { 0 }]);
        let one = mixed([column, last, NEW]);
        let mut tried = Tried::default();
        let mut found = self.after_two.code(coder, two, wanted, &mut tried)?;
        if found.is_none() {
            found = self.after_one.code(coder, one, wanted, &mut tried)?;
        }
        let number = match found {
            Some(number) => number,
            None if C::DENSE => self.other(coder, next, wanted, last)?,
            None if coder.bit(&mut self.fresh[usize::from(last == START)], wanted == NEW)? => {
                self.new_word(coder, next)?
            }
            None => {
                let number = self.number.code(coder, u64::from(wanted))?;
                u32::try_from(number).map_err(|_| DecodeError::Invalid("word"))?
            }
        };
        if number as usize >= self.kept.len() {
            return Err(DecodeError::Invalid("word"));
        }
        self.after_two.learn::<C>(two, number);
        self.after_one.learn::<C>(one, number);
        Ok(number)
    }

    fn number_of(&self, next: Next<'_>) -> u32 {
        let known = match next {
            Next::Word(word) => self.numbers.get(word),
            Next::Kept(Kept::Copy(column)) => self.copies.get(&column),
            Next::Kept(kept) => {
                return self.kept[..4]
                    .iter()
                    .position(|one| *one == kept)
                    .map_or(NEW, |at| at as u32);
            }
        };
        known.copied().unwrap_or(NEW)
    }

    fn new_word<C: Coder>(&mut self, coder: &mut C, next: Next<'_>) -> Result<u32, DecodeError> {
        let number = self.kept.len() as u32;
        let column = match next {
            Next::Kept(Kept::Copy(column)) => Some(column),
            _ => None,
        };
        let kept = if coder.bit(&mut self.copied, column.is_some())? {
            let column = self.column.code(coder, u64::from(column.unwrap_or(0)))?;
            let column = u32::try_from(column).map_err(|_| DecodeError::Invalid("column"))?;
            self.copies.insert(column, number);
            Kept::Copy(column)
        } else {
            let word = match next {
                Next::Word(word) => word,
                Next::Kept(_) => &[],
            };
            if !C::READS {
                self.numbers.insert(word.to_vec(), number);
            }
            self.spell(coder, word)?
        };
        self.kept.push(kept);
        Ok(number)
    }

    /// A word letter by letter, up to a zero.
    fn spell<C: Coder>(&mut self, coder: &mut C, word: &[u8]) -> Result<Kept, DecodeError> {
        let from = self.bytes.len();
        let mut before = 0_usize;
        for at in 0.. {
            if at > VALUE_BYTES_MAX {
                return Err(DecodeError::TooLong);
            }
            let letter = word.get(at).copied().unwrap_or(0);
            let letter = self.letter(coder, before, letter)?;
            if letter == 0 {
                break;
            }
            self.bytes.push(letter);
            before = usize::from(letter);
        }
        if self.bytes.len() == from {
            return Err(DecodeError::Invalid("word"));
        }
        Ok(Kept::Word(from as u32, self.bytes.len() as u32))
    }

    fn letter<C: Coder>(&mut self, coder: &mut C, before: usize, letter: u8) -> Result<u8, DecodeError> {
        if self.letters.is_empty() {
            self.letters = vec![0; LETTERS];
        }
        let (mut node, finer) = (1_usize, (before + 1) << 8);
        for at in (0..8).rev() {
            let (mut coarse, mut fine) = (Bit(self.letters[node]), Bit(self.letters[finer | node]));
            let one = coder.bit_of(&mut coarse, &mut fine, letter >> at & 1 == 1)?;
            self.letters[node] = coarse.0;
            self.letters[finer | node] = fine.0;
            node = node << 1 | usize::from(one);
        }
        Ok(node as u8)
    }
}

/// Whether a text can be written word by word: the end of a word is a zero.
pub(crate) fn can_be_words(text: &str) -> bool {
    !text.as_bytes().contains(&0)
}

fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The next word of a text, and how many bytes it takes.
fn next_of<'t>(rest: &'t [u8], after_word: bool, sources: &Sources<'_>) -> (Next<'t>, usize) {
    if rest.is_empty() {
        return (Next::Kept(Kept::End), 0);
    }
    if !after_word && let Some((kept, taken)) = repeated(rest, sources) {
        return (Next::Kept(kept), taken);
    }
    let space = usize::from(after_word && rest[0] == b' ' && rest.get(1).is_some_and(|next| is_in_word(*next)));
    let word = &rest[space..];
    let length = word.iter().take_while(|byte| is_in_word(**byte)).count().max(1);
    (Next::Word(&word[..length]), space + length)
}

/// The longest thing of its record that the text goes on with.
fn repeated(rest: &[u8], sources: &Sources<'_>) -> Option<(Kept, usize)> {
    let name = sources.name().unwrap_or("");
    let (first, tail) = name.split_once('/').unwrap_or(("", ""));
    let own = [(Kept::Name, name), (Kept::First, first), (Kept::Rest, tail)];
    let earlier = sources
        .earlier
        .iter()
        .map(|(column, from, to)| (Kept::Copy(*column), &sources.texts[*from..*to]));
    let mut best: Option<(Kept, usize)> = None;
    for (kept, text) in own.into_iter().chain(earlier) {
        let length = text.len();
        let ends = rest.get(length).is_none_or(|next| !is_in_word(*next));
        if length >= REPEATED_BYTES_MIN
            && ends
            && rest.starts_with(text.as_bytes())
            && best.is_none_or(|(_, so)| length > so)
        {
            best = Some((kept, length));
        }
    }
    best
}
