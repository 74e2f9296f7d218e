//! The least that any encoding needs: which records, when, and what.

use crate::workload::Bits;

/// The logarithm to base 2 of the number of ways to choose `count` of `of`.
pub(crate) fn log2_choose(of: u64, count: u64) -> f64 {
    (0..count).map(|index| ((of - index) as f64).log2() - ((index + 1) as f64).log2()).sum()
}

/// Bits as whole bytes.
pub(crate) fn bytes(bits: f64) -> u64 {
    (bits / 8.0).ceil() as u64
}

/// The bound of one direction of a sync, in bytes, with times told to the millisecond.
pub(crate) fn bound(bits: &Bits) -> u64 {
    bytes(bits.which + bits.when_s + bits.when_ms + bits.what)
}

/// The same with times told to the second.
pub(crate) fn bound_s(bits: &Bits) -> u64 {
    bytes(bits.which + bits.when_s + bits.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choosing_counts_as_the_binomials_do() {
        assert!((log2_choose(4, 2) - 6_f64.log2()).abs() < 1e-12);
        assert!((log2_choose(52, 5) - 2_598_960_f64.log2()).abs() < 1e-9);
        assert_eq!(log2_choose(10, 0), 0.0);
        // 60 of 1,000 take about 323 bits.
        assert!((log2_choose(1_000, 60) - 323.0).abs() < 1.0);
    }

    #[test]
    fn a_bound_is_the_sum_of_its_parts_in_whole_bytes() {
        let bits = Bits { which: 3.0, when_s: 5.0, when_ms: 10.0, what: 1.0 };
        assert_eq!((bound(&bits), bound_s(&bits)), (3, 2));
    }
}
