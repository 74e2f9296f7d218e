//! What the device says of itself.

use headland_shared::name::{FactName, LabelName, LabelValue};
use headland_shared::resolve::{Description, Fact};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The keys below `device`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DeviceSettings {
    labels: BTreeMap<LabelName, LabelValue>,
    facts: BTreeMap<FactName, Fact>,
}

pub(super) fn description<'de, D: Deserializer<'de>>(from: D) -> Result<Description, D::Error> {
    let DeviceSettings { labels, facts } = DeviceSettings::deserialize(from)?;
    Description::new(labels, facts).map_err(D::Error::custom)
}
