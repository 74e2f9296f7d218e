//! What the stream lets this hub know: what became of requests, and since when it holds what the registry says.

use super::Flow;
use crate::bridging::barrier::Said;
use crate::bridging::task::Bridge;
use crate::driver::Input;
use crate::following::State;
use crate::opening::now;
use crate::registrar::Landed;
use crate::registry::bridge::Lsn;
use headland_shared::epoch::Position;
use headland_shared::session::Ms;

/// How long the standbys may take to confirm a barrier before that is shown, in milliseconds.
const CONFIRMED_MS_MAX: u64 = 2_000;

impl Bridge {
    /// What hubs said in transactions that are here now, with all before them.
    pub(super) fn hear(&mut self, flow: &mut Flow, here: Lsn) {
        let seqs = std::mem::take(&mut flow.seqs);
        for (end, said) in std::mem::take(&mut flow.said) {
            if end > here {
                continue;
            }
            match said {
                Said::Present(as_of) => {
                    let took_ms = now().mono.saturating_sub(as_of);
                    self.reporter.show(|standing| {
                        standing.database.barriers += 1;
                        standing.database.barriers_ms += took_ms;
                    });
                    flow.came = flow.came.max(Some(as_of));
                }
                Said::Request(request) => {
                    let position = Position {
                        life: flow.at.life,
                        number: end.0,
                    };
                    let seq = seqs.get(&end).map(|seq| seq.0);
                    self.ledger.landed(&request, Landed { position, seq });
                }
            }
        }
        self.confirmed(flow);
    }

    /// What came before a barrier is here when it comes. Where commits wait for standbys it is the present only when they
    /// have it too: a server that was cut off from them may have been replaced, and would not know it.
    pub(super) fn confirmed(&mut self, flow: &mut Flow) {
        let Some(as_of) = flow.came else {
            return;
        };
        let synchronous = flow.seen.borrow().as_ref().is_some_and(|seen| seen.synchronous);
        if synchronous && *flow.barriers.confirmed.borrow_and_update() < as_of {
            if now().mono.saturating_sub(as_of) > CONFIRMED_MS_MAX {
                self.reporter.tell(State::Unconfirmed);
            }
            return;
        }
        flow.came = None;
        self.known(as_of);
    }

    /// All that was committed at this moment is here.
    fn known(&mut self, as_of: Ms) {
        self.reporter.known(as_of);
        // One that finds no room is followed by the next.
        let _ = self.inlet.try_put(Input::Known(as_of));
    }

    /// Says since when this hub knows what the registry says, and how the slot is.
    pub(super) fn know(&mut self, flow: &mut Flow) {
        self.confirmed(flow);
        let Some(seen) = flow.seen.borrow_and_update().clone() else {
            return;
        };
        let behind = seen.at.bytes_after(flow.received);
        self.reporter.show(|standing| {
            let database = &mut standing.database;
            database.synchronous = seen.synchronous;
            database.behind_bytes = Some(behind);
            database.durable = Some(Lsn(flow.at.durable).to_string());
            database.wal_status = seen.slot.as_ref().map(|slot| slot.wal_status.clone());
            database.kept_bytes = seen.slot.as_ref().map(|slot| slot.kept_bytes);
            database.safe_wal_bytes = seen.slot.as_ref().and_then(|slot| slot.safe_wal_bytes);
        });
        if behind == 0 && !flow.assembler.is_open() {
            match seen.synchronous {
                false => self.known(seen.asked_at),
                // What the standbys have only a barrier tells.
                true => self.reporter.asked().ask(),
            }
        }
    }
}
