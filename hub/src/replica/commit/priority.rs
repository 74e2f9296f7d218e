//! How soon the elements of a commit must travel.

use super::Commit;
use headland_shared::blob::{Blob, Change};
use headland_shared::bytes::DecodeError;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::AttributeName;
use headland_shared::register::Register;
use headland_shared::rule;
use headland_shared::schema::{Declaration, Priority, Rule};
use headland_shared::scope::Scope;

impl Commit<'_, '_> {
    /// Raises the commit's priority to that of its elements, and notes what is urgent of a record that somebody may
    /// hold: one that was in a scope before, and is in `scope` now.
    pub(super) fn note_priorities(
        &mut self,
        record: &RecordKey,
        elements: &[(ElementKey, State)],
        changes: &[Change],
        before: Option<&Blob<'_>>,
        scope: Option<&Scope>,
    ) -> Result<(), DecodeError> {
        for ((key, state), change) in elements.iter().zip(changes) {
            let mut priority = priority_of(key, |name| self.declaration(name));
            if priority == Priority::P0 && self.is_seen_by_its_writer_alone(key, state, &change.key, before)? {
                priority = Priority::P2;
            }
            self.priority = self.priority.min(priority);
            if let Some(scope) = scope.filter(|_| priority == Priority::P0) {
                self.urgent.put(record, scope, &change.key, &change.state);
            }
        }
        Ok(())
    }

    /// Whether a change shows on one device only, which has made it: what a device reports by itself counts there
    /// alone. Everybody holds it all the same, but nobody waits for it.
    fn is_seen_by_its_writer_alone(
        &self,
        key: &ElementKey,
        after: &State,
        encoded: &[u8],
        before: Option<&Blob<'_>>,
    ) -> Result<bool, DecodeError> {
        let (ElementKey::Attribute(name), State::Register(after)) = (key, after) else {
            return Ok(false);
        };
        if self.declaration(name).map(|declaration| declaration.rule) != Some(Rule::Precedence) {
            return Ok(false);
        }
        let before = before.map(|blob| blob.state_of(encoded)).transpose()?.flatten();
        let before = match before.map(State::decode).transpose()? {
            Some(State::Register(before)) => before,
            Some(_) => return Ok(false),
            None => Register::default(),
        };
        let shown = |register| rule::read(Rule::Precedence, register, None).shown;
        Ok(shown(&before) == shown(after))
    }
}

/// How soon a change of an element must travel, by how its attribute is declared.
pub(in crate::replica) fn priority_of(
    key: &ElementKey,
    declared: impl FnOnce(&AttributeName) -> Option<Declaration>,
) -> Priority {
    match key {
        ElementKey::Attribute(name) | ElementKey::Member(name, _) | ElementKey::Count(name, _, _) => {
            declared(name).map_or(Priority::P1, |declaration| declaration.priority)
        }
        ElementKey::Approval(..) => Priority::P0,
        ElementKey::Annotation(_) => Priority::P2,
        ElementKey::Life
        | ElementKey::Version(_)
        | ElementKey::Current
        | ElementKey::Alias(_)
        | ElementKey::Stub
        | ElementKey::Unknown(_) => Priority::P1,
    }
}
