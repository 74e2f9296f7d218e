//! One simulated device: its disk, its clock and, while it runs, its replica.

use super::ledger::Moment;
use crate::disk::Disk;
use headland_agent::read::Reader;
use headland_agent::replica::{Output, Replica, ReplicaConfig, WriteError};
use headland_agent::store::Store;
use headland_shared::actor::Dot;
use headland_shared::name::{AttributeName, Region, ReplicaName};
use headland_shared::session::agent::Timing;
use headland_shared::session::{Jitter, Ms, Now};
use headland_shared::view::Model;

/// Of the device's memory the storage engine gets this much.
const CACHE_BYTES: usize = 256 * 1024;

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
}

impl Agent {
    pub(super) fn new(number: usize, pattern: &str, jitter: &mut Jitter) -> Self {
        let frames = [256, 700, 4_096, 65_536];
        Self {
            device: number,
            gone: false,
            ends_at: None,
            image: None,
            name: ReplicaName::parse(&format!("device-{number}")).expect("a plain word is a valid name"),
            pattern: pattern.to_owned(),
            frame_bytes_max: frames[jitter.up_to(3) as usize],
            disk: Disk::default(),
            replica: None,
            linked: false,
            cut_until: 0,
            starts_at: 0,
            wall_offset: if jitter.up_to(1) == 0 { 0 } else { 1_750_000_000_000 },
            shown: None,
            shows: 0,
            boots: 0,
        }
    }

    /// Another device with a copy of this one's flash.
    pub(super) fn cloned(&self, device: usize, now: Ms, lives: Ms) -> Self {
        Self {
            device,
            gone: false,
            ends_at: Some(now + lives),
            image: None,
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
        self.replica = None;
        self.linked = false;
        self.disk = image.disk.image();
        self.shown = image.shown;
        self.shows = 0;
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
        let config = ReplicaConfig {
            follow: vec![self.pattern.parse().map_err(|error| fail("follow", &error))?],
            frame_bytes_max: self.frame_bytes_max,
            timing: Timing::default(),
            boot: self.boots,
        };
        let replica = Replica::open(store, config, jitter.next_u64(), self.now(now));
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
            let region = Region::new("main").expect("a plain word is a valid region");
            replica.link_up(region, at).map_err(|error| error.to_string())?;
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
            while let Some(output) = replica.poll() {
                match output {
                    Output::Send(frame) => frames.push(frame),
                    Output::Changed => changed = true,
                }
            }
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
        let page = reader(replica.store().clone()).models(None, None, usize::MAX, |_| true);
        page.map(|page| page.models).map_err(|error| error.to_string())
    }

    /// Writes a note about some model that it shows.
    pub(super) fn annotate(
        &mut self,
        text: &str,
        now: Ms,
        jitter: &mut Jitter,
    ) -> Result<Option<(Dot, String)>, String> {
        let Some(model) = self.some_model(jitter)? else {
            return Ok(None);
        };
        let at = self.now(now);
        let Some(replica) = &mut self.replica else {
            return Ok(None);
        };
        let dot = replica.annotate(&super::reference::key(&model), None, text.to_owned(), at);
        let dot = dot.map_err(|error| error.to_string())?;
        replica.flush(at).map_err(|error| error.to_string())?;
        Ok(Some((dot, model)))
    }

    pub(super) fn remove_note(&mut self, dot: &Dot, model: &str, now: Ms) -> Result<bool, String> {
        let at = self.now(now);
        let Some(replica) = &mut self.replica else {
            return Ok(false);
        };
        if replica.actor().name != dot.actor.name {
            return Ok(false);
        }
        match replica.remove_note(&super::reference::key(model), dot, at) {
            // A store that began a new life has given it another name.
            Err(WriteError::UnknownNote(_)) => return Ok(false),
            removed => removed.map_err(|error| error.to_string())?,
        }
        replica.flush(at).map_err(|error| error.to_string())?;
        Ok(true)
    }

    pub(super) fn count(&mut self, amount: i64, now: Ms, jitter: &mut Jitter) -> Result<Option<String>, String> {
        let Some(model) = self.some_model(jitter)? else {
            return Ok(None);
        };
        let at = self.now(now);
        let Some(replica) = &mut self.replica else {
            return Ok(None);
        };
        let usage = AttributeName::new("usage").expect("a plain word is a valid name");
        let key = super::reference::key(&model);
        replica
            .count(&key, &usage, amount, at)
            .map_err(|error| error.to_string())?;
        replica.flush(at).map_err(|error| error.to_string())?;
        Ok(Some(model))
    }

    fn some_model(&self, jitter: &mut Jitter) -> Result<Option<String>, String> {
        let models = self.models()?;
        if models.is_empty() {
            return Ok(None);
        }
        let index = jitter.up_to(models.len() as u64 - 1) as usize;
        Ok(Some(models[index].name.clone()))
    }
}
