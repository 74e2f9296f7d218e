//! What happens in the database happens at the hub: each kind of change, whole commits, and nothing else.

use crate::place::Place;
use serde_json::json;

#[test]
fn rows_that_were_there_and_each_kind_of_change_are_at_the_hub() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    assert_eq!(place.names().len(), 40);
    let model = place.model("farm/1");
    assert_eq!(
        (&model["current"], &model["attributes"]["task"]),
        (&json!("1"), &json!("detection"))
    );
    assert_eq!(
        model["versions"]["2"]["manifest"],
        json!({ "uri": "s3://models/2", "stage": "None" })
    );

    place.sql("UPDATE registered_model_aliases SET version = 2 WHERE name = 'farm/1'");
    place.until_model("farm/1", |model| model["current"] == "2");
    place.sql("INSERT INTO model_version_tags (name, version, key, value) VALUES ('farm/1', 2, 'approval.field-use', 'approved')");
    place.until_model("farm/1", |model| {
        model["versions"]["2"]["approvals"]["field-use"] == "approved"
    });
    place.sql("UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE name = 'farm/1' AND version = 1");
    place.until_model("farm/1", |model| model["versions"].get("1").is_none());
    place.sql("DELETE FROM registered_models WHERE name = 'farm/7'");
    place.until_model("farm/7", serde_json::Value::is_null);
    place.sql("BEGIN; INSERT INTO registered_models (name) VALUES ('never'); ROLLBACK");
    place.until_it_follows();
    assert!(place.model("never").is_null());
}

#[test]
fn a_renamed_model_takes_everything_along_in_one_commit() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let before = place.model("farm/1");
    let tables = [
        "registered_models",
        "registered_model_tags",
        "registered_model_aliases",
        "model_versions",
    ];
    let renames: Vec<String> = tables
        .iter()
        .map(|table| format!("UPDATE {table} SET name = 'farm/one' WHERE name = 'farm/1'"))
        .collect();
    place.sql(&format!("BEGIN; {}; COMMIT", renames.join("; ")));
    let after = place.until_model("farm/one", |model| !model.is_null());
    for part in ["attributes", "versions", "aliases", "current"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    assert!(place.model("farm/1").is_null());
    let (_, history) = place.run(&["history", "--limit", "1", "--json"]);
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    assert_eq!(
        (&history["commits"][0]["new"], &history["commits"][0]["gone"]),
        (&json!(1), &json!(1))
    );
}

/// A long value is stored apart, and an update of something else does not send it.
#[test]
fn a_long_text_that_an_update_did_not_touch_stays() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let long = "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 150) n";
    place.sql(&format!(
        "UPDATE registered_models SET description = ({long}) WHERE name = 'farm/2'"
    ));
    let model = place.until_model("farm/2", |model| {
        model["attributes"]["description"].as_str().unwrap().len() == 4_800
    });
    place.sql("UPDATE registered_models SET creation_time = 77 WHERE name = 'farm/2'");
    let after = place.until_model("farm/2", |model| model["attributes"]["created_ms"] == 77);
    assert_eq!(after["attributes"]["description"], model["attributes"]["description"]);
}

#[test]
fn a_table_that_gets_another_column_is_followed_on_and_one_that_loses_its_key_halts_until_it_is_back() {
    let Some(place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.may_log("halted");
    place.sql("ALTER TABLE registered_models ADD COLUMN colour text; UPDATE registered_models SET colour = 'green', description = 'changed' WHERE name = 'farm/3'");
    place.until_model("farm/3", |model| model["attributes"]["description"] == "changed");
    place.sql("ALTER TABLE registered_model_tags RENAME COLUMN key TO label; INSERT INTO registered_model_tags (name, label, value) VALUES ('farm/3', 'license', 'mit')");
    let detail = place.until_state("halted");
    assert!(detail.contains("registered_model_tags has no column key"), "{detail}");
    place.sql("ALTER TABLE registered_model_tags RENAME COLUMN label TO key");
    place.until_model("farm/3", |model| model["attributes"]["license"] == "mit");
}

/// The tables of somebody else than MLflow, with a column of JSON.
#[test]
fn a_mapping_of_ones_own_reads_other_tables() {
    let tables = "CREATE TABLE models (id text PRIMARY KEY, task text, card jsonb, stable text); GRANT SELECT ON models TO headland; \
                  CREATE TABLE releases (model text, tag text, uri text, bytes bigint, PRIMARY KEY (model, tag)); GRANT SELECT ON releases TO headland; \
                  CREATE PUBLICATION headland FOR TABLE models, releases; \
                  INSERT INTO models VALUES ('yolo', 'detection', '{\"license\": \"mit\", \"labels\": [\"crop\", \"weed\"], \"map\": 0.51}', 'v2'); \
                  INSERT INTO releases VALUES ('yolo', 'v2', 'oci://models/yolo', 4711)";
    let Some(place) = Place::with("", &[tables]) else {
        return;
    };
    let mapping = place.path("mapping.toml");
    let text = "[[table]]\nname = \"models\"\nrow = \"model\"\nnamespace_is = \"vision\"\nmodel = \"id\"\nmembers = [\"card\"]\n\
                current = \"stable\"\nattributes = { task = \"task\" }\n[[table]]\nname = \"releases\"\nrow = \"version\"\n\
                namespace_is = \"vision\"\nmodel = \"model\"\nversion = \"tag\"\nmanifest = { uri = \"uri\", size = \"bytes\" }\n";
    std::fs::write(&mapping, text).unwrap();
    let lines = format!("mapping = {mapping:?}");
    place.configure("hub", headland_fleet::ports::free_port().unwrap(), &lines);
    let _hub = place.hub_that_follows();
    let (_, shown) = place.run(&["show", "yolo", "--namespace", "vision", "--json"]);
    let model = serde_json::from_str::<serde_json::Value>(&shown).unwrap()["model"].clone();
    assert_eq!(
        model["attributes"],
        json!({ "license": "mit", "labels": ["crop", "weed"], "map": 0.51, "task": "detection" })
    );
    assert_eq!(
        (&model["current"], &model["versions"]["v2"]["manifest"]["size"]),
        (&json!("v2"), &json!(4711))
    );
}
