//! Units, and how values in them are shown.

/// What a value is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Unit {
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A number of things.
    Count,
    /// Things in a second.
    PerSecond,
    /// One thing by another.
    Ratio,
    /// Hundredths.
    Percent,
}

impl Unit {
    /// Its name, for programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::PerSecond => "per_second",
            Self::Ratio => "ratio",
            Self::Percent => "percent",
        }
    }

    /// A value, for people.
    pub(in crate::bench) fn show(self, value: f64) -> String {
        match self {
            Self::Micros if value >= 10_000.0 => format!("{:.1} ms", value / 1_000.0),
            Self::Micros if value >= 100.0 => format!("{value:.0} µs"),
            Self::Micros => format!("{value:.1} µs"),
            Self::Millis if value >= 10_000.0 => format!("{:.1} s", value / 1_000.0),
            Self::Millis if value >= 100.0 => format!("{value:.0} ms"),
            Self::Millis => format!("{value:.1} ms"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => bytes(value),
            Self::Count if value.fract() == 0.0 => grouped(value),
            Self::Count => format!("{value:.1}"),
            Self::PerSecond => format!("{}/s", grouped(value)),
            Self::Ratio => format!("{value:.2}"),
            Self::Percent => format!("{value:.3} %"),
        }
    }
}

fn bytes(value: f64) -> String {
    const KIB: f64 = 1_024.0;
    match value {
        value if value >= KIB * KIB => format!("{:.1} MiB", value / KIB / KIB),
        value if value >= 10.0 * KIB => format!("{:.1} KiB", value / KIB),
        value => format!("{value:.0} B"),
    }
}

/// With commas between the thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits.as_str()), |rest| ("-", rest));
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_at_a_size_that_can_be_read() {
        assert_eq!(Unit::PerSecond.show(1_234_567.2), "1,234,567/s");
        assert_eq!(Unit::Micros.show(12_345.0), "12.3 ms");
        assert_eq!(Unit::Bytes.show(2_048.0), "2048 B");
        assert_eq!(Unit::Bytes.show(3.5 * 1_048_576.0), "3.5 MiB");
        assert_eq!(Unit::Count.show(-1_000.0), "-1,000");
    }
}
