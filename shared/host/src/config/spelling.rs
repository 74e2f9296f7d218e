//! Which known key a misspelt one was meant to be.

use super::{Source, VARIABLE_PREFIX};

/// Below this similarity, from 0 to 1, a suggestion is a guess that misleads.
const SIMILARITY_MIN: f64 = 0.6;

/// How much a match of the last part of a name counts against one of the whole, so that of two
/// equal names the one in the right table is suggested.
const LAST_PART_WEIGHT: f64 = 0.95;

/// What to tell someone who wrote the unknown key `name`.
pub(super) fn hint_for_key(source: &Source, name: &str) -> String {
    match nearest(source, name) {
        Some(known) => format!("did you mean {known:?}?"),
        None => list_hint(source),
    }
}

/// What to tell someone who set the unknown variable `name`.
pub(super) fn hint_for_variable(source: &Source, name: &str) -> String {
    let rest = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name);
    match nearest(source, &rest.to_lowercase().replace("__", ".")) {
        Some(known) => format!("did you mean {}?", variable_of(known)),
        None => list_hint(source),
    }
}

/// The environment variable that sets the key `name`.
pub(super) fn variable_of(name: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", name.to_uppercase().replace('.', "__"))
}

fn list_hint(source: &Source) -> String {
    format!("the known keys are listed by `{}`", source.documented_by)
}

fn nearest(source: &Source, name: &str) -> Option<&'static str> {
    source
        .keys
        .iter()
        .map(|key| (similarity(name, key.name), key.name))
        .filter(|(score, _)| *score >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn similarity(written: &str, known: &str) -> f64 {
    let whole = strsim::normalized_damerau_levenshtein(written, known);
    let last = strsim::normalized_damerau_levenshtein(last_part(written), last_part(known));
    whole.max(last * LAST_PART_WEIGHT)
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
