//! What the agent can be told: every key, its default, and the values it takes.

mod device;
mod keys;
#[cfg(test)]
mod shipped;
mod value;

pub(crate) use keys::SOURCE;

use headland_host::broker_address::BrokerAddress;
use headland_host::config::{self, ConfigError};
use headland_host::control::LoopbackSettings;
use headland_shared::frame::FRAME_BYTES_DEFAULT;
use headland_shared::name::ReplicaName;
use headland_shared::resolve::{Description, Device};
use headland_shared::scope::Follow;
use headland_shared::session::agent::Timing;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The environment variable that names the configuration file.
pub(crate) const FILE_VARIABLE: &str = "HEADLAND_CONFIG";

/// The agent's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The device's name.
    #[serde(deserialize_with = "value::name")]
    pub(crate) name: ReplicaName,
    /// The hubs' brokers in order of preference.
    #[serde(deserialize_with = "value::hubs")]
    pub(crate) hubs: Vec<BrokerAddress>,
    /// What is kept of the catalogue.
    #[serde(deserialize_with = "value::follow")]
    pub(crate) follow: Vec<Follow>,
    /// Which models of that are held whole; nothing: all.
    #[serde(deserialize_with = "value::filter")]
    pub(crate) filter: Option<String>,
    /// The store file.
    pub(crate) store: PathBuf,
    /// The control socket.
    pub(crate) socket: PathBuf,
    /// The same API over TCP.
    pub(crate) api: LoopbackSettings,
    /// How much of the store is held in memory.
    #[serde(deserialize_with = "value::within::<65_536, 1_073_741_824, _, _>")]
    pub(crate) cache_bytes: usize,
    /// The longest frame that the agent takes.
    #[serde(deserialize_with = "value::within::<256, 262_144, _, _>")]
    pub(crate) frame_bytes_max: usize,
    /// What the device says of itself.
    #[serde(deserialize_with = "device::description")]
    pub(crate) device: Description,
    /// How the link behaves.
    pub(crate) link: LinkSettings,
    /// How long the session waits for company.
    pub(crate) timing: TimingSettings,
    /// How a single round behaves.
    pub(crate) sync: SyncSettings,
}

/// The keys below `link`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LinkSettings {
    #[serde(deserialize_with = "value::within::<1, 65_535, _, _>")]
    pub(crate) keep_alive_s: u16,
    #[serde(deserialize_with = "value::within::<1, 3_600_000, _, _>")]
    pub(crate) backoff_ms_base: u64,
    #[serde(deserialize_with = "value::within::<1, 86_400_000, _, _>")]
    pub(crate) backoff_ms_max: u64,
}

/// The keys below `timing`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimingSettings {
    #[serde(deserialize_with = "value::within::<0, 600_000, _, _>")]
    pub(crate) acknowledge_ms: u64,
    #[serde(deserialize_with = "value::within::<0, 600_000, _, _>")]
    pub(crate) spread_ms: u64,
    #[serde(deserialize_with = "value::within::<0, 86_400_000, _, _>")]
    pub(crate) catch_up_ms: u64,
}

/// The keys below `sync`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SyncSettings {
    #[serde(deserialize_with = "value::within::<1, 86_400, _, _>")]
    pub(crate) timeout_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let hub = "mqtt://127.0.0.1:1883/main".parse();
        Self {
            name: value::host_name(),
            hubs: vec![hub.expect("the default address is a valid one")],
            follow: vec![Follow::ALL],
            filter: None,
            store: "/var/lib/headland/agent.redb".into(),
            socket: "/run/headland/agent.sock".into(),
            api: LoopbackSettings::default(),
            cache_bytes: 1024 * 1024,
            frame_bytes_max: FRAME_BYTES_DEFAULT,
            device: Description::default(),
            link: LinkSettings::default(),
            timing: TimingSettings::default(),
            sync: SyncSettings::default(),
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

impl Default for TimingSettings {
    fn default() -> Self {
        let timing = Timing::default();
        Self {
            acknowledge_ms: timing.acknowledge_ms,
            spread_ms: timing.spread_ms,
            catch_up_ms: 60_000,
        }
    }
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self { timeout_s: 60 }
    }
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

    /// The device, as it asks for versions.
    pub(crate) fn device(&self) -> Device {
        Device {
            name: self.name.clone(),
            description: self.device.clone(),
        }
    }

    /// The session's times.
    pub(crate) fn timing(&self) -> Timing {
        let timing = Timing::default();
        Timing {
            acknowledge_ms: self.timing.acknowledge_ms,
            spread_ms: self.timing.spread_ms,
            lag_ms: match self.filter {
                // There is no feed to wait for.
                Some(_) => self.timing.catch_up_ms,
                None => timing.lag_ms,
            },
            ..timing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, ConfigError> {
        config::parse(&SOURCE, Path::new("agent.toml"), text, [])
    }

    #[test]
    fn every_documented_default_is_the_default() {
        let documented = read(&config::example(SOURCE.keys)).unwrap();
        assert_eq!(format!("{documented:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn a_misspelt_key_names_the_nearest_one() {
        let text = read("folow = []").unwrap_err().to_string();
        assert!(text.contains("did you mean \"follow\"?"), "{text}");
        let text = read("[link]\nkeepalive_s = 3").unwrap_err().to_string();
        assert!(
            text.contains("agent.toml:2") && text.contains("link.keep_alive_s"),
            "{text}"
        );
    }

    #[test]
    fn values_out_of_range_are_refused_with_the_range() {
        for (text, wanted) in [
            ("frame_bytes_max = 255", "256 to 262144"),
            ("cache_bytes = 1", "65536 to 1073741824"),
            ("[link]\nkeep_alive_s = 0", "1 to 65535"),
            ("hubs = []", "at least one hub"),
            ("follow = []", "at least one pattern"),
            ("follow = [\"vision\"]", "namespace/task"),
            ("filter = \"cost <\"", "at byte 6: expected"),
            ("name = \"a b\"", "letters, digits"),
            ("[api]\nlisten = \"0.0.0.0:7411\"", "other machines"),
            (
                "[device.labels]\ndevice = \"x\"",
                "is the device's name and cannot be set",
            ),
            ("[device.labels]\nsite = \"\"", "value of a label \"\" is empty"),
            (
                "[device.facts]\nmemory_bytes = {}",
                "true or false, a number, a text or a list",
            ),
            ("hubs = [\"mqtts://localhost\"]", "device identity"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
