//! One device: what `headland-agent run` runs, without its control socket and its signals.
//!
//! For programs that hold many devices at once and look at each. Replica, link, timing and store are the daemon's.

use crate::driver::{Driver, Live};
use crate::opening::Opening;
use crate::replica::Counts;
use crate::running::Running;
use crate::settings::Settings;
use crate::store::Store;
use headland_host::exit::Failure;
use headland_host::link::{LinkCounts, LinkHandle};
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::epoch::Seq;
use std::path::Path;
use tokio::sync::watch;

/// A device that runs for as long as the program does.
#[derive(Debug)]
pub struct Device {
    running: Running,
    observer: Observer,
}

/// A look at a device, for as long as anybody wants to look.
#[derive(Debug, Clone)]
pub struct Observer {
    live: watch::Receiver<Live>,
    store: Store,
    link: LinkHandle,
}

/// What a device is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the link is up.
    pub linked: bool,
    /// Whether everything known of is applied here, stored there and acknowledged.
    pub settled: bool,
    /// How often the catalogue has changed since the start.
    pub changes: u64,
    /// What the replica has counted.
    pub counts: Counts,
    /// What the link has carried.
    pub link: LinkCounts,
}

impl Device {
    /// Starts the device that a configuration file describes. Must be called within a runtime, which the link uses.
    ///
    /// # Errors
    ///
    /// When the file, the store or the link cannot be used.
    pub fn start(file: &Path) -> Result<Self, Failure> {
        let settings = Settings::load(Some(file))?;
        let driver = Driver::open(&Opening::new(&settings, settings.timing()), &settings)?;
        let (store, live) = (driver.store(), driver.live());
        let running = Running::start(&settings, driver)?;
        let link = running.link();
        let observer = Observer { live, store, link };
        Ok(Self { running, observer })
    }

    /// A look at it.
    #[must_use]
    pub fn observer(&self) -> Observer {
        self.observer.clone()
    }

    /// Waits for it to end by itself, which it never should.
    pub async fn failed(&mut self) -> Failure {
        self.running.failed().await
    }
}

impl Observer {
    /// Waits until something has happened; false when the device has ended.
    pub async fn happened(&mut self) -> bool {
        self.live.changed().await.is_ok()
    }

    /// What the device is at.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let live = self.live.borrow();
        Standing {
            linked: live.broker.is_some(),
            settled: live.settled,
            changes: live.counts.changes,
            counts: live.counts,
            link: self.link.counts(),
        }
    }

    /// The latest commit that is applied in any scope, durably.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn head(&self) -> Result<Seq, StoreError> {
        let placed = self.store.read()?.placed()?;
        Ok(placed.map_or(Seq::START, |placed| placed.head.seq))
    }

    /// The sum of the digests of all scopes that the device follows.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn digest(&self) -> Result<Digest, StoreError> {
        let mut digest = Digest::default();
        for row in self.store.read()?.scopes()?.values().filter(|row| row.followed) {
            digest.add(row.digest);
        }
        Ok(digest)
    }
}
