//! Environment variables put over the file.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::document::one_line;
use super::{ConfigError, Source, VARIABLE_PREFIX, spelling};

/// One variable that sets a key.
pub(super) struct Override {
    variable: String,
    key: &'static str,
    text: String,
}

/// The variables of this process that concern Headland.
///
/// Unlike `std::env::vars`, it does not fail on another program's variable that is not Unicode.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with(VARIABLE_PREFIX)
            .then(|| (name, value.to_string_lossy().into_owned()))
    })
}

/// The overrides in `env`, in the order of their names.
pub(super) fn find(
    source: &Source,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<Override>, ConfigError> {
    let mut ours: Vec<(String, String)> = env
        .into_iter()
        .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
        .filter(|(name, _)| !source.ignored.contains(&name.as_str()))
        .collect();
    ours.sort();
    ours.into_iter()
        .map(|(variable, text)| {
            let known = source
                .keys
                .iter()
                .find(|key| spelling::variable_of(key.name) == variable);
            match known {
                Some(key) => Ok(Override {
                    variable,
                    key: key.name,
                    text,
                }),
                None => Err(ConfigError::UnknownVariable {
                    hint: spelling::hint_for_variable(source, &variable),
                    name: variable,
                }),
            }
        })
        .collect()
}

/// The configuration `table` makes with the overrides put over it.
///
/// They go in one by one, so that the first value that does not fit names its variable.
pub(super) fn apply<T: DeserializeOwned>(mut table: Table, overrides: &[Override]) -> Result<T, ConfigError> {
    let mut read = None;
    for one in overrides {
        let mut first_error = None;
        let fitting = readings(&one.text).into_iter().find_map(|value| {
            let mut changed = table.clone();
            set(&mut changed, one.key, value);
            match changed.clone().try_into::<T>() {
                Ok(config) => Some((changed, config)),
                Err(error) => {
                    first_error.get_or_insert(error);
                    None
                }
            }
        });
        match fitting {
            Some((changed, config)) => {
                table = changed;
                read = Some(config);
            }
            None => {
                return Err(ConfigError::Variable {
                    name: one.variable.clone(),
                    reason: first_error.map_or_else(String::new, |e| one_line(e.message())),
                });
            }
        }
    }
    Ok(read.expect("the caller hands over at least one override"))
}

/// What a text may mean, likeliest first.
fn readings(text: &str) -> Vec<Value> {
    let as_toml = toml::de::ValueDeserializer::parse(text)
        .ok()
        .and_then(|reader| serde::Deserialize::deserialize(reader).ok());
    let as_string = Value::String(text.to_owned());
    as_toml.into_iter().chain([as_string]).collect()
}

fn set(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            table.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}
