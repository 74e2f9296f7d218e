//! The network: frames on their way, and what happens to them.

use headland_shared::session::{Jitter, Ms};
use std::collections::BTreeMap;

/// Where a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Hub { hub: usize, from: usize },
    Agent { to: usize, hub: usize },
}

/// How bad the network is, in thousandths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) corrupted: u64,
    pub(super) delay_ms_max: u64,
    /// Whether frames overtake each other, which a broker does not let them.
    pub(super) reorders: bool,
}

#[derive(Debug, Default)]
pub(super) struct Network {
    flying: BTreeMap<(Ms, u64), (To, Vec<u8>)>,
    count: u64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) corrupted: u64,
}

impl Network {
    pub(super) fn send(&mut self, to: To, frame: Vec<u8>, weather: Weather, jitter: &mut Jitter, now: Ms) {
        if jitter.up_to(999) < weather.lost {
            self.lost += 1;
            return;
        }
        let mut frame = frame;
        if jitter.up_to(999) < weather.corrupted {
            self.corrupted += 1;
            corrupt(&mut frame, jitter);
        }
        if jitter.up_to(999) < weather.repeated {
            self.repeated += 1;
            self.put(to, frame.clone(), now + 1 + jitter.up_to(weather.delay_ms_max * 4));
        }
        let delay_ms = match weather.reorders {
            true => jitter.up_to(weather.delay_ms_max),
            false => weather.delay_ms_max,
        };
        self.put(to, frame, now + 1 + delay_ms);
    }

    fn put(&mut self, to: To, frame: Vec<u8>, at: Ms) {
        self.count += 1;
        self.flying.insert((at, self.count), (to, frame));
    }

    /// When the next frame arrives.
    pub(super) fn next_at(&self) -> Option<Ms> {
        self.flying.keys().next().map(|(at, _)| *at)
    }

    /// Takes a frame that has arrived.
    pub(super) fn arrive(&mut self, now: Ms) -> Option<(To, Vec<u8>)> {
        if self.next_at()? > now {
            return None;
        }
        self.flying.pop_first().map(|(_, flown)| flown)
    }

    /// What was on its way to or from an agent is gone, as when its link is cut.
    pub(super) fn forget(&mut self, agent: usize) {
        self.flying.retain(|_, (to, _)| match to {
            To::Hub { from, .. } => *from != agent,
            To::Agent { to, .. } => *to != agent,
        });
    }
}

fn corrupt(frame: &mut Vec<u8>, jitter: &mut Jitter) {
    match jitter.up_to(2) {
        0 => frame.truncate(jitter.up_to(frame.len() as u64) as usize),
        1 if !frame.is_empty() => {
            let at = jitter.up_to(frame.len() as u64 - 1) as usize;
            frame[at] ^= 1 << jitter.up_to(7);
        }
        _ => *frame = (0..jitter.up_to(60)).map(|_| jitter.next_u64() as u8).collect(),
    }
}
