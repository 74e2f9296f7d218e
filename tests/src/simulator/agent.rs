//! One simulated device: its disk, its clock and, while it runs, its replica.

mod writes;

use super::hub::region;
use super::ledger::Moment;
use super::reference::{Follows, namespace};
use super::registry::TASKS;
use crate::disk::Disk;
use headland_agent::read::{Reader, Wanted};
use headland_agent::replica::{Replica, ReplicaConfig};
use headland_agent::store::Store;
use headland_shared::name::ReplicaName;
use headland_shared::scope::Scope;
use headland_shared::session::agent::Timing;
use headland_shared::session::beat::Beat;
use headland_shared::session::{Jitter, Ms, Now};
use headland_shared::topic;
use headland_shared::view::Model;
use std::collections::BTreeSet;

/// Of the device's memory the storage engine gets this much.
const CACHE_BYTES: usize = 256 * 1024;
/// The longest frame of the feed: who takes no frames so long is not subscribed to it.
const FEED_BYTES_MAX: usize = 65_536;

/// What a device was like when its flash was copied.
#[derive(Debug, Clone)]
pub(super) struct Image {
    disk: Disk,
    shown: Option<usize>,
    pub(super) moment: Moment,
}

#[derive(Debug)]
pub(super) struct Agent {
    /// Which device this is: a clone is another of the same name.
    pub(super) device: usize,
    /// A clone that was switched off for good.
    pub(super) gone: bool,
    /// Until when this clone lives; nothing for a device that is no clone.
    pub(super) ends_at: Option<Ms>,
    pub(super) image: Option<Image>,
    /// The hub that its link goes to.
    pub(super) at: usize,
    /// Whether it was ever with another hub.
    pub(super) roamed: bool,
    /// Whether its flash went back in time or was copied. Such a device stays at its hub: what it says twice there is
    /// known, and cannot be known of two hubs.
    pub(super) travelled: bool,
    /// When it comes back from the hub to which it roamed.
    pub(super) returns_at: Option<Ms>,
    /// Whether it has come to another hub since what it shows changed.
    pub(super) moved: bool,
    /// What it is subscribed to, by hub.
    topics: [BTreeSet<String>; 2],
    pub(super) name: ReplicaName,
    pub(super) pattern: String,
    pub(super) frame_bytes_max: usize,
    pub(super) disk: Disk,
    pub(super) replica: Option<Replica>,
    pub(super) linked: bool,
    pub(super) cut_until: Ms,
    pub(super) starts_at: Ms,
    /// The device's wall clock at virtual time zero; it may jump.
    pub(super) wall_offset: u64,
    /// The commit whose state it showed last.
    pub(super) shown: Option<usize>,
    pub(super) shows: usize,
    boots: u64,
    /// Changes of the catalogue that its replica had counted when somebody last looked.
    changes: u64,
}

impl Agent {
    pub(super) fn new(number: usize, pattern: &str, jitter: &mut Jitter) -> Self {
        // Of the first two one has the feed, and the other frames that are as short as they may be.
        let frame_bytes_max = match number {
            0 => FEED_BYTES_MAX,
            1 => 256,
            _ => [256, 700, 4_096, FEED_BYTES_MAX][jitter.up_to(3) as usize],
        };
        let name = ReplicaName::parse(&format!("device-{number}")).expect("a plain word is a valid name");
        let follows = Follows::of(pattern);
        Self {
            device: number,
            gone: false,
            ends_at: None,
            image: None,
            at: jitter.up_to(1) as usize,
            roamed: false,
            travelled: false,
            returns_at: None,
            moved: false,
            topics: [0, 1].map(|hub| topics(hub, &name, &follows, frame_bytes_max >= FEED_BYTES_MAX)),
            name,
            pattern: pattern.to_owned(),
            frame_bytes_max,
            disk: Disk::default(),
            replica: None,
            linked: false,
            cut_until: 0,
            starts_at: 0,
            wall_offset: if jitter.up_to(1) == 0 { 0 } else { 1_750_000_000_000 },
            shown: None,
            shows: 0,
            boots: 0,
            changes: 0,
        }
    }

    /// Another device with a copy of this one's flash.
    pub(super) fn cloned(&self, device: usize, now: Ms, lives: Ms) -> Self {
        Self {
            device,
            gone: false,
            ends_at: Some(now + lives),
            image: None,
            travelled: true,
            topics: self.topics.clone(),
            name: self.name.clone(),
            pattern: self.pattern.clone(),
            disk: self.disk.image(),
            replica: None,
            linked: false,
            cut_until: 0,
            starts_at: now,
            ..*self
        }
    }

    /// Copies the flash.
    pub(super) fn copy(&mut self, moment: Moment) {
        self.image = Some(Image {
            disk: self.disk.image(),
            shown: self.shown,
            moment,
        });
    }

    /// The flash is as it was when it was copied.
    pub(super) fn go_back(&mut self, image: &Image) {
        self.travelled = true;
        self.replica = None;
        self.linked = false;
        self.disk = image.disk.image();
        self.shown = image.shown;
        self.shows = 0;
    }

    /// Whether a frame that its hub publishes there reaches it.
    pub(super) fn hears(&self, hub: usize, topic: &str) -> bool {
        self.linked && self.at == hub && self.topics[hub].contains(topic)
    }

    /// Whether it shows anything that is ahead of the feed.
    pub(super) fn is_ahead(&self) -> Result<bool, String> {
        let Some(replica) = &self.replica else {
            return Ok(false);
        };
        let count = replica.store().read().and_then(|views| views.ahead_count());
        count.map(|count| count > 0).map_err(|error| error.to_string())
    }

    pub(super) fn now(&self, now: Ms) -> Now {
        Now {
            mono: now,
            wall_ms: self.wall_offset + now,
        }
    }

    pub(super) fn start(&mut self, now: Ms, jitter: &mut Jitter) -> Result<(), String> {
        let fail = |what: &str, error: &dyn std::fmt::Display| format!("agent cannot {what}: {error}");
        let disk = self.disk.clone();
        let open = move || {
            Ok(redb::Database::builder()
                .set_cache_size(CACHE_BYTES)
                .create_with_backend(disk.open())?)
        };
        let store = Store::open(open, &self.name, jitter.next_u64()).map_err(|error| fail("open its store", &error))?;
        self.boots += 1;
        let follows = Follows::of(&self.pattern);
        let config = ReplicaConfig {
            follow: vec![follows.scopes],
            filter: follows.filter.map(str::to_owned),
            frame_bytes_max: self.frame_bytes_max,
            timing: Timing::default(),
            boot: self.boots,
        };
        let replica = Replica::open(store, config, jitter.next_u64(), self.now(now));
        self.changes = 0;
        self.replica = Some(replica.map_err(|error| fail("open its replica", &error))?);
        Ok(())
    }

    /// The power fails.
    pub(super) fn crash(&mut self, jitter: &mut Jitter) {
        self.disk.crash(|| jitter.up_to(1) == 0);
        self.replica = None;
        self.linked = false;
    }

    pub(super) fn link_up(&mut self, now: Ms) -> Result<(), String> {
        let at = self.now(now);
        if let Some(replica) = &mut self.replica {
            self.linked = true;
            replica
                .link_up(region(self.at), at)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    pub(super) fn link_down(&mut self, now: Ms) -> Result<(), String> {
        self.linked = false;
        let at = self.now(now);
        match &mut self.replica {
            Some(replica) => replica.link_down(at).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// What it wants sent; the flag says whether the catalogue changed.
    pub(super) fn outputs(&mut self) -> (Vec<Vec<u8>>, bool) {
        let (mut frames, mut changed) = (Vec::new(), false);
        if let Some(replica) = &mut self.replica {
            frames.extend(std::iter::from_fn(|| replica.poll()));
            let changes = replica.counts().changes;
            changed = std::mem::replace(&mut self.changes, changes) != changes;
        }
        (frames, changed)
    }

    /// Everything that it shows.
    pub(super) fn models(&self) -> Result<Vec<Model>, String> {
        self.read(Reader::new)
    }

    /// What it would show without urgent facts that are ahead of the feed.
    pub(super) fn models_of_the_feed(&self) -> Result<Vec<Model>, String> {
        self.read(Reader::of_the_feed)
    }

    fn read(&self, reader: impl Fn(Store) -> Reader) -> Result<Vec<Model>, String> {
        let Some(replica) = &self.replica else {
            return Ok(Vec::new());
        };
        let page = reader(replica.store().clone()).models(&Wanted::all(None));
        page.map(|page| page.models).map_err(|error| error.to_string())
    }
}

fn topics(hub: usize, name: &ReplicaName, follows: &Follows<'_>, live: bool) -> BTreeSet<String> {
    let region = region(hub);
    let live = live && follows.filter.is_none();
    let mut topics = BTreeSet::from([topic::down(&region, name), topic::heartbeat(&region, Beat::Feed)]);
    for task in TASKS {
        let scope = Scope::of(namespace(), Some(task));
        if follows.scopes.matches(&scope) {
            topics.insert(topic::urgent(&region, &scope));
            if live {
                topics.insert(topic::feed(&region, &scope));
            }
        }
    }
    topics
}
