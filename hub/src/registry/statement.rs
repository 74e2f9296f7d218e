//! What the registry shall say of the elements of a record, from what somebody states of it.

use super::change::{Held, Wanted};
use crate::import_file::ImportedRecord;
use crate::replica::Commit;
use headland_shared::defect::{Defect, planted};
use headland_shared::key::ElementKey;
use headland_shared::name::{AttributeName, VersionName};
use headland_shared::schema::{Declaration, Kind, Rule};
use headland_shared::value::Value;
use std::collections::BTreeSet;

/// What approves for ever: a version that has it is never approved again within the registry's life.
pub(super) const REVOKED: &str = "revoked";

/// How much a statement says of what it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stated {
    /// All attributes, and all approvals of the versions that it lists; versions and aliases that it does not list stay.
    Listed,
    /// Everything: what it does not name is no more.
    Everything,
}

/// The declaration that an attribute needs to hold values of this kind; nothing when it can hold them already.
pub(super) fn declaration_to_hold(commit: &Commit<'_, '_>, name: &AttributeName, kind: Kind) -> Option<Declaration> {
    match commit.attributes.get(name).map(|row| row.declaration) {
        None => Some(Declaration::inferred(name, kind)),
        Some(known) => (known.widened(kind) != known && known.kind != Kind::Any).then(|| known.widened(kind)),
    }
}

/// What the registry shall say of all elements of a record.
pub(super) fn elements(commit: &Commit<'_, '_>, held: &Held, record: ImportedRecord, stated: Stated) -> Vec<Wanted> {
    let mut wanted = vec![Wanted::new(ElementKey::Life, Some(Value::Bool(true)))];
    for (name, value) in record.attributes {
        match commit.declaration(&name).map(|declaration| declaration.rule) {
            Some(Rule::Set) => wanted.extend(members(&name, &value)),
            _ => wanted.push(Wanted::new(ElementKey::Attribute(name), Some(value))),
        }
    }
    for version in record.versions {
        let approved = match &record.current {
            Some(current) if planted(Defect::ApprovalByLastWriter) => current,
            Some(_) | None => &version.version,
        };
        for (name, status) in version.approvals {
            wanted.push(Wanted {
                key: ElementKey::Approval(approved.clone(), name),
                sticky: status == REVOKED,
                value: Some(Value::text(status)),
            });
        }
        wanted.push(Wanted::new(
            ElementKey::Version(version.version),
            Some(version.manifest),
        ));
    }
    if let Some(current) = record.current {
        wanted.push(Wanted::new(ElementKey::Current, Some(Value::text(current.as_str()))));
    }
    for (alias, target) in record.aliases {
        wanted.push(Wanted::new(ElementKey::Alias(alias), Some(target.to_value())));
    }
    wanted.extend(no_longer_said(held, &wanted, stated));
    wanted
}

/// What the registry said and the statement no longer says. A model that comes back begins anew.
fn no_longer_said(held: &Held, wanted: &[Wanted], stated: Stated) -> Vec<Wanted> {
    let named: BTreeSet<Vec<u8>> = wanted.iter().map(|one| one.key.encoded()).collect();
    let listed: BTreeSet<&VersionName> = wanted
        .iter()
        .filter_map(|one| match &one.key {
            ElementKey::Version(version) => Some(version),
            _ => None,
        })
        .collect();
    let anew = !held.alive || stated == Stated::Everything;
    let ended = |key: &ElementKey| match key {
        ElementKey::Attribute(_) | ElementKey::Member(..) => true,
        ElementKey::Approval(version, _) => anew || listed.contains(version),
        ElementKey::Version(_) | ElementKey::Current | ElementKey::Alias(_) => anew,
        ElementKey::Life
        | ElementKey::Count(..)
        | ElementKey::Annotation(_)
        | ElementKey::Stub
        | ElementKey::Unknown(_) => false,
    };
    let unnamed = held.states.keys().filter(|key| !named.contains(*key));
    let decoded = unnamed.filter_map(|key| ElementKey::decode(key).ok());
    decoded.filter(ended).map(|key| Wanted::new(key, None)).collect()
}

/// The members of a set attribute; anything but a list of texts is one plain value.
fn members(name: &AttributeName, value: &Value) -> Vec<Wanted> {
    let plain = || vec![Wanted::new(ElementKey::Attribute(name.clone()), Some(value.clone()))];
    let Value::List(items) = value else {
        return plain();
    };
    let mut members = Vec::new();
    for item in items {
        match item.as_text() {
            Some(text) if !text.is_empty() && text.len() <= ElementKey::MEMBER_BYTES_MAX => {
                let key = ElementKey::Member(name.clone(), text.to_owned());
                members.push(Wanted::new(key, Some(Value::Bool(true))));
            }
            _ => return plain(),
        }
    }
    members
}
