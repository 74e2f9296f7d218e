//! What became of requests: those that were made here, and those of which the stream brought the transaction.

use super::remembered::{Asked, Pending, RequestNote, put_row, recalled, stage_row};
use super::{RequestId, SetError};
use crate::driver::{Inlet, Input};
use crate::registry::Put;
use crate::store::{REQUESTS_MAX, Store};
use headland_host::tables::StoreError;
use headland_shared::epoch::Position;
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::{oneshot, watch};

/// What is known of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// What was to be set; nothing of a request that was made elsewhere.
    pub(crate) put: Option<Put>,
    pub(crate) stage: Stage,
}

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is under way.
    Running,
    /// It is committed, and has not come here yet.
    Committed,
    /// It is committed, and shown here.
    Landed(Landed),
    /// It is committed, and something else has been said since, so that it cannot be told where it stands.
    Superseded,
    /// It was not done, and will not be.
    NotDone {
        /// Why.
        reason: String,
    },
    /// It is not known whether it was done.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// Where a request stands in the registry's order, and in this hub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Landed {
    pub(crate) position: Position,
    /// The hub's commit; nothing when nothing visible has changed.
    pub(crate) seq: Option<u64>,
}

impl Stage {
    /// Whether nothing more will become of it.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Landed(_) | Self::Superseded | Self::NotDone { .. })
    }
}

#[derive(Debug, Default)]
struct Pages {
    requests: BTreeMap<RequestId, Request>,
    /// The oldest first.
    order: VecDeque<RequestId>,
}

impl Pages {
    /// Makes room for one more, by forgetting the oldest of which all is known.
    fn make_room(&mut self) -> bool {
        if self.order.len() < REQUESTS_MAX {
            return true;
        }
        let is_final = |id: &RequestId| self.requests.get(id).is_none_or(|request| request.stage.is_final());
        let Some(oldest) = self.order.iter().position(is_final) else {
            return false;
        };
        if let Some(id) = self.order.remove(oldest) {
            self.requests.remove(&id);
        }
        true
    }

    fn insert(&mut self, id: &RequestId, request: Request) {
        if self.requests.insert(id.clone(), request).is_none() {
            self.order.push_back(id.clone());
        }
    }
}

/// The requests that are remembered. Shared by all who hold one.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pages: watch::Sender<Pages>,
    /// Where the replica is told of what is to outlive this program.
    inlet: Inlet,
}

impl Ledger {
    /// What the store remembers, and those of it whose end is not known.
    pub(crate) fn open(store: &Store, inlet: Inlet) -> Result<(Self, Vec<Pending>), StoreError> {
        let (mut pages, mut unsettled) = (Pages::default(), Vec::new());
        for (name, row) in store.read()?.requests()? {
            let Ok(id) = RequestId::read(&name) else {
                continue;
            };
            let (request, pending) = recalled(&id, row);
            pages.insert(&id, request);
            unsettled.extend(pending);
        }
        let pages = watch::channel(pages).0;
        Ok((Self { pages, inlet }, unsettled))
    }

    /// Has the store remember what the database is about to be asked.
    pub(super) async fn remember(&self, id: &RequestId, put: &Put, asked: Asked) -> Result<(), SetError> {
        let note = RequestNote {
            request: id.clone(),
            put: put_row(put),
            stage: asked.row(),
        };
        let (answer, answered) = oneshot::channel();
        let given = self.inlet.try_put(Input::Request(Box::new(note), Some(answer)));
        given.map_err(|_| SetError::Busy)?;
        let remembered = answered.await.map_err(|_| SetError::Busy)?;
        remembered.map_err(|error| SetError::Put(error.into()))
    }

    /// Notes the end of a request that the stream does not tell, here and in the store.
    pub(super) fn conclude(&self, id: &RequestId, stage: Stage) {
        let row = stage_row(&stage);
        self.note(id, stage.clone());
        let known = self.request(id).filter(|known| known.stage == stage);
        if let Some((known, stage)) = known.zip(row) {
            let (request, put) = (id.clone(), known.put.as_ref().and_then(put_row));
            let note = Box::new(RequestNote { request, put, stage });
            // One that finds no room is found out again after a restart.
            let _ = self.inlet.try_put(Input::Request(note, None));
        }
    }

    /// Begins a request; nothing, when it is to be made, or how far it is. One that was not done may be made again.
    pub(super) fn begin(&self, id: &RequestId, put: &Put) -> Result<Option<Stage>, SetError> {
        let mut begun = Ok(None);
        self.pages.send_modify(|pages| begun = begin(pages, id, put));
        begun
    }

    /// Forgets a request that was not begun after all.
    pub(super) fn forget(&self, id: &RequestId) {
        self.pages.send_modify(|pages| {
            pages.requests.remove(id);
            pages.order.retain(|other| other != id);
        });
    }

    /// Notes how far a request is. What has landed has landed.
    pub(super) fn note(&self, id: &RequestId, stage: Stage) {
        self.pages.send_modify(|pages| {
            let known = pages.requests.get_mut(id);
            if let Some(known) = known.filter(|known| !matches!(known.stage, Stage::Landed(_))) {
                known.stage = stage;
            }
        });
    }

    /// The stream has brought the transaction of a request, made here or elsewhere.
    pub(crate) fn landed(&self, id: &RequestId, landed: Landed) {
        let stage = Stage::Landed(landed);
        self.pages.send_modify(|pages| match pages.requests.get_mut(id) {
            Some(known) => known.stage = stage,
            None => {
                if pages.make_room() {
                    pages.insert(id, Request { put: None, stage });
                }
            }
        });
    }

    /// What is known of a request.
    pub(crate) fn request(&self, id: &RequestId) -> Option<Request> {
        self.pages.borrow().requests.get(id).cloned()
    }

    /// Waits until something is known of a request that `wanted` takes.
    pub(super) async fn until(&self, id: &RequestId, wanted: impl Fn(&Stage) -> bool) -> Option<Stage> {
        let mut changes = self.pages.subscribe();
        let known = |pages: &Pages| pages.requests.get(id).map(|request| request.stage.clone());
        let there = changes.wait_for(|pages| known(pages).is_none_or(|stage| wanted(&stage)));
        there.await.ok().and_then(|pages| known(&pages))
    }
}

fn begin(pages: &mut Pages, id: &RequestId, put: &Put) -> Result<Option<Stage>, SetError> {
    match pages.requests.get_mut(id) {
        Some(Request { put: Some(before), .. }) if before != put => return Err(SetError::KeyUsed(id.clone())),
        // Somebody made it at another hub: what it was is not known here.
        Some(Request { put: None, .. }) => return Err(SetError::KeyUsed(id.clone())),
        Some(Request {
            stage: stage @ Stage::NotDone { .. },
            ..
        }) => {
            *stage = Stage::Running;
            return Ok(None);
        }
        Some(known) => return Ok(Some(known.stage.clone())),
        None => {}
    }
    if !pages.make_room() {
        return Err(SetError::TooManyUnknown);
    }
    let (put, stage) = (Some(put.clone()), Stage::Running);
    pages.insert(id, Request { put, stage });
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Assertion, Expected};
    use headland_shared::epoch::Life;
    use headland_shared::key::RecordKey;
    use headland_shared::name::{ModelName, Namespace, VersionName};

    fn put(version: &str) -> Put {
        Put {
            record: RecordKey {
                namespace: Namespace::new("farm").unwrap(),
                name: ModelName::new("crop").unwrap(),
            },
            assertion: Assertion::Current(VersionName::new(version).unwrap()),
            expected: Expected::Anything,
        }
    }

    fn ledger() -> Ledger {
        let (pages, inlet) = (watch::channel(Pages::default()).0, Inlet::to_nobody());
        Ledger { pages, inlet }
    }

    fn id(nth: usize) -> RequestId {
        RequestId::read(&format!("r-{nth}")).unwrap()
    }

    fn landed() -> Landed {
        let (life, number) = (Life(1), 9);
        let (position, seq) = (Position { life, number }, Some(3));
        Landed { position, seq }
    }

    fn unknown() -> Stage {
        let reason = "cut".to_owned();
        Stage::Unknown { reason }
    }

    #[test]
    fn a_request_is_made_once_and_again_only_if_it_was_not_done() {
        let ledger = ledger();
        assert_eq!(ledger.begin(&id(1), &put("1")).unwrap(), None);
        assert_eq!(ledger.begin(&id(1), &put("1")).unwrap(), Some(Stage::Running));
        assert!(matches!(ledger.begin(&id(1), &put("2")), Err(SetError::KeyUsed(_))));
        ledger.note(&id(1), unknown());
        assert_eq!(ledger.begin(&id(1), &put("1")).unwrap(), Some(unknown()));
        let reason = "refused".to_owned();
        ledger.note(&id(1), Stage::NotDone { reason });
        assert_eq!(ledger.begin(&id(1), &put("1")).unwrap(), None);
        ledger.landed(&id(1), landed());
        ledger.note(&id(1), unknown());
        assert_eq!(ledger.begin(&id(1), &put("1")).unwrap(), Some(Stage::Landed(landed())));
    }

    #[test]
    fn what_is_not_known_is_never_forgotten_and_what_is_known_makes_room() {
        let ledger = ledger();
        for nth in 0..REQUESTS_MAX {
            ledger.begin(&id(nth), &put("1")).unwrap();
        }
        let more = id(REQUESTS_MAX);
        assert!(matches!(ledger.begin(&more, &put("1")), Err(SetError::TooManyUnknown)));
        ledger.landed(&more, landed());
        assert_eq!(ledger.request(&more), None);
        ledger.landed(&id(5), landed());
        assert_eq!(ledger.begin(&more, &put("1")).unwrap(), None);
        assert_eq!(ledger.request(&id(5)), None);
        assert!(ledger.request(&id(0)).is_some());
    }

    #[tokio::test]
    async fn whoever_waits_for_a_request_hears_when_it_lands() {
        let ledger = ledger();
        ledger.begin(&id(1), &put("1")).unwrap();
        let request = id(1);
        let waiting = ledger.until(&request, |stage| matches!(stage, Stage::Landed(_)));
        let landing = async { ledger.landed(&id(1), landed()) };
        let (stage, ()) = tokio::join!(waiting, landing);
        assert_eq!(stage, Some(Stage::Landed(landed())));
    }
}
