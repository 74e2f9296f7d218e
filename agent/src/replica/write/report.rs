//! Reports: what this device sees of an attribute.

use super::{WriteError, may_write};
use crate::replica::Replica;
use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::element::State;
use headland_shared::epoch::{Life, Position};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::AttributeName;
use headland_shared::register::{Rank, Register, Write, Writer};
use headland_shared::schema::Rule;
use headland_shared::session::Now;
use headland_shared::stamp::HybridClock;
use headland_shared::value::Value;

/// The longest report, in bytes: a word such as "down", or a short reason.
pub(super) const REPORT_BYTES_MAX: usize = 256;

impl Replica {
    /// Says what this device sees of an attribute of a model; nothing takes back what it said. It counts on this
    /// device alone.
    pub fn report(
        &mut self,
        record: &RecordKey,
        attribute: &AttributeName,
        seen: Option<String>,
        now: Now,
    ) -> Result<(), WriteError> {
        if let Some(bytes) = seen.as_ref().map(|seen| seen.trim().len())
            && !(1..=REPORT_BYTES_MAX).contains(&bytes)
        {
            let (record, attribute) = (record.clone(), attribute.clone());
            return Err(WriteError::UnfitReport {
                record,
                attribute,
                bytes,
            });
        }
        let views = self.store.read()?;
        may_write(&views, attribute, Rule::Precedence)?;
        let element = ElementKey::Attribute(attribute.clone());
        let here = self.seen_of(&views, record, &element)?;
        let (dot, mut at) = self.next_dot(now)?;
        // Later than what it is said against, whatever this device's clock says.
        if let Some(latest) = here.writes().map(|(_, write)| write.at).max() {
            at = at.max(HybridClock::after(latest).tick(now.wall_ms));
        }
        // What earlier lives of this device's store have said.
        let earlier = |writer: &Writer| match writer {
            Writer::Edge(Rank::Automation, actor) => actor.name == self.actor.name && *actor != self.actor,
            Writer::Edge(..) | Writer::Central => false,
        };
        let covers = here.seen().into_iter().filter(|(writer, _)| earlier(writer)).collect();
        let write = Write {
            position: Position {
                life: Life::NONE,
                number: dot.counter,
            },
            sticky: false,
            at,
            value: seen.map(|seen| Value::text(seen.trim())),
            covers,
        };
        let state = State::Register(Register::of(Writer::Edge(Rank::Automation, self.actor.clone()), write));
        self.put(record, &element, state, dot.counter, at, now)
    }

    /// What is seen here of an attribute, by the feed and by what this device has said.
    fn seen_of(&self, views: &Views, record: &RecordKey, element: &ElementKey) -> Result<Register, StoreError> {
        let record = record.encoded();
        let own = views.own_of(&record)?.into_iter();
        let mut states: Vec<State> = own.filter(|w| w.element == *element).map(|w| w.state).collect();
        if let Some((_, blob)) = views.record(&record)? {
            let held = Blob::parse(&blob).and_then(|blob| match blob.state_of(&element.encoded())? {
                Some(state) => State::decode(state).map(Some),
                None => Ok(None),
            });
            states.extend(held.map_err(|error| StoreError::corrupt("records-1", error))?);
        }
        let mut seen = Register::default();
        for state in states {
            if let State::Register(register) = state {
                seen.merge(register);
            }
        }
        Ok(seen)
    }
}
