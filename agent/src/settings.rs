//! What the agent can be told: every key, its default, and the values it takes.

mod device;
mod keys;
mod on_change;
mod profile;
#[cfg(test)]
mod shipped;
mod value;

pub(crate) use keys::SOURCE;
pub(crate) use on_change::OnChangeSettings;
pub(crate) use profile::{Manners, Profile, Sleeping};

use headland_host::broker_address::BrokerAddress;
use headland_host::config::{self, ConfigError};
use headland_host::control::ApiSettings;
use headland_shared::frame::FRAME_BYTES_DEFAULT;
use headland_shared::name::ReplicaName;
use headland_shared::resolve::{Description, Device};
use headland_shared::scope::Follow;
use headland_shared::session::agent::Timing;
use serde::Deserialize;
use std::num::NonZeroU64;
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
    /// Who may use it, and the same API over TCP.
    pub(crate) api: ApiSettings,
    /// What is run when models have changed.
    pub(crate) on_change: OnChangeSettings,
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
    /// The kind of link; the choices below that are not made are its.
    pub(crate) profile: Profile,
    heartbeat: Option<profile::Heartbeat>,
    #[serde(deserialize_with = "value::perhaps::<1, 65_535, _, _>")]
    keep_alive_s: Option<u16>,
    #[serde(deserialize_with = "value::perhaps::<1, 65_535, _, _>")]
    answer_s: Option<u16>,
    #[serde(deserialize_with = "value::perhaps::<0, 86_400_000, _, _>")]
    upload_ms: Option<u64>,
    #[serde(deserialize_with = "value::perhaps::<1, 2_592_000, _, _>")]
    prove_s: Option<u64>,
    group_commits: Option<bool>,
    #[serde(deserialize_with = "value::perhaps::<0, 2_592_000, _, _>")]
    wake_s: Option<u64>,
    #[serde(deserialize_with = "value::perhaps::<1, 86_400, _, _>")]
    awake_s_max: Option<u64>,
    wake_on_note: Option<bool>,
    /// How many bytes a day may be carried, both ways.
    #[serde(deserialize_with = "value::budget")]
    pub(crate) budget_bytes_per_day: Option<NonZeroU64>,
    #[serde(deserialize_with = "value::within::<1, 3_600_000, _, _>")]
    pub(crate) backoff_ms_base: u64,
    #[serde(deserialize_with = "value::within::<1, 86_400_000, _, _>")]
    pub(crate) backoff_ms_max: u64,
}

/// The keys below `timing`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimingSettings {
    #[serde(deserialize_with = "value::perhaps::<0, 600_000, _, _>")]
    acknowledge_ms: Option<u64>,
    #[serde(deserialize_with = "value::perhaps::<0, 600_000, _, _>")]
    spread_ms: Option<u64>,
    #[serde(deserialize_with = "value::within::<0, 86_400_000, _, _>")]
    catch_up_ms: u64,
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
            api: ApiSettings::default(),
            on_change: OnChangeSettings::default(),
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
            profile: Profile::default(),
            heartbeat: None,
            keep_alive_s: None,
            answer_s: None,
            upload_ms: None,
            prove_s: None,
            group_commits: None,
            wake_s: None,
            awake_s_max: None,
            wake_on_note: None,
            budget_bytes_per_day: None,
            backoff_ms_base: 500,
            backoff_ms_max: 60_000,
        }
    }
}

impl Default for TimingSettings {
    fn default() -> Self {
        Self {
            acknowledge_ms: None,
            spread_ms: None,
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

    /// How the agent behaves on its link.
    pub(crate) fn manners(&self) -> Manners {
        Manners::of(&self.link, &self.timing)
    }

    /// The session's times.
    pub(crate) fn timing(&self) -> Timing {
        let (manners, timing) = (self.manners(), Timing::default());
        Timing {
            acknowledge_ms: manners.acknowledge_ms,
            spread_ms: manners.spread_ms,
            upload_ms: manners.upload_ms,
            prove_ms: manners.prove_ms,
            beat: manners.beat,
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
            ("[link]\nprofile = \"lora\"", "`lan`, `lte-m`, `satellite`"),
            ("[link]\nheartbeat = \"day\"", "`ten-minutes`"),
            ("[link]\nbudget_bytes_per_day = 9", "32768 to 1099511627776"),
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
            ("[api]\nsocket_mode = \"0060\"", "read and write for the owner"),
            ("[api]\nsocket_mode = 660", "expected a string"),
            ("[api]\nsocket_group = \"a b\"", "name a group"),
            ("[on_change]\nexec = [\"reload\"]", "by its whole path"),
            ("[on_change]\nfilter = \"task =\"", "expected a value"),
            ("[on_change]\ntimeout_s = 0", "1 to 86400"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
