//! How far the registry was seen: what an agent says in its hello, so that no hub takes it back behind that.

use super::Replica;
use headland_host::tables::StoreError;
use headland_shared::delta::{Record, RecordChange};
use headland_shared::element::{State, central_of};
use headland_shared::epoch::Position;
use headland_shared::message::{Heartbeat, MORE_REGISTRY};
use headland_shared::register::Writer;

/// The latest position of the registry that was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen(Position);

impl Seen {
    /// Where a hub says that the registry stands. A hub that has heard of none names the life in which it would begin
    /// itself, which says nothing.
    pub(super) fn at(position: Position) -> Self {
        Self(match position.number {
            0 => Position::default(),
            _ => position,
        })
    }

    pub(super) const fn position(self) -> Position {
        self.0
    }

    /// Takes notice of what the registry wrote in the life that it is in now, which the hub has said, or in one that it
    /// has begun since. What is left of earlier lives says nothing of how far this one has come.
    pub(super) fn note(&mut self, records: &[Record]) {
        for record in records {
            let (RecordChange::Changed(elements) | RecordChange::Whole(_, _, elements)) = &record.change else {
                continue;
            };
            for position in elements.iter().filter_map(|(_, state)| written_at(state)) {
                let later = position.life.number() > self.0.life.number();
                if later || (position.life == self.0.life && position.number > self.0.number) {
                    self.0 = position;
                }
            }
        }
    }
}

/// Where the registry's write within a state stands.
fn written_at(state: &[u8]) -> Option<Position> {
    if let Some(central) = central_of(state) {
        return Some(central.position);
    }
    match State::decode(state) {
        Ok(State::Register(register)) => Some(register.write_of(&Writer::Central)?.position),
        _ => None,
    }
}

impl Replica {
    /// An agent that lacks nothing of what is published has seen the registry where the heartbeat says that it stands.
    /// Losing this costs nothing but the memory of a withdrawal, so it waits for no disk.
    pub(super) fn note_registry(&mut self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        let told = heartbeat.more.iter().find(|(tag, _)| *tag == MORE_REGISTRY);
        let told = told.and_then(|(_, bytes)| Position::decode(bytes).ok());
        let (Some(registry), Some(placed)) = (told, &self.placed) else {
            return Ok(());
        };
        if placed.epoch.tag() != heartbeat.epoch || placed.registry >= Seen::at(registry).position() {
            return Ok(());
        }
        let scopes = self.store.read()?.scopes()?;
        let lacks = heartbeat.heads.iter().any(|(alias, head)| {
            let cursor = self.cursors.get(alias).copied().unwrap_or(placed.base);
            cursor < *head && scopes.get(alias).is_none_or(|row| row.followed)
        });
        if lacks {
            return Ok(());
        }
        let mut placed = placed.clone();
        placed.registry = registry;
        self.store.note(|tables| tables.set_placed(&placed))?;
        self.placed = Some(placed);
        self.session.question_changed();
        Ok(())
    }
}
