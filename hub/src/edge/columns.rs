//! A write as a row of the table: the columns for people, and the bytes for hubs.

use super::write::{EdgeWrite, rank_name};
use headland_shared::element::Remark;
use headland_shared::key::RecordKey;
use headland_shared::name::Region;
use headland_shared::stamp::utc;
use headland_shared::value::Value;
use headland_shared::view::annotation_id;
use serde_json::json;

/// A row of `headland.edge_writes`. What PostgreSQL takes as text and JSON holds no NUL: it is U+FFFD there, and as it
/// was in the bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    pub(crate) model: RecordKey,
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) attribute: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) value: Option<serde_json::Value>,
    pub(crate) author: String,
    pub(crate) rank: Option<&'static str>,
    pub(crate) dot: Option<String>,
    pub(crate) region: String,
    /// As RFC 3339 has it.
    pub(crate) written_at: Option<String>,
    pub(crate) removed: bool,
    pub(crate) revision: u128,
    pub(crate) stamp: u64,
    pub(crate) content: Vec<u8>,
}

impl Columns {
    /// The row of a write about a model, which the hub of `region` stores; whether it still stands.
    pub(crate) fn of(model: &RecordKey, write: &EdgeWrite, stands: bool, region: &Region) -> Self {
        let (revision, stamp) = write.order();
        let mut row = Self {
            model: model.clone(),
            id: write.id(),
            kind: "annotation",
            attribute: write.attribute().map(ToString::to_string),
            subject: None,
            value: None,
            author: write.actor().name.to_string(),
            rank: None,
            dot: None,
            region: region.to_string(),
            written_at: None,
            removed: !stands,
            revision,
            stamp,
            content: write.encoded(),
        };
        match write {
            EdgeWrite::Note(dot, remark) => {
                row.dot = Some(annotation_id(dot));
                if let Remark::Written(note) = remark {
                    row.subject = note.subject.as_deref().map(without_nul);
                    row.value = Some(json!(without_nul(&note.text)));
                    row.written_at = utc(note.at.ms());
                }
            }
            EdgeWrite::Count(_, _, made_in, tally) => {
                row.kind = "count";
                row.region = made_in.to_string();
                row.value = Some(total(tally.added, tally.removed));
            }
            EdgeWrite::Value {
                member,
                rank,
                actor,
                write,
                ..
            } => {
                row.kind = if member.is_some() { "member" } else { "value" };
                row.rank = Some(rank_name(*rank));
                row.dot = Some(format!(
                    "{}.{:016x}.{}",
                    actor.name, actor.incarnation.0, write.position.number
                ));
                row.value = match member {
                    Some(member) => Some(json!(without_nul(member))),
                    None => write.value.as_ref().map(shown),
                };
                row.written_at = utc(write.at.ms());
            }
        }
        row
    }

    /// About how much SQL the row takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let value = self.value.as_ref().map_or(0, |value| value.to_string().len());
        512 + self.id.len() + value + 2 * self.content.len()
    }
}

/// What was added less what was taken back, as a number of JSON.
fn total(added: u64, removed: u64) -> serde_json::Value {
    match added.checked_sub(removed) {
        Some(total) => json!(total),
        None => json!(i64::try_from(i128::from(added) - i128::from(removed)).unwrap_or(i64::MIN)),
    }
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn shown(value: &Value) -> serde_json::Value {
    let value = serde_json::to_value(value).expect("a value has no keys but texts");
    clean(value)
}

fn clean(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value::{Array, Object, String};
    match value {
        String(text) => String(without_nul(&text)),
        Array(items) => Array(items.into_iter().map(clean).collect()),
        Object(fields) => {
            let fields = fields.into_iter();
            Object(fields.map(|(name, value)| (without_nul(&name), clean(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use headland_shared::actor::{ActorId, Dot, Incarnation};
    use headland_shared::element::{Note, Tally};
    use headland_shared::epoch::{Life, Position};
    use headland_shared::name::{AttributeName, ReplicaName};
    use headland_shared::register::{Rank, Write};
    use headland_shared::stamp::Stamp;
    use proptest::prelude::*;

    fn any_actor() -> impl Strategy<Value = ActorId> {
        (prop_oneof![Just("leaf-7"), Just("leaf.7")], 0..2_u64).prop_map(|(name, life)| ActorId {
            name: ReplicaName::parse(name).unwrap(),
            incarnation: Incarnation(life),
        })
    }

    /// Writes of few names, so that two of them often have the same.
    pub(in crate::edge) fn any_write() -> impl Strategy<Value = EdgeWrite> {
        let name = || prop_oneof![Just("availability"), Just("a:b")].prop_map(|name| AttributeName::new(name).unwrap());
        let note = (0..2_u64, prop::option::of("[a-z\0]{1,4}")).prop_map(|(at, text)| match text {
            None => Remark::Removed,
            Some(text) => Remark::Written(Note {
                at: Stamp::at_ms(at),
                subject: None,
                text,
                extra: vec![],
            }),
        });
        let rank = prop_oneof![Just(Rank::Automation), Just(Rank::Person)];
        let write = (0..4_u64, 0..3_u64, prop::option::of("[a-c]")).prop_map(|(number, at, value)| Write {
            position: Position {
                life: Life::NONE,
                number,
            },
            sticky: false,
            at: Stamp::at_ms(at),
            value: value.map(|text| Value::text(&text)),
            covers: Default::default(),
        });
        prop_oneof![
            (any_actor(), 1..3_u64, note)
                .prop_map(|(actor, counter, remark)| { EdgeWrite::Note(Dot { actor, counter }, remark) }),
            (name(), any_actor(), 0..9_u64, 0..9_u64).prop_map(|(name, actor, added, removed)| {
                EdgeWrite::Count(name, actor, Region::new("north").unwrap(), Tally { added, removed })
            }),
            (name(), prop::option::of("[a-b]{0,2}"), rank, any_actor(), write).prop_map(
                |(attribute, member, rank, actor, write)| EdgeWrite::Value {
                    attribute,
                    member,
                    rank,
                    actor,
                    write,
                }
            ),
        ]
    }

    fn row(write: &EdgeWrite, stands: bool) -> Columns {
        let model = RecordKey::decode(b"default\0crop").unwrap();
        Columns::of(&model, write, stands, &Region::new("south").unwrap())
    }

    #[test]
    fn a_note_is_readable_beside_its_bytes() {
        let actor = ActorId {
            name: ReplicaName::parse("leaf-7").unwrap(),
            incarnation: Incarnation(0xab),
        };
        let note = Note {
            at: Stamp::at_ms(1_700_000_000_042),
            subject: Some("field 9".to_owned()),
            text: "dry\0".to_owned(),
            extra: vec![],
        };
        let dot = Dot { actor, counter: 3 };
        let written = row(&EdgeWrite::Note(dot.clone(), Remark::Written(note)), true);
        assert_eq!(written.id, "note:leaf-7.00000000000000ab.3");
        assert_eq!(written.dot.as_deref(), Some("leaf-7.00000000000000ab.3"));
        assert_eq!(written.value, Some(json!("dry\u{fffd}")));
        assert_eq!(written.written_at.as_deref(), Some("2023-11-14T22:13:20.042Z"));
        assert_eq!((written.subject.as_deref(), written.removed), (Some("field 9"), false));
        let removed = row(&EdgeWrite::Note(dot, Remark::Removed), false);
        assert_eq!((removed.id, removed.value, removed.removed), (written.id, None, true));
        assert!(removed.revision > written.revision);
    }

    #[test]
    fn a_count_is_of_the_region_in_which_it_was_made() {
        let tally = Tally { added: 3, removed: 5 };
        let actor = ActorId {
            name: ReplicaName::parse("leaf-7").unwrap(),
            incarnation: Incarnation(1),
        };
        let name = AttributeName::new("usage").unwrap();
        let count = row(
            &EdgeWrite::Count(name, actor, Region::new("north").unwrap(), tally),
            true,
        );
        assert_eq!((count.region.as_str(), count.value), ("north", Some(json!(-2))));
    }
}
