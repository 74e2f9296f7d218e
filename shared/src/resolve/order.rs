//! Which of several candidates comes first.

use super::Found;
use super::need::at_least;
use crate::value::{Number, Value};
use crate::view::Model;
use alloc::string::{String, ToString};
use core::cmp::{Ordering, Reverse};

/// The attribute by which a catalogue prefers models.
pub(super) const PREFERENCE: &str = "preference";

/// Where a candidate stands. The least one that fits is the answer; two candidates never stand at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    refused: bool,
    other: bool,
    preference: Reverse<Preference>,
    namespace: String,
    model: String,
    version: Reverse<Version>,
}

impl Order {
    pub(super) fn of(model: &Model, version: Option<&str>, found: Found, refused: bool) -> Self {
        let preference = match model.attributes.get(PREFERENCE) {
            Some(Value::Number(number)) => *number,
            _ => Number::Whole(0),
        };
        Self {
            refused,
            other: found == Found::Other,
            preference: Reverse(Preference(preference)),
            namespace: model.namespace.clone(),
            model: model.name.clone(),
            version: Reverse(Version(version.unwrap_or_default().to_string())),
        }
    }
}

/// A number by its size.
#[derive(Debug)]
struct Preference(Number);

impl Ord for Preference {
    fn cmp(&self, other: &Self) -> Ordering {
        match (at_least(self.0, other.0), at_least(other.0, self.0)) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, _) => Ordering::Less,
        }
    }
}

impl PartialOrd for Preference {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Preference {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Preference {}

/// A version by its name: numbers in it count as numbers, so that 1.10 is later than 1.9.
#[derive(Debug, PartialEq, Eq)]
struct Version(String);

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        natural(&self.0, &other.0).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn natural(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let ((number_a, rest_a), (number_b, rest_b)) = (leading_number(a), leading_number(b));
        if let (Some(number_a), Some(number_b)) = (number_a, number_b) {
            let by_size = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
            if by_size != Ordering::Equal {
                return by_size;
            }
            (a, b) = (rest_a, rest_b);
            continue;
        }
        match (a.chars().next(), b.chars().next()) {
            (Some(first), Some(second)) if first == second => {
                (a, b) = (&a[first.len_utf8()..], &b[second.len_utf8()..]);
            }
            (first, second) => return first.cmp(&second),
        }
    }
}

/// The digits at the front without leading zeros, and the rest.
fn leading_number(text: &str) -> (Option<&str>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    ((!digits.is_empty()).then(|| digits.trim_start_matches('0')), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_that_people_expect() {
        let mut names =
            ["1.10", "1.9", "2", "1.9-rc1", "01.9", "2026-11-03", "v3"].map(|name| Version(name.to_string()));
        names.sort();
        let names = names.map(|version| version.0);
        assert_eq!(names, ["01.9", "1.9", "1.9-rc1", "1.10", "2", "2026-11-03", "v3"]);
    }
}
