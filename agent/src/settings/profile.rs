//! Profiles: how the agent behaves on a kind of link, each choice of which can be made by itself.

use super::{LinkSettings, TimingSettings};
use headland_shared::session::beat::Beat;
use headland_shared::session::wakes::WakeTimes;
use serde::Deserialize;
use std::fmt;
use std::num::NonZeroU64;

const MS_PER_S: u64 = 1_000;

/// A kind of link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Profile {
    /// A local network: megabytes a day cost nothing.
    #[default]
    Lan,
    /// A mobile link that is always on and paid by the byte.
    LteM,
    /// A link that is dialled a few times a day and silent in between.
    Satellite,
}

impl Profile {
    /// Its name in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::LteM => "lte-m",
            Self::Satellite => "satellite",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which heartbeat to listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Heartbeat {
    Feed,
    Minute,
    TenMinutes,
    Hour,
    None,
}

impl Heartbeat {
    const fn beat(self) -> Option<Beat> {
        match self {
            Self::Feed => Some(Beat::Feed),
            Self::Minute => Some(Beat::Minute),
            Self::TenMinutes => Some(Beat::TenMinutes),
            Self::Hour => Some(Beat::Hour),
            Self::None => None,
        }
    }
}

/// How a device sleeps between contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sleeping {
    /// When it wakes, and for how long.
    pub(crate) times: WakeTimes,
    /// Whether a write made here wakes it.
    pub(crate) wake_on_note: bool,
}

/// How the agent behaves: the profile's choices, and over them those that were made one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manners {
    pub(crate) beat: Option<Beat>,
    pub(crate) keep_alive_s: u16,
    pub(crate) answer_s_max: u16,
    pub(crate) upload_ms: u64,
    pub(crate) prove_ms: u64,
    pub(crate) acknowledge_ms: u64,
    pub(crate) spread_ms: u64,
    /// Whether live changes are made durable together, with their acknowledgement.
    pub(crate) group_commits: bool,
    pub(crate) sleeping: Option<Sleeping>,
}

/// What a profile chooses. Times in the units of their keys.
struct Choices {
    heartbeat: Heartbeat,
    keep_alive_s: u16,
    answer_s: u16,
    upload_ms: u64,
    prove_s: u64,
    acknowledge_ms: u64,
    spread_ms: u64,
    group_commits: bool,
    /// 0 for a device that does not sleep.
    wake_s: u64,
}

/// How long a device that sleeps is awake at most, unless that is set.
const AWAKE_S_MAX: u64 = 120;

impl Profile {
    /// Figures that these lead to are in `docs/benchmarks.md`.
    const fn choices(self) -> Choices {
        match self {
            Self::Lan => Choices {
                heartbeat: Heartbeat::Feed,
                keep_alive_s: 60,
                answer_s: 60,
                upload_ms: 0,
                prove_s: 600,
                acknowledge_ms: 2_000,
                spread_ms: 1_000,
                group_commits: false,
                wake_s: 0,
            },
            // The heartbeat is what keeps the address translation of the mobile network open.
            Self::LteM => Choices {
                heartbeat: Heartbeat::TenMinutes,
                keep_alive_s: 3_600,
                // Time for the longest frame on a line of 10 kbit/s, twice.
                answer_s: 120,
                upload_ms: 60_000,
                prove_s: 21_600,
                acknowledge_ms: 10_000,
                spread_ms: 5_000,
                group_commits: true,
                wake_s: 0,
            },
            Self::Satellite => Choices {
                heartbeat: Heartbeat::None,
                keep_alive_s: 60,
                answer_s: 60,
                upload_ms: 0,
                prove_s: 600,
                acknowledge_ms: 0,
                spread_ms: 0,
                group_commits: false,
                wake_s: 21_600,
            },
        }
    }
}

impl Manners {
    pub(super) fn of(link: &LinkSettings, timing: &TimingSettings) -> Self {
        let choices = link.profile.choices();
        let every_ms = NonZeroU64::new(link.wake_s.unwrap_or(choices.wake_s) * MS_PER_S);
        Self {
            beat: link.heartbeat.unwrap_or(choices.heartbeat).beat(),
            keep_alive_s: link.keep_alive_s.unwrap_or(choices.keep_alive_s),
            answer_s_max: link.answer_s.unwrap_or(choices.answer_s),
            upload_ms: link.upload_ms.unwrap_or(choices.upload_ms),
            prove_ms: link.prove_s.unwrap_or(choices.prove_s) * MS_PER_S,
            acknowledge_ms: timing.acknowledge_ms.unwrap_or(choices.acknowledge_ms),
            spread_ms: timing.spread_ms.unwrap_or(choices.spread_ms),
            group_commits: link.group_commits.unwrap_or(choices.group_commits),
            sleeping: every_ms.map(|every_ms| Sleeping {
                times: WakeTimes {
                    every_ms,
                    awake_ms_max: link.awake_s_max.unwrap_or(AWAKE_S_MAX) * MS_PER_S,
                },
                wake_on_note: link.wake_on_note.unwrap_or(false),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manners(link: &str) -> Manners {
        let text = format!("[link]\n{link}");
        let path = std::path::Path::new("agent.toml");
        let settings: super::super::Settings =
            headland_host::config::parse(&super::super::SOURCE, path, &text, []).unwrap();
        settings.manners()
    }

    #[test]
    fn each_profile_listens_and_sleeps_as_its_link_can_afford() {
        let lan = manners("");
        assert_eq!(lan, manners("profile = \"lan\""));
        assert_eq!((lan.beat, lan.keep_alive_s, lan.sleeping), (Some(Beat::Feed), 60, None));
        let lte_m = manners("profile = \"lte-m\"");
        assert_eq!((lte_m.beat, lte_m.sleeping), (Some(Beat::TenMinutes), None));
        assert!(lte_m.group_commits && lte_m.upload_ms > 0);
        let satellite = manners("profile = \"satellite\"");
        let sleeping = satellite.sleeping.unwrap();
        assert_eq!((satellite.beat, sleeping.times.every_ms.get()), (None, 21_600_000));
        assert!(!sleeping.wake_on_note);
    }

    #[test]
    fn every_choice_of_a_profile_can_be_made_by_itself() {
        let own = manners(
            "profile = \"satellite\"\nheartbeat = \"hour\"\nkeep_alive_s = 7\nanswer_s = 6\nupload_ms = 8\nprove_s = 9\nwake_s = 10\n\
             awake_s_max = 11\nwake_on_note = true\ngroup_commits = true",
        );
        let sleeping = own.sleeping.unwrap();
        assert_eq!(
            (
                own.beat,
                own.keep_alive_s,
                own.upload_ms,
                own.prove_ms,
                own.group_commits
            ),
            (Some(Beat::Hour), 7, 8, 9_000, true)
        );
        assert_eq!(own.answer_s_max, 6);
        assert_eq!(sleeping.times.every_ms.get(), 10_000);
        assert_eq!((sleeping.times.awake_ms_max, sleeping.wake_on_note), (11_000, true));
        assert_eq!(manners("profile = \"satellite\"\nwake_s = 0").sleeping, None);
        assert_eq!(manners("heartbeat = \"none\"").beat, None);
    }
}
