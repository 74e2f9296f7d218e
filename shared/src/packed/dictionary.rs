//! Words that both sides know: common ones of English and of the web, and how their letters follow on each other.
//!
//! The words are those of lower-case letters from the static dictionary of Brotli (RFC 7932, appendix A), of four to
//! twelve letters. Of each length there are two shelves: the first 256 in the dictionary's order, which is by how common
//! they are, and the others. On a shelf they lie in alphabetical order. Nothing of it was drawn from a catalogue.

use super::range::TABLE_BITS;

/// One shelf a line, its words without anything between them.
const TEXT: &str = include_str!("dictionary.txt");
/// The letters of the shortest words.
const LETTERS_MIN: usize = 4;
/// How many shelves there are: two for each length.
pub(crate) const SHELVES: usize = 18;
/// Where each shelf begins, and the end of the last one.
const STARTS: [usize; SHELVES + 1] = {
    let (text, mut starts, mut shelf, mut at) = (TEXT.as_bytes(), [0; SHELVES + 1], 1, 0);
    while at < text.len() {
        if text[at] == b'\n' {
            starts[shelf] = at + 1;
            shelf += 1;
        }
        at += 1;
    }
    starts
};

const fn letters_of(shelf: usize) -> usize {
    LETTERS_MIN + shelf / 2
}

/// How many words lie on a shelf.
pub(crate) fn count(shelf: usize) -> usize {
    match (STARTS.get(shelf), STARTS.get(shelf + 1)) {
        (Some(from), Some(to)) => (to - from - 1) / letters_of(shelf),
        _ => 0,
    }
}

/// A word, by its shelf and its place there.
pub(crate) fn word(shelf: usize, place: usize) -> Option<&'static [u8]> {
    if place >= count(shelf) {
        return None;
    }
    let from = STARTS[shelf] + place * letters_of(shelf);
    TEXT.as_bytes().get(from..from + letters_of(shelf))
}

/// Where a word lies.
pub(crate) fn find(wanted: &[u8]) -> Option<(usize, usize)> {
    let first = wanted.len().checked_sub(LETTERS_MIN)? * 2;
    [first, first + 1].into_iter().find_map(|shelf| {
        let (mut low, mut high) = (0, count(shelf));
        while low < high {
            let middle = (low + high) / 2;
            let held = word(shelf, middle)?;
            match held.cmp(wanted) {
                core::cmp::Ordering::Equal => return Some((shelf, middle)),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    })
}

/// Letters that a spelled word may have: the end, and `a` to `z`.
pub(crate) const LETTERS: usize = 27;

/// The number of each letter, 0 for what cannot be spelled.
pub(crate) fn letter_of(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => usize::from(byte - b'a') + 1,
        _ => 0,
    }
}

/// The letter of a number.
pub(crate) fn byte_of(letter: usize) -> u8 {
    b"\0abcdefghijklmnopqrstuvwxyz"[letter]
}

/// For each letter (0 for the beginning), the sums of how often the others follow on it, of 4,096: counted in the
/// dictionary's words, and one for what never follows there.
pub(crate) static FOLLOWERS: [[u16; LETTERS + 1]; LETTERS] = {
    let mut table = [[0; LETTERS + 1]; LETTERS];
    let counts = counted();
    let mut before = 0;
    while before < LETTERS {
        table[before] = sums(&counts[before]);
        before += 1;
    }
    table
};

const fn counted() -> [[u32; LETTERS]; LETTERS] {
    let (text, mut counts) = (TEXT.as_bytes(), [[1; LETTERS]; LETTERS]);
    let mut shelf = 0;
    while shelf < SHELVES {
        let (mut at, mut before, mut letter) = (STARTS[shelf], 0, 0);
        while at + 1 < STARTS[shelf + 1] {
            let next = (text[at] - b'a') as usize + 1;
            counts[before][next] += 1;
            (before, letter, at) = (next, letter + 1, at + 1);
            if letter == letters_of(shelf) {
                counts[before][0] += 1;
                (before, letter) = (0, 0);
            }
        }
        shelf += 1;
    }
    counts
}

/// Scales counts so that they add up, and none is nothing.
const fn sums(counts: &[u32; LETTERS]) -> [u16; LETTERS + 1] {
    let (mut all, mut at) = (0, 0);
    while at < LETTERS {
        all += counts[at];
        at += 1;
    }
    let room = (1 << TABLE_BITS) - LETTERS as u32;
    let (mut sums, mut before, mut counted) = ([0; LETTERS + 1], 0, 0);
    while before < LETTERS {
        counted += counts[before];
        before += 1;
        sums[before] = (counted * room / all) as u16 + before as u16;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_where_it_lies_and_nothing_else_is() {
        for shelf in 0..SHELVES {
            for place in 0..count(shelf) {
                let held = word(shelf, place).unwrap();
                assert_eq!(find(held), Some((shelf, place)), "{held:?}");
            }
            assert_eq!(word(shelf, count(shelf)), None);
        }
        assert_eq!((find(b"zzzz"), find(b"cow"), find(&[b'a'; 40])), (None, None, None));
    }

    #[test]
    fn what_follows_on_a_letter_adds_up_and_is_never_impossible() {
        for sums in &FOLLOWERS {
            assert_eq!((sums[0], sums[LETTERS]), (0, 1 << TABLE_BITS));
            assert!(sums.windows(2).all(|pair| pair[0] < pair[1]));
        }
        let share = |before: u8, next: u8| {
            let sums = &FOLLOWERS[letter_of(before)];
            sums[letter_of(next) + 1] - sums[letter_of(next)]
        };
        assert!(share(b'q', b'u') > 10 * share(b'q', b'e'));
    }

    #[test]
    fn letters_have_numbers() {
        for letter in 1..LETTERS {
            assert_eq!(letter_of(byte_of(letter)), letter);
        }
        assert_eq!((letter_of(b'-'), letter_of(b'7')), (0, 0));
    }
}
