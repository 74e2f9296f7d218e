//! Which cells a record is in: the first, and then ever fewer, at places drawn from its position.

/// The cells of one record, in order, without end.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    state: u64,
    next: u64,
}

impl Mapping {
    /// The cells of the record at this position.
    pub(super) fn of(id: u32) -> Self {
        Self {
            state: u64::from(id),
            next: 0,
        }
    }

    /// The generator of Steele et al., "Fast Splittable Pseudorandom Number Generators" (2014).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Iterator for Mapping {
    type Item = usize;

    /// A record is in cell i with probability 1 / (1 + i / 2): the gap after i is (i + 1.5) * (1 / sqrt(u) - 1) for a
    /// uniform u (section 4.2 of the paper). With integers only, so that every machine finds the same cells.
    fn next(&mut self) -> Option<usize> {
        let index = self.next;
        let root = self.draw().isqrt().max(1);
        let gap = (2 * index + 3) * ((1 << 32) - root) / (2 * root) + 1;
        self.next = index.saturating_add(gap).min(u64::from(u32::MAX));
        usize::try_from(index).ok()
    }
}
