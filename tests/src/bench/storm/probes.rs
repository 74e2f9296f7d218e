//! Urgent changes, one at a time, and when each agent had them.

use super::super::BenchError;
use super::super::probe::{NAMESPACE, json_line};
use super::super::process::shared_us;
use super::board::Event;
use crate::fleet::Fleet;
use serde_json::{Value, json};

/// One urgent change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Probe {
    /// The commit.
    pub(super) seq: u64,
    /// When the hub had answered that it is durable.
    pub(super) at_us: u64,
}

/// Makes urgent changes.
#[derive(Debug, Default)]
pub(super) struct Prober {
    made: u64,
}

impl Prober {
    /// Makes the next change and waits for the hub's answer.
    pub(super) async fn next(&mut self, fleet: &Fleet) -> Result<Probe, BenchError> {
        self.made += 1;
        let done = import(fleet, NAMESPACE, &json_line(self.made)).await?;
        let at_us = shared_us();
        let seq = done["seq"].as_u64();
        let seq = seq.ok_or_else(|| BenchError::Void("an urgent change changed nothing".to_owned()))?;
        Ok(Probe { seq, at_us })
    }
}

/// Has the hub import a text.
pub(super) async fn import(fleet: &Fleet, namespace: &str, text: &str) -> Result<Value, BenchError> {
    let file = fleet.directory().join("import.jsonl");
    std::fs::write(&file, text)?;
    let wish = json!({
        "files": [file], "namespace": namespace, "allow_removals": true, "register": true, "dry_run": false,
    });
    Ok(fleet.hub.post("/v1/import", &wish).await?)
}

/// Milliseconds from each change to each agent that had applied `in_step_with` before it; with nothing to be in step
/// with, to every agent.
pub(super) fn delays_ms(probes: &[Probe], events: &[Event], guests: usize, in_step_with: Option<u64>) -> Vec<f64> {
    let mut by_guest: Vec<Vec<&Event>> = vec![Vec::new(); guests];
    for event in events {
        by_guest[event.guest].push(event);
    }
    let mut delays = Vec::new();
    for events in &by_guest {
        let since = in_step_with.map_or(Some(0), |mark| {
            events
                .iter()
                .filter(|event| event.mark >= mark)
                .map(|event| event.at_us)
                .min()
        });
        let Some(since) = since else { continue };
        for probe in probes.iter().filter(|probe| since <= probe.at_us) {
            let applied = events.iter().filter(|event| event.mark >= probe.seq);
            if let Some(at_us) = applied.map(|event| event.at_us).min() {
                delays.push(at_us.saturating_sub(probe.at_us) as f64 / 1e3);
            }
        }
    }
    delays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_agents_that_were_in_step_are_asked_for_a_change() {
        let event = |guest, mark, at_us| Event {
            guest,
            mark,
            at_us,
            linked_us: 0,
            frames: 0,
            bytes: 0,
        };
        let events = [event(0, 5, 1_000), event(0, 6, 9_000), event(1, 6, 20_000)];
        let probes = [Probe { seq: 6, at_us: 4_000 }];
        assert_eq!(delays_ms(&probes, &events, 2, Some(5)), [5.0]);
        assert_eq!(delays_ms(&probes, &events, 2, None), [5.0, 16.0]);
    }
}
