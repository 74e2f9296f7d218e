//! What is run when models have changed.

use super::value;
use headland_shared::query::Filter;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The most words of a command: more than any command line for people has.
const WORDS_MAX: usize = 64;

/// The keys below `on_change`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OnChangeSettings {
    /// The program and its arguments; empty where nothing is run.
    #[serde(deserialize_with = "exec")]
    pub(crate) exec: Vec<String>,
    /// For which models, in the language of filters; empty for all.
    #[serde(deserialize_with = "filter")]
    pub(crate) filter: String,
    #[serde(deserialize_with = "value::within::<1, 86_400, _, _>")]
    pub(crate) timeout_s: u64,
}

impl Default for OnChangeSettings {
    fn default() -> Self {
        Self {
            exec: Vec::new(),
            filter: String::new(),
            timeout_s: 60,
        }
    }
}

fn exec<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<String>::deserialize(from)?;
    if words.len() > WORDS_MAX || words.iter().any(|word| word.contains('\0')) {
        return Err(D::Error::custom(format!(
            "a command has at most {WORDS_MAX} words, without zeros; put the rest into a script"
        )));
    }
    match words.first() {
        // A daemon has no directory to look from, and its PATH is not the one of whoever wrote this.
        Some(program) if !program.starts_with('/') => Err(D::Error::custom(format!(
            "{program:?} is no program by its whole path; write it like [\"/usr/local/bin/reload\", \"--all\"]"
        ))),
        _ => Ok(words),
    }
}

fn filter<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    Filter::parse(&text).map_err(D::Error::custom)?;
    Ok(text)
}
