//! The configuration that the package installs.

use super::*;

const SHIPPED: &str = include_str!("../../../systemd/hub.toml");

fn read(text: &str) -> Result<Settings, ConfigError> {
    config::parse(&SOURCE, Path::new("hub.toml"), text, [])
}

#[test]
fn what_the_shipped_configuration_says_is_the_default() {
    let shipped = read(SHIPPED).unwrap();
    assert_eq!(format!("{shipped:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn what_the_shipped_configuration_suggests_is_taken_and_is_not_the_default() {
    let suggested: String = SHIPPED.lines().map(|line| format!("{}\n", taken_up(line))).collect();
    let settings = read(&suggested).unwrap();
    assert_ne!(format!("{settings:?}"), format!("{:?}", Settings::default()));
}

/// A suggestion without its "#"; text has a space behind it.
fn taken_up(line: &str) -> &str {
    line.strip_prefix('#')
        .filter(|rest| !rest.starts_with(' '))
        .unwrap_or(line)
}
