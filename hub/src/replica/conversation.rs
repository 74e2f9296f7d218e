//! What the hub knows of a conversation. Losing it costs the agent one hello.

use super::moment::Moment;
use super::sieve::Sieve;
use headland_shared::delta::{Handle, ScopeAlias};
use headland_shared::epoch::Seq;
use headland_shared::frame::{FRAME_BYTES_DEFAULT, Reassembly};
use headland_shared::scope::Follow;
use headland_shared::session::transfer::Window;
use headland_shared::sketch::Sketch;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One agent's conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) reassembly: Reassembly,
    pub(super) frame_bytes_max: usize,
    /// The nonce of the hello that was answered last. Until one was in this run of the hub, the agent's numbers may be of
    /// a life that is lost.
    pub(super) answered: Option<u64>,
    pub(super) comparison: Option<Comparison>,
    pub(super) transfer: Option<Transfer>,
    /// What a repair that was broken off was about.
    pub(super) repair: Option<Repair>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            reassembly: Reassembly::default(),
            frame_bytes_max: FRAME_BYTES_DEFAULT,
            answered: None,
            comparison: None,
            transfer: None,
            repair: None,
        }
    }
}

/// A comparison that waits for more of the agent's sketch.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) nonce: u64,
    pub(super) follow: Vec<Follow>,
    pub(super) sieve: Option<Arc<Sieve>>,
    pub(super) records: u64,
    pub(super) theirs: Sketch,
}

/// What a comparison found.
#[derive(Debug, Clone)]
pub(super) struct Repair {
    /// The head at which the two were compared.
    pub(super) started: Seq,
    /// Records that the hub holds otherwise than the agent: of all that is older than `started` only these are sent.
    pub(super) differ: Arc<BTreeSet<Handle>>,
}

/// One catch-up that is being sent.
#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) nonce: u64,
    pub(super) snapshot: bool,
    pub(super) started: Seq,
    pub(super) follow: Vec<Follow>,
    /// Of an agent that follows a part of these scopes.
    pub(super) sieve: Option<Arc<Sieve>>,
    pub(super) base: Seq,
    pub(super) ahead: BTreeMap<ScopeAlias, Seq>,
    pub(super) window: Window,
    pub(super) repair: Option<Repair>,
    /// The first part of a repair.
    pub(super) kept: Option<Arc<[u8]>>,
}

impl Transfer {
    /// Whether something was forgotten that the agent would have to be told.
    pub(super) fn is_below_floor(&self, moment: &Moment) -> bool {
        let known = |alias| {
            if self.snapshot {
                self.started
            } else {
                self.cursor(alias)
            }
        };
        moment.followed(&self.follow).any(|row| row.floor > known(row.alias))
    }

    /// The followed scopes that have changed since the agent's cursors, with these.
    pub(super) fn lacking<'a>(&'a self, moment: &'a Moment) -> impl Iterator<Item = (ScopeAlias, Seq)> + 'a {
        let followed = moment.followed(&self.follow);
        let lacking = followed.filter(|row| row.head > self.cursor(row.alias));
        lacking.map(|row| (row.alias, self.cursor(row.alias)))
    }

    /// Whether there is nothing to be sent.
    pub(super) fn is_empty(&self, moment: &Moment) -> bool {
        let resumes_at = self.window.next().map(|mark| mark.seq);
        let introduces = resumes_at.is_none_or(|seq| moment.introduces_after(seq));
        !self.snapshot && !introduces && self.lacking(moment).next().is_none()
    }

    /// Up to where the agent has a scope.
    pub(super) fn cursor(&self, alias: ScopeAlias) -> Seq {
        if self.snapshot {
            return Seq::START;
        }
        self.ahead.get(&alias).copied().unwrap_or(self.base).max(self.base)
    }

    /// Whether the agent holds this already: it was compared, and found alike.
    pub(super) fn is_kept(&self, seq: Seq, handle: Handle) -> bool {
        let repair = self.repair.as_ref();
        repair.is_some_and(|repair| seq <= repair.started && !repair.differ.contains(&handle))
    }
}
