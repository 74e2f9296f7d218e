//! Where a worker notes how far each of its guests is.

use headland_agent::device::Observer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::process::shared_us;

/// A guest has come further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    /// Which guest, of this worker.
    pub(super) guest: usize,
    /// How far it is: the seq that it has applied, or the messages that it has received.
    pub(super) mark: u64,
    /// When, in microseconds of the clock that all processes share.
    pub(super) at_us: u64,
    /// Since when it has had its link, on the same clock.
    pub(super) linked_us: u64,
    /// Frames that its link has taken in so far.
    pub(super) frames: u64,
    /// Bytes in these.
    pub(super) bytes: u64,
}

/// How many guests are how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) linked: usize,
    pub(super) settled: usize,
    pub(super) reached: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Guest {
    linked: bool,
    settled: bool,
    linked_us: u64,
    mark: u64,
}

#[derive(Debug, Default)]
struct State {
    guests: Vec<Guest>,
    events: Vec<Event>,
    observers: Vec<Observer>,
}

/// All guests of a worker.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
}

impl Board {
    pub(super) fn of(guests: usize) -> Self {
        let state = State {
            guests: vec![Guest::default(); guests],
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether a guest has a link and nothing to do.
    pub(super) fn stands(&self, guest: usize, linked: bool, settled: bool) {
        let guest = &mut self.state().guests[guest];
        if linked && !guest.linked {
            guest.linked_us = shared_us();
        }
        (guest.linked, guest.settled) = (linked, settled);
    }

    /// Notes how far a guest has come.
    pub(super) fn reaches(&self, guest: usize, mark: u64, frames: u64, bytes: u64) {
        let mut state = self.state();
        state.guests[guest].mark = mark;
        let linked_us = state.guests[guest].linked_us;
        state.events.push(Event {
            guest,
            mark,
            at_us: shared_us(),
            linked_us,
            frames,
            bytes,
        });
    }

    /// Takes in what the digests are asked of at the end.
    pub(super) fn observe(&self, observer: Observer) {
        self.state().observers.push(observer);
    }

    pub(super) fn tally(&self, mark: u64) -> Tally {
        let mut tally = Tally::default();
        for guest in &self.state().guests {
            tally.linked += usize::from(guest.linked);
            tally.settled += usize::from(guest.settled);
            tally.reached += usize::from(guest.mark >= mark);
        }
        tally
    }

    /// What happened since the last time.
    pub(super) fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.state().events)
    }

    /// How many devices hold what, read from their stores.
    pub(super) fn digests(&self) -> BTreeMap<String, usize> {
        let mut digests = BTreeMap::new();
        for observer in &self.state().observers {
            let digest = observer
                .digest()
                .map_or_else(|error| error.to_string(), |digest| format!("{:032x}", digest.0));
            *digests.entry(digest).or_default() += 1;
        }
        digests
    }
}
