//! What is not as it should be is said before anything is done, with the SQL that mends it.

use crate::place::{PUBLICATION, Place};
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
