//! Drawing from a seed, with a tally of how much chance was drawn.

use headland_shared::session::Jitter;

/// The words that texts are made of.
const WORDS: &str = include_str!("words.txt");

/// A stream of chance that counts the bits it has given out: what a reader must be told to know the outcome.
#[derive(Debug)]
pub(crate) struct Draw {
    jitter: Jitter,
    words: Vec<&'static str>,
    bits: f64,
}

impl Draw {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            jitter: Jitter::seeded(seed),
            words: WORDS.split_whitespace().collect(),
            bits: 0.0,
        }
    }

    /// The bits given out since the tally was last taken.
    pub(crate) fn take_bits(&mut self) -> f64 {
        std::mem::take(&mut self.bits)
    }

    /// One of `0..count`, all alike.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.bits += (count as f64).log2();
        self.jitter.up_to(count - 1)
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    pub(crate) fn word(&mut self) -> &'static str {
        let index = self.below(self.words.len() as u64);
        self.words[index as usize]
    }

    /// A text of so many words.
    pub(crate) fn text(&mut self, least: u64, most: u64) -> String {
        let count = self.between(least, most);
        let words: Vec<_> = (0..count).map(|_| self.word()).collect();
        words.join(" ")
    }

    /// So many different ones of `0..of`, in order.
    pub(crate) fn choose(&mut self, count: usize, of: u64) -> Vec<u64> {
        let mut chosen = std::collections::BTreeSet::new();
        while chosen.len() < count {
            chosen.insert(self.jitter.up_to(of - 1));
        }
        self.bits += crate::entropy::log2_choose(of, count as u64);
        chosen.into_iter().collect()
    }

    /// The same, in a drawn order.
    pub(crate) fn choose_in_order(&mut self, count: usize, of: u64) -> Vec<u64> {
        let mut chosen = self.choose(count, of);
        for index in (1..chosen.len()).rev() {
            let other = self.below(index as u64 + 1) as usize;
            chosen.swap(index, other);
        }
        chosen
    }

    pub(crate) fn bytes_32(&mut self) -> [u8; 32] {
        self.bits += 256.0;
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.jitter.next_u64().to_be_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_about_three_hundred_and_different() {
        let draw = Draw::seeded(1);
        let different: std::collections::BTreeSet<_> = draw.words.iter().collect();
        assert_eq!(different.len(), draw.words.len());
        assert!((280..=300).contains(&draw.words.len()), "{}", draw.words.len());
    }

    #[test]
    fn a_drawn_text_counts_its_length_and_its_words() {
        let mut draw = Draw::seeded(2);
        draw.take_bits();
        let text = draw.text(8, 16);
        let words = text.split(' ').count() as f64;
        let wanted = 9_f64.log2() + words * (draw.words.len() as f64).log2();
        assert!((draw.take_bits() - wanted).abs() < 1e-9);
        assert_eq!(draw.take_bits(), 0.0);
    }

    #[test]
    fn one_seed_gives_one_stream() {
        let stream = |seed| {
            let mut draw = Draw::seeded(seed);
            (draw.text(3, 9), draw.choose(5, 100), draw.bytes_32())
        };
        assert_eq!(stream(7), stream(7));
        assert_ne!(stream(7), stream(8));
    }
}
