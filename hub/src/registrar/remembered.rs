//! Requests as the store remembers them, so that what became of one can also be asked after a restart.

use super::{Landed, Request, RequestId, Stage};
use crate::postgres::TransactionId;
use crate::registry::bridge::Source;
use crate::registry::{Assertion, Expected, Put};
use crate::store::{ExpectedRow, PutRow, RequestRow, RequestStage};
use headland_shared::key::ElementKey;
use headland_shared::name::VersionName;
use headland_shared::resolve::AliasTarget;

/// The longest reason that is remembered, in bytes: what a server says may be long.
const REASON_BYTES_MAX: usize = 1_024;
/// Why the outcome of a request is not known that was under way when the hub ended.
const RESTARTED: &str = "the hub was started again before it had heard what came of the commit";

/// What the replica is to remember of a request.
#[derive(Debug)]
pub(crate) struct RequestNote {
    pub(crate) request: RequestId,
    pub(crate) put: Option<PutRow>,
    pub(crate) stage: RequestStage,
}

/// A commit that the database was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) source: Source,
    pub(super) transaction: TransactionId,
}

/// A request of which a hub before this one did not hear the end.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(super) request: RequestId,
    pub(super) put: Option<Put>,
    pub(super) asked: Asked,
    pub(super) reason: String,
}

/// What was to be set, as it is remembered; nothing of what no database is asked to set.
pub(super) fn put_row(put: &Put) -> Option<PutRow> {
    Some(PutRow {
        record: put.record.clone(),
        element: put.assertion.element().key().encoded(),
        value: put.assertion.value().as_text()?.to_owned(),
        expected: match &put.expected {
            Expected::Nothing => ExpectedRow::Nothing,
            Expected::Anything => ExpectedRow::Anything,
            Expected::SaidAt(positions) => ExpectedRow::SaidAt(positions.clone()),
        },
    })
}

/// How far a request is that came to a commit, or to its end; nothing before that.
pub(super) fn stage_row(stage: &Stage) -> Option<RequestStage> {
    match stage {
        Stage::Running | Stage::Committed | Stage::Unknown { .. } => None,
        Stage::Landed(Landed { position, seq }) => Some(RequestStage::Landed {
            position: *position,
            seq: *seq,
        }),
        Stage::Superseded => Some(RequestStage::Superseded),
        Stage::NotDone { reason } => Some(RequestStage::NotDone {
            reason: shortened(reason),
        }),
    }
}

impl Asked {
    pub(super) const fn row(self) -> RequestStage {
        RequestStage::Asked {
            system: self.source.system,
            timeline: self.source.timeline,
            transaction: self.transaction.0,
        }
    }
}

/// A request as it was remembered, and what is to be found out of it.
pub(super) fn recalled(request: &RequestId, row: RequestRow) -> (Request, Option<Pending>) {
    let put = row.put.and_then(put_of);
    let mut pending = None;
    let stage = match row.stage {
        RequestStage::Landed { position, seq } => Stage::Landed(Landed { position, seq }),
        RequestStage::Superseded => Stage::Superseded,
        RequestStage::NotDone { reason } => Stage::NotDone { reason },
        RequestStage::Asked {
            system,
            timeline,
            transaction,
        } => {
            let reason = RESTARTED.to_owned();
            pending = Some(Pending {
                request: request.clone(),
                put: put.clone(),
                asked: Asked {
                    source: Source { system, timeline },
                    transaction: TransactionId(transaction),
                },
                reason: reason.clone(),
            });
            Stage::Unknown { reason }
        }
    };
    (Request { put, stage }, pending)
}

fn put_of(row: PutRow) -> Option<Put> {
    let version = || VersionName::new(row.value.as_str()).ok();
    let assertion = match ElementKey::decode(&row.element).ok()? {
        ElementKey::Current => Assertion::Current(version()?),
        ElementKey::Alias(alias) => Assertion::Alias(alias, AliasTarget::Version(version()?)),
        ElementKey::Approval(version, approval) => Assertion::Approval(version, approval, row.value),
        _ => return None,
    };
    Some(Put {
        record: row.record,
        assertion,
        expected: match row.expected {
            ExpectedRow::Nothing => Expected::Nothing,
            ExpectedRow::Anything => Expected::Anything,
            ExpectedRow::SaidAt(positions) => Expected::SaidAt(positions),
        },
    })
}

fn shortened(reason: &str) -> String {
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use headland_shared::epoch::{Life, Position};
    use headland_shared::key::RecordKey;
    use headland_shared::name::{AliasName, ApprovalName, ModelName, Namespace};

    #[test]
    fn what_is_remembered_of_a_request_is_what_it_was() {
        let version = || VersionName::new("1.6").unwrap();
        let (life, number) = (Life(3), 9);
        for (assertion, expected) in [
            (Assertion::Current(version()), Expected::Nothing),
            (
                Assertion::Alias(AliasName::new("edge").unwrap(), AliasTarget::Version(version())),
                Expected::Anything,
            ),
            (
                Assertion::Approval(version(), ApprovalName::new("field").unwrap(), "tried".to_owned()),
                Expected::SaidAt(vec![Position { life, number }]),
            ),
        ] {
            let record = RecordKey {
                namespace: Namespace::new("farm").unwrap(),
                name: ModelName::new("crop").unwrap(),
            };
            let put = Put {
                record,
                assertion,
                expected,
            };
            assert_eq!(put_of(put_row(&put).unwrap()), Some(put));
        }
    }

    #[test]
    fn a_reason_is_cut_where_a_letter_ends() {
        let long = "ä".repeat(REASON_BYTES_MAX);
        assert_eq!(shortened(&long).len(), REASON_BYTES_MAX);
        assert_eq!(shortened(&format!("x{long}")).len(), REASON_BYTES_MAX - 1);
    }
}
