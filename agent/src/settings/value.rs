//! Reading single values, with errors that name what is taken.

use headland_host::broker_address::BrokerAddress;
use headland_shared::name::ReplicaName;
use headland_shared::query::Filter;
use headland_shared::scope::{FOLLOWS_MAX, Follow};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The name of a device whose host has none.
const NAME_DEFAULT: &str = "device";

/// The brokers that one agent tries: beyond a few, a round of attempts takes longer than most outages.
const HUBS_MAX: usize = 16;

/// A filter that can be read; an empty one is none.
pub(super) fn filter<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    Filter::parse(&text).map_err(D::Error::custom)?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<ReplicaName, D::Error> {
    let text = String::deserialize(from)?;
    ReplicaName::parse(&text).map_err(D::Error::custom)
}

pub(super) fn hubs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<BrokerAddress>, D::Error> {
    let hubs = Vec::<BrokerAddress>::deserialize(from)?;
    if hubs.is_empty() || hubs.len() > HUBS_MAX {
        return Err(D::Error::custom(format!(
            "name at least one hub, and at most {HUBS_MAX}"
        )));
    }
    Ok(hubs)
}

pub(super) fn follow<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Follow>, D::Error> {
    let follow = Vec::<Follow>::deserialize(from)?;
    if follow.is_empty() || follow.len() > FOLLOWS_MAX {
        return Err(D::Error::custom(format!(
            "name at least one pattern, and at most {FOLLOWS_MAX}"
        )));
    }
    Ok(follow)
}

/// A whole number from `MIN` to `MAX`.
pub(super) fn within<'de, const MIN: u64, const MAX: u64, T, D>(from: D) -> Result<T, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    let number = i64::deserialize(from)?;
    let inside = u64::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
    let fitting = inside.and_then(|number| T::try_from(number).ok());
    fitting.ok_or_else(|| D::Error::custom(format!("{number} is out of range: use {MIN} to {MAX}")))
}

/// The host's name, with what no replica's name may hold replaced.
pub(super) fn host_name() -> ReplicaName {
    let known = std::fs::read_to_string("/proc/sys/kernel/hostname");
    named_after(known.unwrap_or_default().trim())
}

fn named_after(host: &str) -> ReplicaName {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '-'
        }
    };
    let text: String = host.chars().map(safe).take(ReplicaName::BYTES_MAX).collect();
    let name = ReplicaName::parse(&text).or_else(|_| ReplicaName::parse(NAME_DEFAULT));
    name.expect("the default name is a valid one")
}

#[cfg(test)]
mod tests {
    use super::named_after;

    #[test]
    fn any_host_name_makes_a_valid_name() {
        assert_eq!(named_after("gateway-7.north").as_str(), "gateway-7.north");
        assert_eq!(named_after("büro pc").as_str(), "b-ro-pc");
        assert_eq!(named_after("").as_str(), "device");
        assert_eq!(named_after(&"x".repeat(80)).as_str().len(), 64);
    }
}
