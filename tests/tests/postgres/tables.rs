//! Headland's own tables: how they are made, and what is in them.

use crate::place::{DATABASE, Place};
use axum::http::Method;
use serde_json::{Value, json};

/// All that there is in the schema, so that two of them can be compared: columns, indexes, views, comments and rights.
const SHAPE: &str = "
SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
  SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS line
    FROM information_schema.columns WHERE table_schema = 'headland'
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'headland'
  UNION ALL SELECT viewname || definition FROM pg_views WHERE schemaname = 'headland'
  UNION ALL SELECT format('%s %s: %s', c.relname, d.objsubid, d.description) FROM pg_description d
    JOIN pg_class c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'headland'
  UNION ALL SELECT format('%s %s %s', table_name, grantee, privilege_type) FROM information_schema.role_table_grants
    WHERE table_schema = 'headland' AND grantee = 'headland'
  UNION ALL SELECT 'version ' || version FROM headland.schema_version) AS lines";

/// What belongs to the user.
const THEIRS: &str = "SELECT string_agg(format('%s.%s', relname, relacl), ' ' ORDER BY relname) FROM pg_class \
                      WHERE relnamespace = 'public'::regnamespace";

const CROP: &str = "/v1/namespaces/default/models/farm%2F1";

fn annotate(place: &Place, text: &str) -> String {
    let note = place.ask_agent(&format!("{CROP}/annotations"), Some(&json!({ "text": text })));
    note["id"].as_str().unwrap().to_owned()
}

/// How the tables are made by somebody who may: over the server's own socket, as its superuser.
fn admin(place: &Place) {
    let directory = place.cluster.socket_directory().display().to_string();
    place.configure("hub", place.broker(), &format!("host = {directory:?}"));
}

const APPLY: [&str; 5] = ["registry", "init", "--apply", "--user", "postgres"];

#[test]
fn what_is_printed_is_what_is_applied_and_applying_it_again_is_harmless() {
    let Some(place) = Place::new() else { return };
    let theirs = place.sql(THEIRS);
    for wrong in [&["registry", "init"][..], &["registry", "init", "--print", "--apply"]] {
        let (code, said) = place.run(wrong);
        assert_eq!(code, Some(2), "{said}");
    }
    let (code, sql) = place.run(&["registry", "init", "--print"]);
    assert_eq!(code, Some(0), "{sql}");
    place.cluster.sql("postgres", "CREATE DATABASE printed").unwrap();
    for _ in 0..2 {
        place.cluster.sql("printed", &sql).unwrap();
    }
    let (code, said) = place.run(&["registry", "init", "--apply"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("nothing has changed") && said.contains("--user"),
        "{said}"
    );
    assert_eq!(
        place.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'headland'"),
        "0"
    );

    admin(&place);
    let (code, said) = place.run(&APPLY);
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "made: table edge_writes",
        "made: view annotations",
        "granted: GRANT SELECT, INSERT, UPDATE ON headland.edge_writes TO \"headland\";",
        "has version 1",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    let shape = place.sql(SHAPE);
    assert_eq!(place.cluster.sql("printed", SHAPE).unwrap(), shape);
    assert!(
        shape.contains("version 1") && !shape.contains("headland DELETE"),
        "{shape}"
    );

    place.sql("INSERT INTO headland.edge_writes (namespace, model, id, kind, author, region, removed, revision, stamp, content) VALUES ('n', 'm', 'i', 'k', 'a', 'r', false, 0, 0, '')");
    let (code, said) = place.run(&APPLY);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("was there: table edge_writes") && said.contains("already"),
        "{said}"
    );
    assert!(!said.contains("made:"), "{said}");
    assert_eq!((place.sql(SHAPE), place.sql(THEIRS)), (shape, theirs));
    assert_eq!(place.sql("SELECT count(*) FROM headland.edge_writes"), "1");
}

#[test]
fn tables_of_a_later_version_are_left_alone() {
    let Some(place) = Place::new() else { return };
    place.make_own_tables();
    place.sql("INSERT INTO headland.schema_version VALUES (9)");
    admin(&place);
    let (code, said) = place.run(&APPLY);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("use a newer headland-hub"), "{said}");
}

#[test]
fn the_doctor_finds_what_is_missing_of_the_tables_and_its_sql_mends_it() {
    let Some(place) = Place::new() else { return };
    let doctor = |code: i32| -> Vec<String> {
        let (found, said) = place.run(&["doctor", "--json"]);
        assert_eq!(found, Some(code), "{said}");
        let said: Value = serde_json::from_str(said.split("headland-hub: ").next().unwrap()).unwrap();
        let findings = said["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|one| one["mend"].as_str().unwrap().to_owned())
            .collect()
    };
    place.configure("hub", place.broker(), "[registry.writeback]\npostgres = \"write\"");
    assert_eq!(doctor(0).len(), 1, "it can be followed all the same");
    place.configure("hub", place.broker(), "[registry.writeback]\npostgres = \"exchange\"");
    // First the tables, and then their publication.
    for wanted in ["CREATE TABLE IF NOT EXISTS headland.edge_writes", "ALTER PUBLICATION"] {
        let mend = doctor(1);
        assert!(mend.len() == 1 && mend[0].contains(wanted), "{mend:?}");
        place.sql(&mend[0]);
    }
    assert_eq!(doctor(0), Vec::<String>::new());
    place.sql("REVOKE UPDATE ON headland.edge_writes FROM headland; REVOKE USAGE ON SCHEMA headland FROM headland");
    let mend = doctor(1);
    assert_eq!(mend.len(), 1, "{mend:?}");
    place.sql(&mend[0]);
    assert_eq!(doctor(0), Vec::<String>::new());
}

fn notes(place: &Place) -> String {
    place.sql(
        "SELECT note FROM headland.annotations WHERE namespace = 'default' AND model = 'farm/1' ORDER BY written_at",
    )
}

fn until_written(place: &Place) {
    place.until("hub", || {
        let status = place.status()["tables"].clone();
        (status["behind"] == 0 && status["state"] == "closed" && status["detail"].is_null()).then_some(())
    });
}

/// Whoever can read the database sees what devices wrote, by model, whatever died meanwhile.
#[test]
fn what_a_device_wrote_is_in_the_tables_once_though_hub_and_database_die() {
    let Some(mut place) = Place::new() else { return };
    place.configure("hub", place.broker(), "[registry.writeback]\npostgres = \"write\"");
    let mut hub = place.hub_that_follows();
    let _agent = place.agent();
    let dry = annotate(&place, "dry'); DROP SCHEMA headland; --");
    place.until("hub", || {
        let status = place.status()["tables"].clone();
        let open = status["state"] == "open" && status["behind"].as_u64() > Some(0);
        (open && status["detail"].as_str()?.contains("registry init")).then_some(())
    });
    // It may be trying again just now.
    place.until("hub", || {
        let (_, said) = place.run(&["status"]);
        (said.contains("tables") && said.contains("not writing")).then_some(())
    });
    place.until("hub", || {
        let metrics = place.metrics();
        metrics
            .contains("headland_hub_writeback_state{to=\"tables\",state=\"open\"} 1")
            .then_some(())
    });

    place.make_own_tables();
    until_written(&place);
    assert_eq!(notes(&place), "dry'); DROP SCHEMA headland; --");
    let stored = "SELECT string_agg(id || stored_at || xmin, ' ' ORDER BY id) FROM headland.edge_writes";
    let first = place.sql(stored);

    hub.kill();
    place.cluster.kill();
    place.ask_agent(&format!("{CROP}/usage"), Some(&json!({ "amount": 7 })));
    annotate(&place, "slow");
    place.again(&mut hub);
    place.until_state("backing off");
    place.cluster.start_again().unwrap();
    place.until("hub", || (notes(&place).lines().count() == 2).then_some(()));
    until_written(&place);
    assert_eq!(
        place.sql("SELECT total, region FROM headland.counts WHERE model = 'farm/1'"),
        "7|main"
    );
    assert!(
        place.sql(stored).contains(&first),
        "what was there was not written again"
    );

    let rows = place.sql(stored);
    hub.stop();
    // A hub that went back in time writes all of it again, and changes nothing.
    std::fs::remove_file(place.path("hub.redb")).unwrap();
    place.again(&mut hub);
    place.until_it_follows();
    place.until_agent_is_at("hub");
    place.until("hub", || {
        (place.model("farm/1")["annotations"].as_array()?.len() == 2).then_some(())
    });
    until_written(&place);
    assert_eq!(place.sql(stored), rows);

    let gone = format!("{CROP}/annotations/{dry}");
    place.ask("agent", Method::DELETE, &gone, None);
    place.until("hub", || (notes(&place) == "slow").then_some(()));
    assert_eq!(
        place.sql("SELECT count(*) FROM headland.edge_writes WHERE removed"),
        "1"
    );
    assert_eq!(
        place
            .cluster
            .sql(DATABASE, "SELECT count(*) FROM headland.edge_writes")
            .unwrap(),
        "3"
    );
}
