//! What the program was not told yet.

use crate::store::CHANGED_KEYS_MAX;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Changes to tell, the last one of each model.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Whether everything may have changed.
    everything: bool,
    /// Namespace and name -> the event. At most as many as the store remembers.
    models: BTreeMap<(String, String), &'static str>,
}

impl Pending {
    /// Nothing is known: everything may have changed.
    pub(super) fn everything() -> Self {
        Self {
            everything: true,
            models: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.everything && self.models.is_empty()
    }

    /// How many models these are.
    pub(super) fn count(&self) -> usize {
        self.models.len()
    }

    /// Adds server-sent events, as a watch tells them.
    pub(super) fn add(&mut self, events: &str) {
        for block in events.split("\n\n") {
            let field = |name| block.lines().find_map(|line| line.strip_prefix(name));
            let event = match field("event: ") {
                Some("changed") => "changed",
                Some("gone") => "gone",
                Some(_) => {
                    *self = Self::everything();
                    continue;
                }
                None => continue,
            };
            let data: Value = serde_json::from_str(field("data: ").unwrap_or_default()).unwrap_or_default();
            let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
            self.models.insert((text("namespace"), text("name")), event);
        }
        if self.models.len() > CHANGED_KEYS_MAX {
            *self = Self::everything();
        }
    }

    /// A line of JSON for each.
    pub(super) fn lines(&self) -> String {
        let everything = self.everything.then(|| json!({ "event": "resync" }));
        let model = |((namespace, name), event): (&(String, String), &&str)| json!({ "event": event, "namespace": namespace, "name": name });
        let lines = everything.into_iter().chain(self.models.iter().map(model));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &str, name: &str) -> String {
        format!(
            "event: {event}\nid: 7-1\ndata: {{\"namespace\":\"default\",\"name\":\"{name}\",\"attributes\":{{}}}}\n\n"
        )
    }

    #[test]
    fn of_each_model_the_last_event_is_told() {
        let mut pending = Pending::default();
        assert!(pending.is_empty());
        pending.add(": watching\nid: 7-1\n\n");
        assert!(pending.is_empty());
        pending.add(&(event("changed", "b") + &event("changed", "a") + &event("gone", "b")));
        let wanted = "{\"event\":\"changed\",\"name\":\"a\",\"namespace\":\"default\"}\n\
                      {\"event\":\"gone\",\"name\":\"b\",\"namespace\":\"default\"}\n";
        assert_eq!(pending.lines(), wanted);
    }

    #[test]
    fn more_than_the_store_remembers_is_everything() {
        let mut pending = Pending::default();
        (0..=CHANGED_KEYS_MAX).for_each(|number| pending.add(&event("changed", &number.to_string())));
        assert_eq!(pending.lines(), "{\"event\":\"resync\"}\n");
        pending.add(&event("changed", "a"));
        assert_eq!((pending.count(), pending.lines().lines().count()), (1, 2));
    }
}
