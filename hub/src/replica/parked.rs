//! Hellos of those who want the present: where the registry is elsewhere, they are answered when it was looked at since
//! they came.

#[cfg(test)]
mod tests;

use super::{CommitError, Replica};
use headland_shared::message::more::{Field, WantsPresent};
use headland_shared::message::{Hello, Up};
use headland_shared::name::ReplicaName;
use headland_shared::session::{Ms, Now};

/// Hellos that wait at once. Any other one is answered with what is known.
const PARKED_MAX: usize = 1_024;
/// How long one waits, in milliseconds: less than an agent waits before it greets again.
const PARKED_MS_MAX: u64 = 1_500;

/// Whether somebody can look at the registry when an agent wants the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Looks {
    /// Nobody needs to, or nobody can.
    #[default]
    Never,
    /// Whoever follows it looks when asked.
    WhenAsked,
}

#[derive(Debug)]
struct Waits {
    agent: ReplicaName,
    hello: Box<Hello>,
    since: Ms,
}

/// The hellos that wait.
#[derive(Debug, Default)]
pub(super) struct Parked {
    looks: Looks,
    waiting: Vec<Waits>,
    /// Whether one has come since somebody was asked to look.
    wanted: bool,
}

impl Parked {
    /// When the first has waited long enough.
    pub(super) fn deadline(&self) -> Option<Ms> {
        self.waiting.iter().map(|waits| waits.since + PARKED_MS_MAX).min()
    }
}

impl Replica {
    /// Says whether somebody can look at the registry.
    pub fn registry_looks(&mut self, looks: Looks) {
        self.parked.looks = looks;
    }

    /// Whether somebody must look at the registry now. Asked once, it is taken as done.
    pub fn take_look_wanted(&mut self) -> bool {
        std::mem::take(&mut self.parked.wanted)
    }

    /// Puts aside those that wait for the present; a later hello of the same agent takes the place of an earlier one.
    pub(super) fn park(&mut self, inbox: Vec<(ReplicaName, Up)>, now: Now) -> Vec<(ReplicaName, Up)> {
        let mut left = Vec::with_capacity(inbox.len());
        for (agent, message) in inbox {
            let Up::Hello(hello) = message else {
                left.push((agent, message));
                continue;
            };
            let before = self.parked.waiting.len();
            self.parked.waiting.retain(|waits| waits.hello.actor != hello.actor);
            self.counts.overtaken += (before - self.parked.waiting.len()) as u64;
            let known = self.registry_known_at.is_none_or(|at| at > now.mono);
            let waits = WantsPresent::of(&hello.more).is_some()
                && self.parked.looks == Looks::WhenAsked
                && !known
                && self.parked.waiting.len() < PARKED_MAX;
            match waits {
                true => {
                    let (hello, since) = (Box::new(hello), now.mono);
                    self.parked.waiting.push(Waits { agent, hello, since });
                    self.parked.wanted = true;
                }
                false => left.push((agent, Up::Hello(hello))),
            }
        }
        left
    }

    /// Answers those since whose coming the registry was looked at, and those who have waited long enough.
    pub fn answer_parked(&mut self, now: Now) -> Result<(), CommitError> {
        let (known_at, in_vain) = (self.registry_known_at, self.parked.looks == Looks::Never);
        let is_due = |waits: &Waits| {
            in_vain || known_at.is_none_or(|at| at > waits.since) || waits.since + PARKED_MS_MAX <= now.mono
        };
        let (due, waiting) = std::mem::take(&mut self.parked.waiting).into_iter().partition(is_due);
        self.parked.waiting = waiting;
        for Waits { agent, hello, since } in due {
            match known_at.is_none_or(|at| at > since) {
                true => self.counts.present += 1,
                false => self.counts.present_late += 1,
            }
            // The hub's clock is told as it was when the hello came, to which the agent holds its own.
            let came = Now { mono: since, ..now };
            self.work_off(vec![(agent, Up::Hello(*hello))], now, came)?;
        }
        Ok(())
    }
}
