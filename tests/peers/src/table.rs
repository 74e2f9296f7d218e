//! Tables and numbers as Markdown says them.

use crate::measure::Time;
use std::time::Duration;

/// A table: a head, and rows of as many cells. The first column is text, the others are numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|{}\n", head.join(" | "), "--:|".repeat(head.len() - 1));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}

/// A number with its thousands apart.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number, or nothing where nothing was measured.
pub(crate) fn maybe(of: Option<u64>) -> String {
    of.map(number).unwrap_or_default()
}

/// Bytes as megabytes, with one decimal.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// A time in microseconds: the median, and how far the rounds spread.
pub(crate) fn micros(time: Time) -> String {
    let micros = |of: Duration| number(of.as_micros() as u64);
    format!("{} ({}–{})", micros(time.median), micros(time.least), micros(time.most))
}

/// The same in milliseconds.
pub(crate) fn millis(time: Time) -> String {
    let millis = |of: Duration| format!("{:.1}", of.as_secs_f64() * 1e3);
    format!("{} ({}–{})", millis(time.median), millis(time.least), millis(time.most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_table_has_a_head_and_rows() {
        let rows = [vec!["x".to_owned(), "1".to_owned()]];
        assert_eq!(
            table(&["who", "bytes"], &rows),
            "| who | bytes |\n|---|--:|\n| x | 1 |\n"
        );
    }
}
