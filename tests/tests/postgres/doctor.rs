//! What is not as it should be is said before anything is done, with the SQL that mends it.

use crate::place::{DATABASE, PUBLICATION, Place};
use headland_fleet::ports::free_port;

#[test]
fn each_want_is_found_and_its_sql_mends_it() {
    let Some(place) = Place::without_publication() else {
        return;
    };
    place
        .cluster
        .sql("postgres", "ALTER ROLE headland NOREPLICATION")
        .unwrap();
    place.sql("REVOKE SELECT ON registered_models FROM headland");
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("3 things that the hub cannot do without"), "{said}");
    // The suggestions are lines of their own, and SQL as it is.
    for line in said.lines().filter_map(|line| line.strip_prefix("  ")) {
        place.sql(line.split("--").next().unwrap());
    }
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("can be followed"), "{said}");
    let _hub = place.hub_that_follows();
}

/// A publication of a table whose rows have no identity makes its updates fail in the program that owns it.
#[test]
fn nothing_is_suggested_that_would_break_the_tables_own_program() {
    let Some(place) = Place::without_publication() else {
        return;
    };
    place.sql("ALTER TABLE registered_models DROP CONSTRAINT registered_models_pkey");
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        !said.contains("CREATE PUBLICATION") && said.contains("REPLICA IDENTITY"),
        "{said}"
    );
    place.sql("ALTER TABLE registered_models ADD PRIMARY KEY (workspace, name)");
    place.sql("CREATE TABLE notes (text text)");
    place.sql(&format!("{PUBLICATION}, notes"));
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("updates and deletions of it fail") && said.contains("DROP TABLE public.notes"),
        "{said}"
    );
}

/// A publication of some rows makes updates fail where the condition is not of the identity, and of those that it leaves
/// out only the copy would tell.
#[test]
fn a_publication_of_some_rows_is_not_followed_and_the_sql_that_mends_it_is_printed() {
    let Some(place) = Place::new() else { return };
    place.sql(
        "ALTER PUBLICATION headland DROP TABLE registered_models; \
         ALTER PUBLICATION headland ADD TABLE registered_models WHERE (description IS NOT NULL)",
    );
    let update = "UPDATE registered_models SET description = 'other' WHERE name = 'farm/1'";
    let broken = place
        .cluster
        .sql(crate::place::DATABASE, update)
        .unwrap_err()
        .to_string();
    assert!(broken.contains("replica identity"), "{broken}");
    let mut hub = place.hub();
    hub.may_log("halted");
    let detail = place.until_state("halted");
    assert!(detail.contains("only rows of public.registered_models"), "{detail}");
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    let mend = said
        .lines()
        .find(|line| line.contains("DROP TABLE \"public\".\"registered_models\"; ALTER"));
    place.sql(mend.unwrap_or_else(|| panic!("{said}")));
    place.sql(update);
    place.until_model("farm/1", |model| model["attributes"]["description"] == "other");
    place.until_it_follows();
}

#[test]
fn a_server_that_cannot_prove_its_name_is_not_believed_and_a_wrong_password_is_said() {
    let Some(place) = Place::new() else { return };
    place.configure("hub", free_port().unwrap(), "host = \"127.0.0.1\"");
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("TLS connection") && said.contains("root_certificates"),
        "{said}"
    );
    let wrong = place.path("wrong");
    std::fs::write(&wrong, "something else").unwrap();
    place.configure("hub", free_port().unwrap(), &format!("password_file = {wrong:?}"));
    let mut hub = place.hub();
    hub.may_log("halted");
    let detail = place.until_state("halted");
    assert!(detail.contains("28P01"), "{detail}");
    std::fs::write(&wrong, headland_fleet::postgres::PASSWORD).unwrap();
    place.until_it_follows();
}

#[test]
fn settings_of_the_server_that_lose_or_keep_too_much_are_named() {
    let Some(place) = Place::with_tables("max_slot_wal_keep_size = -1\nsynchronous_standby_names = ''\n") else {
        return;
    };
    place.sql("ALTER SYSTEM SET wal_level = 'replica'");
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(0), "not before its next start: {said}");
    assert!(said.contains("max_slot_wal_keep_size has no limit"), "{said}");
    let mut place = place;
    place.cluster.stop();
    place.cluster.start_again().unwrap();
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("wal_level is replica") && said.contains("SET wal_level = 'logical'"),
        "{said}"
    );
}

#[test]
fn limits_that_are_used_up_are_named_with_their_counts_and_their_sql_mends_them() {
    let lines =
        "max_replication_slots = 1\nmax_wal_senders = 1\nwal_sender_timeout = '2s'\nmax_slot_wal_keep_size = '64MB'\n";
    let Some(mut place) = Place::with_tables(lines) else {
        return;
    };
    place.sql("SELECT pg_create_logical_replication_slot('other', 'pgoutput')");
    let mut other = place.cluster.occupy(DATABASE, "other", "headland").unwrap();
    place.until("hub", || {
        (place.sql("SELECT active FROM pg_replication_slots") == "t").then_some(())
    });
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    for text in [
        "1 of max_replication_slots = 1",
        "1 of max_wal_senders = 1",
        "max_slot_wal_keep_size is 64 MB",
        "wal_sender_timeout is 2000 ms",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    other.kill().unwrap();
    other.wait().unwrap();
    // One statement each: what changes the server's settings is no part of a transaction.
    for line in said.lines().filter_map(|line| line.strip_prefix("  ")) {
        for statement in line.split("--").next().unwrap().split(';').map(str::trim) {
            if !statement.is_empty() {
                place.sql(statement);
            }
        }
    }
    place.cluster.stop();
    place.cluster.start_again().unwrap();
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("note:"), "{said}");
    let _hub = place.hub_that_follows();
}

#[test]
fn a_server_that_does_not_let_the_hub_in_is_told_the_line_that_lets_it() {
    let Some(place) = Place::new() else { return };
    place
        .cluster
        .admit("hostssl mlflow headland 127.0.0.1/32 reject")
        .unwrap();
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("does not let the hub in") && said.contains("`hostssl mlflow headland THE-HUBS-ADDRESS/32"),
        "{said}"
    );
    // What it says, with the address that it cannot know.
    let line = said.split('`').nth(1).unwrap().replace("THE-HUBS-ADDRESS", "127.0.0.1");
    place
        .cluster
        .admit(&format!("{line}\nhostssl mlflow headland 127.0.0.1/32 reject"))
        .unwrap();
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(0), "{said}");
}
