//! How the driver treats the link: when it is to rest, what it may carry, and what is listened to.

use super::{Driver, Verdict};
use crate::opening::now;
use crate::replica::BEHIND_MS_MAX;
use crate::settings::Sleeping;
use headland_host::link::{LinkBusy, LinkHandle};
use headland_shared::session::budget::Band;
use headland_shared::session::wakes::{Turn, Wakes};
use headland_shared::session::{Ms, Now};

/// A device that sleeps between contacts.
#[derive(Debug)]
pub(super) struct Sleeper {
    wakes: Wakes,
    /// How long after a write made here it is awake at the latest, if a write wakes it.
    note_ms: Option<Ms>,
}

impl Driver {
    /// The same driver, which lets the link rest between contacts.
    pub(crate) fn sleeping(mut self, sleeping: Option<Sleeping>, upload_ms: Ms) -> Self {
        self.sleeper = sleeping.map(|sleeping| Sleeper {
            wakes: Wakes::new(
                sleeping.times,
                getrandom::u64().unwrap_or_else(|_| now().wall_ms),
                now().mono,
            ),
            note_ms: sleeping.wake_on_note.then_some(upload_ms),
        });
        self
    }

    /// When [`Self::mind_the_link`] must be called.
    pub(super) fn wakes_or_sleeps_at(&self) -> Option<Ms> {
        self.sleeper.as_ref().map(|sleeper| sleeper.wakes.deadline())
    }

    /// Somebody here has written.
    pub(super) fn noted(&mut self, now: Now) {
        if let Some(Sleeper {
            wakes,
            note_ms: Some(ms),
        }) = &mut self.sleeper
        {
            wakes.want(now.mono + *ms);
        }
    }

    /// Somebody wants to be in step with the hub now.
    pub(super) fn wanted(&mut self, now: Now) {
        self.hurries = true;
        if let Some(sleeper) = &mut self.sleeper {
            sleeper.wakes.want(now.mono);
        }
        let asked = self.replica.ask_hub(now);
        self.after(asked, now);
    }

    /// Does about the link what is due.
    pub(super) fn mind_the_link(&mut self, link: &LinkHandle) {
        let now = now();
        self.count(link, now);
        self.listen(link, now);
        self.turn(link, now);
        if std::mem::take(&mut self.hurries) {
            link.try_now();
        }
        if self.replica.behind_for(now.mono).is_some_and(|ms| ms >= BEHIND_MS_MAX) {
            // It is asked every few seconds, so that this is said again if the link is busy now. With one hub in
            // the list, the next is the same one.
            link.go_on_to_next();
        }
    }

    /// What the link has carried counts against the budget.
    fn count(&mut self, link: &LinkHandle, now: Now) {
        let carried = link.counts().wire_bytes;
        let more = carried.saturating_sub(self.carried);
        self.carried = carried;
        // Nothing more counts as well: time has passed.
        let kept = self.replica.carried(more, now);
        self.after(kept, now);
    }

    /// Listens to more or less, as the budget has it.
    fn listen(&mut self, link: &LinkHandle, now: Now) {
        let spares = self.replica.spares(now);
        if spares == self.listening.is_sparing() {
            return;
        }
        match self.listening.spare(spares, self.region.as_ref(), link) {
            Ok(()) | Err(LinkBusy::Down) => {}
            Err(error) => {
                tracing::debug!(%error, "listening to more or less is put off");
                return;
            }
        }
        match (self.replica.budget(), spares) {
            (Some(budget), true) => tracing::warn!(
                carried_bytes = budget.carried_bytes,
                bytes_per_day = budget.bytes_per_day,
                "the budget is spent: only what is urgent is listened to; raise link.budget_bytes_per_day if that is too little"
            ),
            (_, _) => tracing::info!("there is budget again: listening to everything"),
        }
    }

    /// Wakes or sleeps, if it is time.
    fn turn(&mut self, link: &LinkHandle, now: Now) {
        let done = self.is_done();
        let Some(sleeper) = &mut self.sleeper else {
            return;
        };
        match sleeper.wakes.turn(now.mono, done) {
            Some(Turn::Wake) => {
                tracing::debug!("waking");
                link.rouse();
            }
            Some(Turn::Sleep) => {
                if !done && let Verdict::Write { suppressed } = self.refused_lines.line(now.mono) {
                    tracing::warn!(
                        suppressed,
                        "sleeping without being in step; it is tried again at the next wake"
                    );
                }
                link.rest();
            }
            None => {}
        }
        let wakes_at = sleeper.wakes.wakes_at();
        self.live.send_if_modified(|live| {
            let news = live.wakes_at != wakes_at;
            live.wakes_at = wakes_at;
            news
        });
    }

    /// Whether nothing is left to do on a link that is paid for.
    fn is_done(&self) -> bool {
        let budget = self.replica.budget();
        let allows = |band: Band| budget.is_none_or(|budget| budget.band <= band);
        let proof_is_due = self.replica.wants_proof() && allows(Band::Ample);
        let settled = self.replica.is_settled() && !proof_is_due;
        self.region.is_some() && (settled || !allows(Band::Short))
    }
}
