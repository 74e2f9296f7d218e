//! What a program's configuration is read as, and what is said about a wrong one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use headland_host::config::{ConfigError, Key, Source, example, load, parse};
use serde::Deserialize;

const KEYS: &[Key] = &[
    Key {
        name: "scopes",
        default: "[\"north\"]",
        doc: "The scopes this agent follows.",
    },
    Key {
        name: "link.keep_alive_s",
        default: "60",
        doc: "Seconds between signs of life.\n\nFrom 1 to 65535.",
    },
    Key {
        name: "name",
        default: "",
        doc: "The name shown to people.",
    },
    Key {
        name: "link.backoff.ms_max",
        default: "30000",
        doc: "The longest wait, in milliseconds.",
    },
];

const SOURCE: Source = Source {
    default_path: "/nonexistent/agent.toml",
    keys: KEYS,
    ignored: &["HEADLAND_LOG", "HEADLAND_CONFIG"],
    documented_by: "headland-agent --help",
};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
struct Config {
    scopes: Vec<String>,
    name: Option<String>,
    link: Link,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
struct Link {
    keep_alive_s: u16,
    backoff: Backoff,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
struct Backoff {
    ms_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scopes: vec!["north".to_owned()],
            name: None,
            link: Link::default(),
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self {
            keep_alive_s: 60,
            backoff: Backoff::default(),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { ms_max: 30_000 }
    }
}

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    parse(&SOURCE, Path::new("agent.toml"), text, env)
}

fn complaint(text: &str) -> String {
    read(text, &[]).unwrap_err().to_string()
}

fn complaint_about(name: &str, value: &str) -> String {
    read("", &[(name, value)]).unwrap_err().to_string()
}

#[test]
fn example_sets_every_key_to_its_default() {
    let text = example(KEYS);
    assert_eq!(read(&text, &[]).unwrap(), Config::default(), "{text}");
    assert!(text.starts_with("# The scopes"), "{text}");
    assert!(text.contains("\n\n[link]\n\n# Seconds"), "{text}");
    assert!(text.contains("\n# name =\n"), "{text}");
    assert!(text.contains("\n[link.backoff]\n"), "{text}");
}

#[test]
fn named_file_must_exist_and_the_default_one_need_not() {
    let absent: Result<Config, _> = load(&SOURCE, None, []);
    assert_eq!(absent.unwrap(), Config::default());
    let path = PathBuf::from("/nonexistent/other.toml");
    let missing: Result<Config, _> = load(&SOURCE, Some(&path), []);
    assert_eq!(missing.unwrap_err(), ConfigError::Missing { path });
}

#[test]
fn named_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.toml");
    std::fs::write(&path, "[link]\nkeep_alive_s = 5\n").unwrap();
    let config: Config = load(&SOURCE, Some(&path), []).unwrap();
    assert_eq!(config.link.keep_alive_s, 5);
    let directory: Result<Config, _> = load(&SOURCE, Some(dir.path()), []);
    assert!(matches!(directory, Err(ConfigError::Read { .. })));
}

#[test]
fn unknown_key_names_the_nearest_one() {
    assert_eq!(
        complaint("# my\n\nscoeps = []\n"),
        "agent.toml:3: unknown key \"scoeps\": did you mean \"scopes\"?"
    );
    assert_eq!(
        complaint("[link]\nkeepalive_s = 5\n"),
        "agent.toml:2: unknown key \"link.keepalive_s\": did you mean \"link.keep_alive_s\"?"
    );
    assert_eq!(
        complaint("keep_alive_s = 5\n"),
        "agent.toml:1: unknown key \"keep_alive_s\": did you mean \"link.keep_alive_s\"?"
    );
}

#[test]
fn unknown_key_unlike_any_other_names_where_keys_are_listed() {
    assert_eq!(
        complaint("xyzzy = 1\n"),
        "agent.toml:1: unknown key \"xyzzy\": the known keys are listed by `headland-agent --help`"
    );
}

#[test]
fn first_unknown_key_of_the_file_is_named_first() {
    let text = complaint("[link]\n[zzz]\na = 1\n[aaa]\nb = 2\n");
    assert!(text.starts_with("agent.toml:2:"), "{text}");
}

#[test]
fn quoted_key_with_a_dot_is_not_the_key_in_a_table() {
    let text = complaint("\"link.keep_alive_s\" = 5\n");
    assert!(text.contains("unknown key"), "{text}");
}

#[test]
fn wrong_value_names_its_key_and_what_was_expected() {
    assert_eq!(
        complaint("\n[link]\nkeep_alive_s = \"long\"\n"),
        "agent.toml:3: key \"link.keep_alive_s\": invalid type: string \"long\", expected u16"
    );
    assert_eq!(
        complaint("link.keep_alive_s = 70000\n"),
        "agent.toml:1: key \"link.keep_alive_s\": invalid value: integer `70000`, expected u16"
    );
    assert_eq!(
        complaint("scopes = [\n \"a\",\n 3,\n]\n"),
        "agent.toml:3: key \"scopes\": invalid type: integer `3`, expected a string"
    );
    assert_eq!(
        complaint("link = 3\n"),
        "agent.toml:1: key \"link\": invalid type: integer, expected a table"
    );
}

#[test]
fn text_that_is_not_toml_names_its_line() {
    let text = complaint("[link]\nkeep_alive_s = = 5\n");
    assert!(text.starts_with("agent.toml:2: not TOML: "), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn environment_goes_over_the_file() {
    let env = [
        ("HEADLAND_LINK__KEEP_ALIVE_S", "30"),
        ("HEADLAND_LINK__BACKOFF__MS_MAX", "1000"),
        ("HEADLAND_SCOPES", "['a', 'b']"),
        ("HEADLAND_LOG", "debug"),
        ("PATH", "/bin"),
    ];
    let config = read("[link]\nkeep_alive_s = 5\n", &env).unwrap();
    assert_eq!(config.link.keep_alive_s, 30);
    assert_eq!(config.link.backoff.ms_max, 1_000);
    assert_eq!(config.scopes, ["a", "b"]);
}

#[test]
fn variable_that_is_not_toml_or_does_not_fit_is_a_string() {
    for name in ["north barn", "123", "true", "2024-01-01", ""] {
        let config = read("", &[("HEADLAND_NAME", name)]).unwrap();
        assert_eq!(config.name.as_deref(), Some(name));
    }
}

#[test]
fn unknown_variable_names_the_nearest_one() {
    assert_eq!(
        complaint_about("HEADLAND_LINK_KEEP_ALIVE", "30"),
        "environment: unknown variable HEADLAND_LINK_KEEP_ALIVE: did you mean HEADLAND_LINK__KEEP_ALIVE_S?"
    );
    let text = complaint_about("HEADLAND_XYZZY", "30");
    assert!(text.ends_with("listed by `headland-agent --help`"), "{text}");
}

#[test]
fn wrong_variable_is_named_with_what_was_expected() {
    assert_eq!(
        complaint_about("HEADLAND_LINK__KEEP_ALIVE_S", "70000"),
        "environment: variable HEADLAND_LINK__KEEP_ALIVE_S: invalid value: integer `70000`, expected u16"
    );
    assert_eq!(
        complaint_about("HEADLAND_LINK__KEEP_ALIVE_S", "long"),
        "environment: variable HEADLAND_LINK__KEEP_ALIVE_S: invalid type: string \"long\", expected u16"
    );
}
