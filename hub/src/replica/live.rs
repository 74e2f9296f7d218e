//! The live feed: one publish for each touched scope, whatever the number of agents.

use super::catch_up::introductions;
use super::{Output, Replica};
use headland_host::tables::StoreError;
use headland_shared::delta::{DeltaWriter, ScopeAlias};
use headland_shared::epoch::{Mark, Seq};
use headland_shared::frame::encode_down;
use headland_shared::message::{Batch, Down, Heartbeat, Live, MORE_REGISTRY};
use headland_shared::session::Now;
use headland_shared::session::beat::Beat;
use headland_shared::topic;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The scopes outside this batch that changed since `prev`, with their heads.
fn after(
    published: &BTreeMap<ScopeAlias, Seq>,
    touched: &BTreeMap<ScopeAlias, Seq>,
    prev: Seq,
) -> Vec<(ScopeAlias, Seq)> {
    let later = published
        .iter()
        .filter(|(alias, head)| **head > prev && !touched.contains_key(alias));
    later.map(|(alias, head)| (*alias, *head)).collect()
}

impl Replica {
    /// Closes the batch: publishes what has changed since the last one, cut in one read transaction.
    pub fn publish(&mut self) -> Result<(), StoreError> {
        let moment = self.moment()?;
        let views = self.store.read()?;
        let (numbers, scopes, attributes) = (&moment.numbers, &moment.scopes, &moment.attributes);
        let (from, to) = (self.published_to, numbers.head);
        let prev_of = |alias: ScopeAlias| self.published.get(&alias).copied().unwrap_or(Seq::START);
        let touched: BTreeMap<ScopeAlias, Seq> = scopes
            .values()
            .filter(|row| row.head > from)
            .map(|row| (row.alias, prev_of(row.alias)))
            .collect();
        for (alias, prev) in &touched {
            let (new_scopes, new_attributes) = introductions(scopes, attributes, *prev, to.seq);
            let mut writer = DeltaWriter::new(numbers.life, &new_scopes, &new_attributes);
            let bytes_max = self.config.live_bytes_max;
            views.each_change(*alias, Mark::after(*prev), to.seq, |row| {
                super::catch_up::write_row(&views, &mut writer, row, *prev, attributes, None)?;
                let go_on = writer.len() < bytes_max;
                Ok::<_, StoreError>(if go_on {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
            let fits = writer.len() < bytes_max;
            let mut batch = Batch {
                epoch: self.epoch.tag(),
                scope: *alias,
                prev: *prev,
                to,
                touched: touched
                    .iter()
                    .filter(|(other, _)| *other != alias)
                    .map(|(a, s)| (*a, *s))
                    .collect(),
                after: after(&self.published, &touched, *prev),
                delta: fits.then(|| writer.finish_of_place()),
            };
            let framed = |batch| encode_down(&Down::Live(Live::of(batch, numbers.life, self.config.boot)));
            let mut frame = framed(batch.clone());
            if frame.len() > self.config.live_bytes_max {
                batch.delta = None;
                frame = framed(batch);
            }
            let topic = topic::feed(&self.config.region, &scopes[alias].scope);
            self.outputs.push_back(Output::Publish { topic, frame });
            self.counts.batches += 1;
        }
        for alias in touched.into_keys() {
            self.published.insert(alias, to.seq);
        }
        self.published_to = to.seq;
        self.published_registry = numbers.registry();
        self.lanes.closed();
        Ok(())
    }

    /// Publishes the heartbeats that are due: the same frame on the topic of each period.
    pub(super) fn heartbeats(&mut self, now: Now) {
        let due: Vec<Beat> = self.beats.take_due(now.mono).collect();
        if due.is_empty() {
            return;
        }
        let heartbeat = Heartbeat {
            epoch: self.epoch.tag(),
            boot: self.config.boot,
            hub_ms: now.mono,
            as_of_ms: self.as_of_ms(now),
            heads: self.published.iter().map(|(alias, seq)| (*alias, *seq)).collect(),
            more: vec![(MORE_REGISTRY, self.published_registry.encoded())],
        };
        let frame = encode_down(&Down::Heartbeat(heartbeat));
        for beat in due {
            let topic = topic::heartbeat(&self.config.region, beat);
            let frame = frame.clone();
            self.outputs.push_back(Output::Publish { topic, frame });
        }
    }

    /// When agents that hold all that was published held the registry's state: when it was last known, unless
    /// something waits in the open batch.
    pub(super) fn as_of_ms(&self, now: Now) -> u64 {
        let known = self.registry_as_of(now);
        self.lanes.oldest().map_or(known, |oldest| oldest.min(known))
    }
}
