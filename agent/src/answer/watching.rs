//! Telling somebody who watches what has changed, as server-sent events.

use crate::read::{Moment, Reader};
use crate::store::{Position, Since, Store};
use headland_host::tables::StoreError;
use headland_shared::digest::hash_128;
use headland_shared::key::RecordKey;
use headland_shared::query::{Catalogue, Listed};
use serde::Serialize;
use std::collections::BTreeMap;

/// Changes that are looked at in one go: each is a model that is read.
const GO_KEYS_MAX: usize = 64;
/// Bytes of events after which a go ends, so that what waits for a slow reader stays small.
const GO_BYTES_MAX: usize = 64 * 1024;
/// The most models of which a watch remembers what it told: beyond it, a model that looks as before may be told again,
/// which does no harm.
const TOLD_MAX: usize = 1_024;

/// A model that is not, or no longer, among those that are watched.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Gone {
    namespace: String,
    name: String,
}

/// Why everything has to be listed again.
#[derive(Debug, Serialize)]
struct Resync {
    reason: &'static str,
}

/// Somebody who watches.
#[derive(Debug)]
pub(crate) struct Watching {
    listed: Listed,
    position: Position,
    /// Hash of a key -> hash of what was told of it; 0 when it was gone.
    told: BTreeMap<u64, u64>,
}

/// What there was to tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The events.
    pub(crate) events: String,
    /// Whether there may be more at once.
    pub(crate) more: bool,
}

impl Watching {
    /// Watches what `listed` lists, after a position.
    pub(crate) fn new(listed: Listed, position: Position) -> Self {
        Self {
            listed,
            position,
            told: BTreeMap::new(),
        }
    }

    /// Up to where everything was told.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// What is to be told next. The keys are taken before the store is read, so that what is read holds their changes.
    pub(crate) fn next(&mut self, store: &Store) -> Result<Told, StoreError> {
        let mut events = String::new();
        let keys = match store.changed_since(self.position, GO_KEYS_MAX) {
            Since::Keys(keys) if keys.is_empty() => return Ok(Told { events, more: false }),
            Since::Keys(keys) => keys,
            Since::Unknown(now) => {
                self.position = now;
                self.told.clear();
                let reason = "what has changed since that position is not known any more; list again, and go on here";
                put(&mut events, "resync", now, &Resync { reason });
                return Ok(Told { events, more: true });
            }
        };
        let moment = Reader::new(store.clone()).moment()?;
        for (position, key) in keys {
            self.tell(&moment, position, &key, &mut events)?;
            self.position = position;
            if events.len() >= GO_BYTES_MAX {
                break;
            }
        }
        Ok(Told { events, more: true })
    }

    fn tell(
        &mut self,
        moment: &Moment,
        position: Position,
        record: &[u8],
        events: &mut String,
    ) -> Result<(), StoreError> {
        let key = RecordKey::decode(record).map_err(|error| StoreError::corrupt("records-1", error))?;
        let wanted = &self.listed.wanted;
        if wanted.namespace.as_ref().is_some_and(|only| *only != key.namespace) {
            return Ok(());
        }
        let seen = moment.model(&key)?;
        let matching = seen.filter(|model| wanted.filter.matches(model) && wanted.words.match_model(model));
        let mut event = String::new();
        let told = match matching {
            Some(mut model) => {
                if let Some(mask) = &self.listed.mask {
                    mask.apply(&mut model);
                }
                let told = hash_128(&[text_of(&model).as_bytes()]) as u64;
                put(&mut event, "changed", position, &model);
                told
            }
            None => {
                let (namespace, name) = (key.namespace.to_string(), key.name.to_string());
                put(&mut event, "gone", position, &Gone { namespace, name });
                0
            }
        };
        if self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        if self.told.insert(hash_128(&[record]) as u64, told) != Some(told) {
            events.push_str(&event);
        }
        Ok(())
    }
}

fn text_of(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect("what is told is plain data, which always serialises")
}

/// Appends an event. JSON on one line holds no line break, which would end the data.
fn put(events: &mut String, name: &str, position: Position, data: &impl Serialize) {
    let data = text_of(data);
    events.push_str(&format!("event: {name}\nid: {position}\ndata: {data}\n\n"));
}
