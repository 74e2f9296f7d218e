//! Times, sizes and numbers in words.

use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

const MS_PER_S: u64 = 1_000;
const S_PER_MIN: u64 = 60;
const S_PER_H: u64 = 60 * S_PER_MIN;
const S_PER_D: u64 = 24 * S_PER_H;

/// A duration, rounded up: what is old must not look younger.
pub fn duration(ms: u64) -> String {
    let s = ms.div_ceil(MS_PER_S);
    if s < S_PER_MIN {
        return format!("{s} s");
    }
    if s < S_PER_H {
        return two(s.div_ceil(S_PER_MIN), "min", 60, "h");
    }
    if s < S_PER_D {
        let min = s.div_ceil(S_PER_MIN);
        return joined(min / 60, "h", min % 60, "min", 24, "d");
    }
    let h = s.div_ceil(S_PER_H);
    joined(h / 24, "d", h % 24, "h", u64::MAX, "")
}

/// A number of units, or one of the next when rounding up has filled it.
fn two(number: u64, unit: &str, full: u64, next: &str) -> String {
    if number == full {
        format!("1 {next}")
    } else {
        format!("{number} {unit}")
    }
}

fn joined(large: u64, unit: &str, small: u64, small_unit: &str, full: u64, next: &str) -> String {
    match small {
        0 => two(large, unit, full, next),
        _ => format!("{large} {unit} {small} {small_unit}"),
    }
}

/// A whole number with its thousands apart.
pub fn whole(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 model", "2 models".
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", whole(number), if number == 1 { one } else { many })
}

/// A size in bytes.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut size = number as f64 / 1_000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A moment by somebody's wall clock.
pub fn moment(ms: u64) -> String {
    let nanoseconds = i128::from(ms) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok();
    let text = at.and_then(|at| {
        at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"))
            .ok()
    });
    text.unwrap_or_else(|| "at an unknown time".to_owned())
}

/// A value on one line.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Array(items) if !items.is_empty() && items.iter().all(is_plain) => {
            let items: Vec<_> = items.iter().map(self::value).collect();
            items.join(", ")
        }
        other => printable(&other.to_string()),
    }
}

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

/// Text that others wrote, without what would move a terminal's cursor or change its colours.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_never_too_young() {
        for (ms, text) in [
            (0, "0 s"),
            (1, "1 s"),
            (59_000, "59 s"),
            (60_000, "1 min"),
            (119_001, "2 min"),
            (3_599_999, "1 h"),
            (3_600_000, "1 h"),
            (11_100_000, "3 h 5 min"),
            (86_399_000, "1 d"),
            (86_400_000, "1 d"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(ms), text, "{ms}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_sizes_rounded() {
        assert_eq!(whole(0), "0");
        assert_eq!(whole(-1_234_567), "-1,234,567");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(48_210), "48.2 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
    }

    #[test]
    fn what_others_wrote_cannot_steer_a_terminal() {
        assert_eq!(value(&Value::from("a\u{1b}[2Jb\n")), "a [2Jb ");
        assert_eq!(value(&serde_json::json!(["a", 1, true])), "a, 1, true");
        assert_eq!(value(&serde_json::json!({"a": [1]})), "{\"a\":[1]}");
    }
}
