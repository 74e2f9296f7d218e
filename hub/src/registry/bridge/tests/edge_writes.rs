//! What hubs of other regions wrote into Headland's own table.

use super::*;
use crate::edge::EdgeWrite;
use crate::replica::CommitError;
use headland_shared::actor::{ActorId, Dot, Incarnation};
use headland_shared::element::{Note, Remark, Tally};
use headland_shared::epoch::Position;
use headland_shared::name::{AttributeName, ReplicaName};
use headland_shared::register::{Rank, Write};
use headland_shared::schema::{Declaration, Residency, Writers};
use headland_shared::stamp::Stamp;
use std::fmt::Write as _;

/// A hub that exchanges, with a model and attributes that devices write.
fn hub() -> Hub {
    let mut hub = Hub::new();
    hub.mapping = Mapping::mlflow().with_edge_writes();
    hub.hear(Extent::Whole, &[model("crop")], Removals::Braked).unwrap();
    let declared = hub.replica.commit(NOW, |commit| {
        for (name, residency) in [("availability", Residency::Anywhere), ("local", Residency::Region)] {
            let declaration = Declaration {
                writers: Writers::Devices,
                residency,
                ..Declaration::built_in("availability").unwrap()
            };
            commit.declare(&attribute(name), declaration)?;
        }
        Ok::<_, CommitError>(())
    });
    declared.unwrap();
    hub
}

fn attribute(name: &str) -> AttributeName {
    AttributeName::new(name).unwrap()
}

fn actor() -> ActorId {
    ActorId {
        name: ReplicaName::parse("leaf-7").unwrap(),
        incarnation: Incarnation(0xab),
    }
}

fn note(text: Option<&str>) -> EdgeWrite {
    let remark = text.map_or(Remark::Removed, |text| {
        Remark::Written(Note {
            at: Stamp::at_ms(5),
            subject: None,
            text: text.to_owned(),
            extra: Vec::new(),
        })
    });
    let (actor, counter) = (actor(), 1);
    EdgeWrite::Note(Dot { actor, counter }, remark)
}

fn count(added: u64) -> EdgeWrite {
    let tally = Tally { added, removed: 0 };
    EdgeWrite::Count(attribute("usage"), actor(), Region::new("north").unwrap(), tally)
}

fn says(name: &str, number: u64, value: &str) -> EdgeWrite {
    EdgeWrite::Value {
        attribute: attribute(name),
        member: None,
        rank: Rank::Operator,
        actor: actor(),
        write: Write {
            position: Position {
                life: Life::NONE,
                number,
            },
            sticky: false,
            at: Stamp::at_ms(number),
            value: Some(headland_shared::value::Value::text(value)),
            covers: Default::default(),
        },
    }
}

fn row(hub: &Hub, id: &str, content: &[u8]) -> RowChange {
    let mut hex = String::from("\\x");
    for byte in content {
        write!(hex, "{byte:02x}").unwrap();
    }
    let table = hub.mapping.number_of("headland", "edge_writes").unwrap();
    let row = ["default", "crop", id, &hex].map(|text| Field::Text(text.to_owned()));
    let (before, row) = (None, row.to_vec());
    RowChange::Put { table, before, row }
}

fn commit(hub: &mut Hub, writes: &[EdgeWrite]) -> BridgeApplied {
    let rows: Vec<RowChange> = writes
        .iter()
        .map(|write| row(hub, &write.id(), &write.encoded()))
        .collect();
    hub.commit(&rows)
}

#[test]
fn what_another_region_wrote_is_merged_by_one_commit_and_its_echo_makes_none() {
    let mut hub = hub();
    let writes = [note(Some("dry")), count(5), says("availability", 3, "down")];
    let applied = commit(&mut hub, &writes);
    assert!(applied.seq.is_some() && applied.left_out.0 == 0, "{applied:?}");
    let shown = hub.shown("crop");
    assert_eq!(
        (&shown["counts"]["usage"], &shown["attributes"]["availability"]),
        (&json!(5), &json!("down"))
    );
    assert_eq!(shown["annotations"][0]["text"], "dry");
    let commits = hub.replica.store().read().unwrap().commits(9).unwrap().len();
    assert_eq!(commit(&mut hub, &writes).seq, None);
    // Later and earlier words of the same names, in any order.
    for writes in [[count(9), count(5)], [count(7), count(9)]] {
        commit(&mut hub, &writes);
    }
    commit(&mut hub, &[says("availability", 4, "up"), says("availability", 2, "x")]);
    commit(&mut hub, &[note(None)]);
    assert_eq!(
        commit(&mut hub, &[note(Some("dry"))]).seq,
        None,
        "a removed note stays removed"
    );
    let shown = hub.shown("crop");
    assert_eq!(
        (&shown["counts"]["usage"], &shown["attributes"]["availability"]),
        (&json!(9), &json!("up"))
    );
    assert!(shown["annotations"].is_null(), "{shown}");
    assert_eq!(
        hub.replica.store().read().unwrap().commits(9).unwrap().len(),
        commits,
        "none of it is the registry's"
    );
    assert_eq!(hub.durable(), hub.at);
}

#[test]
fn reading_everything_anew_takes_nothing_of_it_away() {
    let mut hub = hub();
    commit(&mut hub, &[note(Some("dry")), count(5)]);
    hub.hear(Extent::Whole, &[model("crop")], Removals::Braked).unwrap();
    assert_eq!(hub.shown("crop")["counts"]["usage"], 5);
    assert_eq!(hub.shown("crop")["annotations"][0]["text"], "dry");
}

#[test]
fn what_must_not_come_here_is_left_out_and_said() {
    let mut hub = hub();
    for write in [
        says("local", 1, "down"),
        says("unknown", 1, "down"),
        says("usage", 1, "many"),
        says("description", 1, "x"),
    ] {
        let applied = commit(&mut hub, std::slice::from_ref(&write));
        assert_eq!((applied.seq, applied.left_out.0), (None, 1), "{write:?}");
        assert!(applied.left_out.1[0].contains(&write.id()), "{applied:?}");
    }
    let good = note(Some("dry"));
    for (id, content) in [
        (good.id(), vec![]),
        (good.id(), vec![9; 40]),
        (good.id(), good.encoded()[..9].to_vec()),
        ("note:another".to_owned(), good.encoded()),
    ] {
        let change = row(&hub, &id, &content);
        let applied = hub.commit(&[change]);
        assert_eq!((applied.seq, applied.left_out.0), (None, 1), "{id}");
    }
    assert!(hub.shown("crop")["annotations"].is_null());
}

#[test]
fn rows_that_go_and_columns_that_were_not_sent_say_nothing() {
    let mut hub = hub();
    commit(&mut hub, &[note(Some("dry"))]);
    let RowChange::Put {
        table, row: mut fields, ..
    } = row(&hub, &note(None).id(), &[])
    else {
        panic!("a row");
    };
    let key = fields[..3].to_vec();
    fields[3] = Field::Unchanged;
    let before = None;
    for change in [
        RowChange::Put {
            table,
            before,
            row: fields,
        },
        RowChange::Remove { table, key },
        RowChange::Clear { table },
    ] {
        let applied = hub.commit(&[change]);
        assert_eq!((applied.seq, applied.left_out.0), (None, 0));
    }
    assert_eq!(hub.shown("crop")["annotations"][0]["text"], "dry");
    assert_eq!(hub.durable(), hub.at);
}
