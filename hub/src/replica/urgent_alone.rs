//! What is urgent of all that an agent has missed, for one that can afford nothing else now.

use super::Replica;
use super::commit::priority_of;
use super::conversation::Transfer;
use super::merge::Merge;
use super::moment::Moment;
use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::epoch::{Mark, Seq};
use headland_shared::key::ElementKey;
use headland_shared::message::more::{Field, UrgentAlone};
use headland_shared::message::{Down, Hello, Up};
use headland_shared::name::{Namespace, ReplicaName};
use headland_shared::schema::{Declaration, Priority};
use headland_shared::scope::FOLLOWS_MAX;
use headland_shared::session::transfer::Window;
use headland_shared::urgent::{Fact, Urgent};
use std::collections::BTreeMap;

/// The most facts that are told: as many as an agent keeps ahead of the feed. The earliest changes come first.
const MISSED_FACTS_MAX: usize = 1_024;

/// Facts by the commit that said them last, and by namespace.
type Facts = BTreeMap<(Seq, Namespace), Vec<Fact>>;

impl Replica {
    /// Answers the hellos that want what is urgent alone; gives back all other messages.
    pub(super) fn tell_urgent_alone(
        &mut self,
        inbox: Vec<(ReplicaName, Up)>,
    ) -> Result<Vec<(ReplicaName, Up)>, StoreError> {
        let mut others = Vec::with_capacity(inbox.len());
        for (agent, message) in inbox {
            match message {
                Up::Hello(hello) if UrgentAlone::of(&hello.more).is_some() => self.tell_missed(&agent, &hello)?,
                other => others.push((agent, other)),
            }
        }
        Ok(others)
    }

    fn tell_missed(&mut self, agent: &ReplicaName, hello: &Hello) -> Result<(), StoreError> {
        let views = self.store.read()?;
        let moment = self.moment()?;
        // Cursors of another history say nothing of what was missed.
        let usable = self.is_usable(&views, &moment, hello)?;
        let Some(place) = hello.place.as_ref().filter(|_| usable) else {
            return Ok(());
        };
        let missed = Transfer {
            nonce: hello.nonce,
            snapshot: false,
            started: moment.numbers.head.seq,
            follow: hello.follow.iter().take(FOLLOWS_MAX).cloned().collect(),
            sieve: None,
            base: place.base,
            ahead: place.ahead.iter().copied().collect(),
            window: Window::from(Mark::after(place.base)),
            repair: None,
            kept: None,
        };
        let facts = urgent_facts(&views, &moment, &missed)?;
        self.conversation(agent).frame_bytes_max = super::answer::frame_bytes_max(hello);
        for ((seq, namespace), facts) in facts {
            for urgent in Urgent::pack(self.epoch.tag(), seq, &namespace, facts) {
                self.send(agent, &Down::Urgent(urgent));
                self.counts.urgent += 1;
            }
        }
        Ok(())
    }
}

/// What is urgent of the records that an agent holds and that have changed since its cursors.
fn urgent_facts(views: &Views, moment: &Moment, missed: &Transfer) -> Result<Facts, StoreError> {
    let corrupt = |error: DecodeError| StoreError::corrupt("records-1", error);
    let declared = |name: &_| {
        let declared = moment.attributes.get(name).map(|row| row.declaration);
        declared.or_else(|| Declaration::built_in(headland_shared::name::AttributeName::as_str(name)))
    };
    let (mut facts, mut count) = (Facts::new(), 0);
    let from = Mark::after(missed.base);
    let mut rows = Merge::new(views, &moment.scopes, missed, from, moment.numbers.head.seq)?;
    while let Some(row) = rows.next()? {
        let Some((key, bytes)) = views.record(row.mark.handle)?.filter(|_| !row.left) else {
            continue;
        };
        let cursor = missed.cursor(row.mark.scope);
        let blob = Blob::parse(&bytes).map_err(corrupt)?;
        if blob.head.entered > cursor {
            // Nobody holds it there yet.
            continue;
        }
        for entry in blob.entries() {
            let entry = entry.map_err(corrupt)?;
            if entry.seq <= cursor {
                continue;
            }
            let element = ElementKey::decode(entry.key).map_err(corrupt)?;
            if priority_of(&element, declared) != Priority::P0 {
                continue;
            }
            if count == MISSED_FACTS_MAX {
                return Ok(facts);
            }
            count += 1;
            let fact = Fact {
                model: key.name.clone(),
                element: entry.key.to_vec(),
                state: entry.state.to_vec(),
            };
            facts.entry((entry.seq, key.namespace.clone())).or_default().push(fact);
        }
    }
    Ok(facts)
}
