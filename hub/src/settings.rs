//! What the hub can be told: every key, its default, and the values it takes.

mod keys;
mod registry;
#[cfg(test)]
mod shipped;
mod writeback;

pub(crate) use keys::SOURCE;
pub(crate) use registry::{RegistrySettings, RegistrySource};

use headland_host::broker_address::BrokerAddress;
use headland_host::config::{self, ConfigError};
use headland_host::control::ApiSettings;
use headland_host::loopback_address::LoopbackAddress;
use headland_shared::name::Region;
use headland_shared::session::lanes::LaneTimes;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};

/// The environment variable that names the configuration file.
pub(crate) const FILE_VARIABLE: &str = "HEADLAND_CONFIG";

/// The hub's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) region: Region,
    pub(crate) store: PathBuf,
    pub(crate) socket: PathBuf,
    /// The same API over TCP.
    pub(crate) api: ApiSettings,
    #[serde(deserialize_with = "within::<1_048_576, 68_719_476_736, _, _>")]
    pub(crate) cache_bytes: usize,
    #[serde(deserialize_with = "within::<1, 3_650, _, _>")]
    pub(crate) retention_days: u64,
    pub(crate) registry: RegistrySettings,
    pub(crate) broker: BrokerSettings,
    pub(crate) feed: FeedSettings,
    pub(crate) link: LinkSettings,
}

/// The keys below `broker`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BrokerSettings {
    pub(crate) embedded: bool,
    pub(crate) listen: LoopbackAddress,
    pub(crate) external: Option<BrokerAddress>,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub(crate) connections_max: usize,
}

/// The keys below `feed`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FeedSettings {
    #[serde(deserialize_with = "within::<0, 600_000, _, _>")]
    pub(crate) p1_ms_max: u64,
    #[serde(deserialize_with = "within::<0, 600_000, _, _>")]
    pub(crate) p2_ms_max: u64,
    #[serde(deserialize_with = "within::<100, 3_600_000, _, _>")]
    pub(crate) heartbeat_ms: u32,
    #[serde(deserialize_with = "within::<256, 65_536, _, _>")]
    pub(crate) live_bytes_max: usize,
}

/// The keys below `link`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LinkSettings {
    #[serde(deserialize_with = "within::<1, 65_535, _, _>")]
    pub(crate) keep_alive_s: u16,
    #[serde(deserialize_with = "within::<1, 3_600_000, _, _>")]
    pub(crate) backoff_ms_base: u64,
    #[serde(deserialize_with = "within::<1, 86_400_000, _, _>")]
    pub(crate) backoff_ms_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: Region::new("main").expect("the default region is a valid name"),
            store: "/var/lib/headland/hub.redb".into(),
            socket: "/run/headland/hub.sock".into(),
            api: ApiSettings::default(),
            cache_bytes: 64 * 1024 * 1024,
            retention_days: 30,
            registry: RegistrySettings::default(),
            broker: BrokerSettings::default(),
            feed: FeedSettings::default(),
            link: LinkSettings::default(),
        }
    }
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            embedded: true,
            listen: LoopbackAddress::ipv4(1_883).expect("the default port is not 0"),
            external: None,
            connections_max: 10_000,
        }
    }
}

impl Default for FeedSettings {
    fn default() -> Self {
        let lanes = LaneTimes::default();
        Self {
            p1_ms_max: lanes.p1_ms_max,
            p2_ms_max: lanes.p2_ms_max,
            heartbeat_ms: 15_000,
            live_bytes_max: 65_536,
        }
    }
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            keep_alive_s: 30,
            backoff_ms_base: 500,
            backoff_ms_max: 60_000,
        }
    }
}

/// Settings that do not fit together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// No broker at all.
    #[error("reading the configuration: broker.embedded is false and broker.external is not set; name a broker")]
    NoBroker,
    /// The external broker's address names another region.
    #[error(
        "reading the configuration: broker.external names region {external}, and region is {region}; make them one"
    )]
    OtherRegion {
        /// What the address names.
        external: String,
        /// What the hub serves.
        region: Region,
    },
    /// The region cannot be part of an address.
    #[error("reading the configuration: region {0} cannot be used: lower-case letters, digits and \"-\" only")]
    Region(Region),
}

impl Settings {
    /// The file that was named, or the one that the environment names; nothing for the default one, which need not
    /// be there.
    pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
        let by_environment = std::env::var_os(FILE_VARIABLE).filter(|path| !path.is_empty());
        named.map(Path::to_path_buf).or(by_environment.map(PathBuf::from))
    }

    /// Reads the file and the environment over it.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        config::load(&SOURCE, file, config::environment())
    }

    /// The broker through which the hub speaks, its own or another.
    pub(crate) fn broker_address(&self) -> Result<BrokerAddress, SettingsError> {
        let region = self.region.as_str();
        if !self.broker.embedded {
            let external = self.broker.external.clone().ok_or(SettingsError::NoBroker)?;
            if external.region() != region && external.region() != headland_host::broker_address::REGION_DEFAULT {
                let (external, region) = (external.region().to_owned(), self.region.clone());
                return Err(SettingsError::OtherRegion { external, region });
            }
            let address = format!("mqtt://{}:{}/{region}", external.host(), external.port());
            return address.parse().map_err(|_| SettingsError::Region(self.region.clone()));
        }
        let address = format!("mqtt://{}/{region}", self.broker.listen);
        address.parse().map_err(|_| SettingsError::Region(self.region.clone()))
    }

    /// How long changes wait for company.
    pub(crate) fn lanes(&self) -> LaneTimes {
        LaneTimes {
            p1_ms_max: self.feed.p1_ms_max,
            p2_ms_max: self.feed.p2_ms_max,
        }
    }
}

/// A whole number from `MIN` to `MAX`.
fn within<'de, const MIN: u64, const MAX: u64, T, D>(from: D) -> Result<T, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    config::within(from, MIN, MAX).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, ConfigError> {
        config::parse(&SOURCE, Path::new("hub.toml"), text, [])
    }

    #[test]
    fn every_documented_default_is_the_default() {
        let documented = read(&config::example(SOURCE.keys)).unwrap();
        assert_eq!(format!("{documented:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn a_misspelt_key_names_the_nearest_one() {
        let text = read("[broker]\nlisen = \"127.0.0.1:1\"").unwrap_err().to_string();
        assert!(
            text.contains("hub.toml:2") && text.contains("did you mean \"broker.listen\"?"),
            "{text}"
        );
    }

    #[test]
    fn broker_and_api_listen_on_this_machine_alone() {
        for section in ["broker", "api"] {
            let error = read(&format!("[{section}]\nlisten = \"0.0.0.0:1883\""))
                .unwrap_err()
                .to_string();
            assert!(error.contains("other machines"), "{error}");
        }
        let ipv6 = read("[broker]\nlisten = \"[::1]:1884\"")
            .unwrap()
            .broker_address()
            .unwrap();
        assert_eq!(ipv6.to_string(), "mqtt://[::1]:1884/main");
    }

    #[test]
    fn an_external_broker_must_be_named_and_serve_the_region() {
        let address = |text: &str| read(text).unwrap().broker_address().map(|address| address.to_string());
        assert!(matches!(
            address("[broker]\nembedded = false"),
            Err(SettingsError::NoBroker)
        ));
        let other = "region = \"north\"\n[broker]\nembedded = false\nexternal = \"mqtt://127.0.0.1/south\"";
        assert!(matches!(address(other), Err(SettingsError::OtherRegion { .. })));
        let plain = "region = \"north\"\n[broker]\nembedded = false\nexternal = \"mqtt://127.0.0.1:7777\"";
        assert_eq!(address(plain).unwrap(), "mqtt://127.0.0.1:7777/north");
    }
}
