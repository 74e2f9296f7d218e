mod edge_writes;

use super::*;
use crate::read::Reader;
use crate::registry::Removals;
use crate::replica::{Replica, ReplicaConfig};
use crate::store::Store;
use headland_shared::epoch::Life;
use headland_shared::key::RecordKey;
use headland_shared::name::{ModelName, Namespace, Region};
use headland_shared::query::Catalogue;
use headland_shared::session::Now;
use headland_shared::session::lanes::LaneTimes;
use headland_shared::view::Model;
use redb::Database;
use redb::backends::InMemoryBackend;
use serde_json::{Value, json};

const NOW: Now = Now {
    mono: 1_000,
    wall_ms: 1_000,
};
const SOURCE: Source = Source {
    system: 0x6a86_0000_0001_2345,
    timeline: 1,
};

/// A hub that follows the tables of MLflow.
struct Hub {
    replica: Replica,
    mapping: Mapping,
    life: Life,
    at: u64,
}

impl Hub {
    fn new() -> Self {
        let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new())?);
        let config = ReplicaConfig {
            region: Region::new("main").unwrap(),
            lanes: LaneTimes::default(),
            heartbeat_ms: 10_000,
            live_bytes_max: 65_536,
            retention_ms: 1_000_000,
            boot: 1,
        };
        let store = Store::open(open, 7).unwrap();
        Self {
            replica: Replica::open(store, config, 3, NOW).unwrap(),
            mapping: Mapping::mlflow(),
            life: life_after(SOURCE, None),
            at: 100,
        }
    }

    /// A hub that has read these rows as all that there are.
    fn with(rows: &[RowChange]) -> Self {
        let mut hub = Self::new();
        hub.hear(Extent::Whole, rows, Removals::Braked).unwrap();
        hub
    }

    fn hear(&mut self, extent: Extent, rows: &[RowChange], removals: Removals) -> Result<BridgeApplied, BridgeError> {
        let mut heard = self.heard(extent, rows);
        apply(&mut self.replica, &self.mapping, &mut heard, removals, NOW)
    }

    /// What the database says next.
    fn heard(&mut self, extent: Extent, rows: &[RowChange]) -> RowsHeard {
        self.at += 10;
        let mut spool = Spool::new(std::env::temp_dir());
        for row in rows {
            spool.push(row).unwrap();
        }
        RowsHeard {
            source: SOURCE,
            life: self.life,
            slot: "s".to_owned(),
            end: Lsn(self.at),
            at_ms: 1_000,
            extent,
            requests: Vec::new(),
            rows: spool,
        }
    }

    fn commit(&mut self, rows: &[RowChange]) -> BridgeApplied {
        self.hear(Extent::Commit { xid: 5 }, rows, Removals::Braked).unwrap()
    }

    fn model(&self, name: &str) -> Option<Model> {
        let key = RecordKey {
            namespace: Namespace::new("default").unwrap(),
            name: ModelName::new(name).unwrap(),
        };
        Reader::new(self.replica.store().clone())
            .moment()
            .unwrap()
            .model(&key)
            .unwrap()
    }

    fn shown(&self, name: &str) -> Value {
        serde_json::to_value(self.model(name)).unwrap()
    }

    fn durable(&self) -> u64 {
        self.replica.store().read().unwrap().bridged().unwrap().unwrap().durable
    }
}

fn text(text: &str) -> Field {
    match text {
        "~" => Field::Unchanged,
        "" => Field::Null,
        _ => Field::Text(text.to_owned()),
    }
}

fn fields(texts: &[&str]) -> Vec<Field> {
    ["default"].iter().chain(texts).map(|one| text(one)).collect()
}

fn put(table: &str, texts: &[&str]) -> RowChange {
    let table = Mapping::mlflow().number_of("public", table).unwrap();
    let (before, row) = (None, fields(texts));
    RowChange::Put { table, before, row }
}

fn remove(table: &str, texts: &[&str]) -> RowChange {
    let table = Mapping::mlflow().number_of("public", table).unwrap();
    RowChange::Remove {
        table,
        key: fields(texts),
    }
}

fn model(name: &str) -> RowChange {
    put("registered_models", &[name, "1", "about"])
}

/// A version in the order of the profile's columns: by the names of the manifest's fields, then the conditions.
fn version(name: &str, number: &str, source: &str, stage: &str, status: &str) -> RowChange {
    let table = &Mapping::mlflow().tables()[3].clone();
    let value = |column: &String| match column.as_str() {
        "workspace" => "default",
        "name" => name,
        "version" => number,
        "source" => source,
        "current_stage" => stage,
        "status" => status,
        _ => "",
    };
    let row = table.columns.iter().map(|column| text(value(column))).collect();
    let before = None;
    RowChange::Put { table: 3, before, row }
}

fn crop() -> Vec<RowChange> {
    vec![
        model("crop"),
        put("registered_model_tags", &["crop", "task", "detection"]),
        put("registered_model_tags", &["crop", "license", "mit"]),
        put("registered_model_tags", &["crop", "edge.seen", "3"]),
        version("crop", "1", "s3://models/1", "None", "READY"),
        version("crop", "2", "s3://models/2", "None", "READY"),
        put("registered_model_aliases", &["crop", "champion", "1"]),
        put("model_version_tags", &["crop", "1", "digest", "sha256:ab"]),
        put("model_version_tags", &["crop", "1", "approval.field-use", "approved"]),
    ]
}

#[test]
fn rows_of_five_tables_are_one_model() {
    let hub = Hub::with(&crop());
    let shown = hub.shown("crop");
    assert_eq!(shown["attributes"]["task"], "detection");
    assert_eq!(shown["attributes"]["license"], "mit");
    assert_eq!(shown["attributes"].get("edge.seen"), None);
    assert_eq!(shown["current"], "1");
    assert_eq!(shown["aliases"], json!({ "champion": "1" }));
    assert_eq!(
        shown["versions"]["1"]["manifest"],
        json!({ "uri": "s3://models/1", "stage": "None", "digest": "sha256:ab" })
    );
    assert_eq!(shown["versions"]["1"]["approvals"], json!({ "field-use": "approved" }));
    assert_eq!(shown["versions"]["2"]["manifest"]["uri"], "s3://models/2");
}

#[test]
fn a_moved_alias_and_a_removed_tag_are_one_small_change_each() {
    let mut hub = Hub::with(&crop());
    let applied = hub.commit(&[put("registered_model_aliases", &["crop", "champion", "2"])]);
    assert_eq!((applied.new, applied.changed, applied.gone), (0, 1, 0));
    assert_eq!(hub.shown("crop")["current"], "2");
    hub.commit(&[remove("registered_model_tags", &["crop", "license"])]);
    assert_eq!(hub.shown("crop")["attributes"].get("license"), None);
    hub.commit(&[remove("registered_model_aliases", &["crop", "champion"])]);
    let shown = hub.shown("crop");
    assert_eq!((shown.get("current"), shown.get("aliases")), (None, None));
}

#[test]
fn a_version_that_is_deleted_softly_is_gone_and_one_that_becomes_ready_has_its_tags() {
    let mut hub = Hub::with(&crop());
    hub.commit(&[version(
        "crop",
        "2",
        "REDACTED-SOURCE-PATH",
        "Deleted_Internal",
        "READY",
    )]);
    assert_eq!(hub.shown("crop")["versions"].get("2"), None);
    hub.commit(&[
        version("crop", "3", "s3://models/3", "None", "PENDING_REGISTRATION"),
        put("model_version_tags", &["crop", "3", "digest", "sha256:cd"]),
    ]);
    assert_eq!(hub.shown("crop")["versions"].get("3"), None);
    hub.commit(&[version("crop", "3", "s3://models/3", "None", "READY")]);
    assert_eq!(hub.shown("crop")["versions"]["3"]["manifest"]["digest"], "sha256:cd");
}

#[test]
fn a_long_value_that_was_not_sent_is_what_it_was_and_null_is_not() {
    let mut hub = Hub::with(&crop());
    hub.commit(&[put("registered_models", &["crop", "2", "~"])]);
    let shown = hub.shown("crop");
    assert_eq!(
        (&shown["attributes"]["created_ms"], &shown["attributes"]["description"]),
        (&json!("2"), &json!("about"))
    );
    hub.commit(&[put("registered_models", &["crop", "2", ""])]);
    assert_eq!(hub.shown("crop")["attributes"].get("description"), None);
}

#[test]
fn a_long_value_of_a_row_that_is_not_known_asks_for_everything() {
    let mut hub = Hub::with(&crop());
    let heard = hub.hear(
        Extent::Commit { xid: 5 },
        &[put("registered_models", &["other", "2", "~"])],
        Removals::Braked,
    );
    assert!(matches!(heard, Err(BridgeError::Gap)));
    assert_eq!(hub.durable(), 110);
}

#[test]
fn a_renamed_model_takes_all_its_rows_along() {
    let mut hub = Hub::with(&crop());
    let renamed: Vec<RowChange> = crop()
        .into_iter()
        .map(|change| match change {
            RowChange::Put { table, mut row, .. } => {
                let keys = Mapping::mlflow().tables()[usize::from(table)].keys;
                let before = Some(row[..keys].to_vec());
                row[1] = text("crops");
                RowChange::Put { table, before, row }
            }
            other => other,
        })
        .collect();
    let before = hub.shown("crop");
    let applied = hub.commit(&renamed);
    assert_eq!((applied.new, applied.gone), (1, 1));
    assert_eq!(hub.model("crop"), None);
    let after = hub.shown("crops");
    for part in ["attributes", "versions", "aliases", "current"] {
        assert_eq!(after[part], before[part], "{part}");
    }
}

#[test]
fn what_nobody_sees_moves_the_position_and_makes_no_commit() {
    let mut hub = Hub::with(&crop());
    let head = hub.replica.store().read().unwrap().numbers().unwrap().head;
    let applied = hub.commit(&[put("registered_model_tags", &["crop", "edge.seen", "4"])]);
    assert_eq!(applied.seq, None);
    hub.hear(Extent::Position, &[], Removals::Braked).unwrap();
    assert_eq!(hub.durable(), 130);
    assert_eq!(hub.replica.store().read().unwrap().numbers().unwrap().head, head);
}

#[test]
fn a_truncated_table_is_held_until_somebody_releases_it() {
    let rows: Vec<RowChange> = (0..40).map(|nth| model(&format!("m{nth}"))).collect();
    let mut hub = Hub::with(&rows);
    let truncate = [RowChange::Clear { table: 0 }];
    let extent = Extent::Commit { xid: 9 };
    let held = hub.hear(extent, &truncate, Removals::Braked);
    let Err(BridgeError::Held(held)) = held else {
        panic!("{held:?}");
    };
    assert_eq!((held.gone, held.held), (40, 40));
    assert!(hub.model("m3").is_some());
    let applied = hub.hear(extent, &truncate, Removals::Allowed).unwrap();
    assert_eq!(applied.gone, 40);
    assert_eq!(hub.model("m3"), None);
}

#[test]
fn one_model_of_few_may_go() {
    let mut hub = Hub::with(&[model("a"), model("b")]);
    assert_eq!(hub.commit(&[remove("registered_models", &["a"])]).gone, 1);
}

#[test]
fn reading_everything_anew_takes_away_what_is_no_longer_there() {
    let mut hub = Hub::with(&[
        model("a"),
        model("b"),
        put("registered_model_tags", &["a", "task", "x"]),
    ]);
    let applied = hub.hear(Extent::Whole, &[model("a")], Removals::Braked).unwrap();
    assert_eq!((applied.new, applied.changed, applied.gone), (0, 1, 1));
    assert_eq!((hub.model("b"), hub.shown("a")["attributes"].get("task")), (None, None));
}

#[test]
fn what_was_taken_over_already_is_not_taken_over_again() {
    let mut hub = Hub::with(&crop());
    hub.commit(&[model("later")]);
    hub.at -= 20;
    let again = hub.hear(
        Extent::Commit { xid: 5 },
        &[remove("registered_models", &["later"])],
        Removals::Braked,
    );
    assert!(matches!(again, Err(BridgeError::Gap)));
    assert!(hub.model("later").is_some());
}

#[test]
fn a_revocation_stays_whatever_the_table_says_later() {
    let mut hub = Hub::with(&crop());
    for outcome in ["revoked", "approved"] {
        hub.commit(&[put("model_version_tags", &["crop", "1", "approval.field-use", outcome])]);
    }
    assert_eq!(hub.shown("crop")["versions"]["1"]["approvals"]["field-use"], "revoked");
}

#[test]
fn what_the_catalogue_cannot_hold_is_left_out_with_its_reason() {
    let long = "x".repeat(70_000);
    let mut rows = crop();
    rows.push(put("registered_model_tags", &["crop", "readme", &long]));
    rows.push(put("registered_model_tags", &["crop", "usage", "4"]));
    let mut hub = Hub::new();
    let applied = hub.hear(Extent::Whole, &rows, Removals::Braked).unwrap();
    let (count, reasons) = applied.left_out;
    assert_eq!(count, 2, "{reasons:?}");
    assert!(
        reasons.iter().any(|reason| reason.contains("attribute readme")),
        "{reasons:?}"
    );
    assert!(
        reasons.iter().any(|reason| reason.contains("counted by devices")),
        "{reasons:?}"
    );
    assert_eq!(hub.shown("crop")["attributes"]["task"], "detection");
}

#[test]
fn of_too_many_versions_the_latest_and_the_named_ones_are_held() {
    let mut rows = crop();
    rows.extend((3..2_000).map(|nth| version("crop", &nth.to_string(), "s3://models/some/where", "None", "READY")));
    let mut hub = Hub::new();
    let applied = hub.hear(Extent::Whole, &rows, Removals::Braked).unwrap();
    assert_eq!(applied.left_out.0, 1, "{:?}", applied.left_out.1);
    let shown = hub.shown("crop");
    let versions = shown["versions"].as_object().unwrap();
    assert!(versions.contains_key("1") && versions.contains_key("1999") && !versions.contains_key("3"));
}

#[test]
fn commits_that_are_stored_together_are_commits_of_their_own_and_told_together() {
    let status = |value| put("registered_model_tags", &["a", "status", value]);
    let mut hub = Hub::with(&[model("a"), status("new")]);
    while hub.replica.poll().is_some() {}
    let head = hub.replica.store().read().unwrap().numbers().unwrap().head.seq;
    let mut heard =
        ["tried", "approved", "approved"].map(|value| hub.heard(Extent::Commit { xid: 5 }, &[status(value)]));
    let applied = apply_each(&mut hub.replica, &hub.mapping, &mut heard, Removals::Braked, NOW).unwrap();
    let seqs: Vec<_> = applied.iter().map(|one| one.seq).collect();
    assert_eq!(seqs, [Some(head.next()), Some(head.next().next()), None]);
    assert_eq!(hub.durable(), hub.at);
    assert_eq!(hub.shown("a")["attributes"]["status"], "approved");
    let frames = std::iter::from_fn(|| hub.replica.poll()).count();
    assert_eq!(frames, 1, "what is urgent, once");
}

#[test]
fn of_commits_that_are_stored_together_none_counts_when_one_does_not() {
    let mut hub = Hub::with(&[model("a")]);
    let durable = hub.durable();
    let commit = Extent::Commit { xid: 5 };
    let mut heard = [hub.heard(commit, &[model("b")]), hub.heard(commit, &[model("c")])];
    heard[1].end = Lsn(durable);
    let refused = apply_each(&mut hub.replica, &hub.mapping, &mut heard, Removals::Braked, NOW);
    assert!(matches!(refused, Err(BridgeError::Gap)), "{refused:?}");
    assert!(hub.model("b").is_none() && hub.durable() == durable);
    let [first, _] = &mut heard;
    apply(&mut hub.replica, &hub.mapping, first, Removals::Braked, NOW).unwrap();
    assert!(hub.model("b").is_some() && hub.durable() == first.end.0);
}
