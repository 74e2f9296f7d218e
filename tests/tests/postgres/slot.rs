//! Slots: lost, taken, poisoned, and the log that they keep.

use crate::place::{DATABASE, Place};
use headland_fleet::ports::free_port;

/// Everything that is kept for the hub's slot, in bytes.
fn kept(place: &Place) -> u64 {
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint FROM pg_replication_slots";
    place.sql(sql).parse().unwrap()
}

#[test]
fn tables_that_rest_do_not_keep_the_log_of_busy_ones() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let busy = "INSERT INTO metrics (payload) SELECT repeat(md5(n::text), 30) FROM generate_series(1, 20000) n";
    place.sql(busy);
    place.sql("CHECKPOINT");
    place.until("hub", || (kept(&place) < 1_000_000).then_some(()));
    let head = place.status()["head"].as_u64();
    place.until_it_follows();
    assert_eq!(
        place.status()["head"].as_u64(),
        head,
        "a position by itself is no commit"
    );
}

#[test]
fn a_lost_slot_is_made_anew_and_what_went_meanwhile_goes_here() {
    let lines = "max_slot_wal_keep_size = '32MB'\nmax_wal_size = '32MB'\nmin_wal_size = '32MB'";
    let Some(place) = Place::with_tables(lines) else { return };
    let mut hub = place.hub_that_follows();
    let life = place.registry()["life"].clone();
    hub.stop();
    place.sql("DELETE FROM registered_models WHERE name = 'farm/5'; INSERT INTO registered_models (name) VALUES ('meanwhile')");
    place.until("hub", || {
        place.sql("INSERT INTO metrics (payload) SELECT repeat(md5(n::text), 30) FROM generate_series(1, 20000) n");
        place.sql("CHECKPOINT; SELECT pg_switch_wal()");
        (place.sql("SELECT wal_status FROM pg_replication_slots") == "lost").then_some(())
    });
    place.again(&mut hub);
    place.until_model("meanwhile", |model| !model.is_null());
    assert!(place.model("farm/5").is_null());
    place.until_it_follows();
    assert_eq!(place.registry()["life"], life, "it is the same history");
    assert_eq!(place.follow()["database"]["wal_status"], "reserved");
}

#[test]
fn a_slot_that_another_program_uses_is_waited_for() {
    let Some(place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.stop();
    let mut other = place.cluster.occupy(DATABASE, "headland_main", "headland").unwrap();
    place.until("hub", || {
        (place.sql("SELECT active FROM pg_replication_slots") == "t").then_some(())
    });
    place.again(&mut hub);
    let detail = place.until("hub", || {
        let follow = place.follow();
        (follow["state"] == "backing off").then(|| follow["detail"].as_str().unwrap().to_owned())
    });
    assert!(detail.contains("55006"), "{detail}");
    other.kill().unwrap();
    other.wait().unwrap();
    place.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active");
    place.until_it_follows();
}

#[test]
fn of_two_hubs_with_one_slot_one_follows_and_the_other_waits_for_its_end() {
    let Some(place) = Place::new() else { return };
    let mut first = place.hub_that_follows();
    place.configure("second", free_port().unwrap(), "");
    let second = place.start("second");
    let state = |name: &str| {
        let socket = place.path(&format!("{name}.sock"));
        let answer =
            headland_host::control::request_blocking(&socket, axum::http::Method::GET, "/v1/status", None, 30_000);
        answer.unwrap().1["follow"]["state"].as_str().unwrap().to_owned()
    };
    place.until("second", || (state("second") == "backing off").then_some(()));
    assert_eq!(state("hub"), "following");
    first.kill();
    place.until("second", || (state("second") == "following").then_some(()));
    drop(second);
}

/// Creating the publication after the change was made does not help the slot that must decode the change.
#[test]
fn a_publication_that_was_missing_when_a_change_was_made_costs_a_new_slot_and_no_row() {
    let Some(place) = Place::without_publication() else {
        return;
    };
    let mut hub = place.hub();
    hub.may_log("halted: publication headland is not there");
    let detail = place.until_state("halted");
    assert!(detail.contains("headland-hub doctor"), "{detail}");
    place.sql(crate::place::PUBLICATION);
    place.until_it_follows();
    hub.stop();
    place.sql("DROP PUBLICATION headland");
    place.sql("INSERT INTO registered_models (name) VALUES ('unpublished')");
    place.sql(crate::place::PUBLICATION);
    place.again(&mut hub);
    place.until_model("unpublished", |model| !model.is_null());
    place.until_it_follows();
}

/// One code of the server says both that the slot is not there and that the publication is not.
#[test]
fn a_slot_that_is_gone_is_made_anew_and_a_publication_that_is_gone_is_said() {
    let Some(place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.may_log("halted: publication headland is not there");
    hub.stop();
    place.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
    place.sql("INSERT INTO registered_models (name) VALUES ('meanwhile')");
    place.again(&mut hub);
    place.until_model("meanwhile", |model| !model.is_null());
    place.until_it_follows();
    assert_eq!(place.follow()["database"]["copies"], 1);
    place.sql("DROP PUBLICATION headland");
    place.sql("INSERT INTO registered_models (name) VALUES ('unpublished')");
    let detail = place.until_state("halted");
    assert!(detail.contains("publication headland is not there"), "{detail}");
    place.sql(crate::place::PUBLICATION);
    place.until_model("unpublished", |model| !model.is_null());
    place.until_it_follows();
}

#[test]
fn a_hub_that_is_stopped_for_too_long_is_thrown_out_and_comes_back() {
    let Some(place) = Place::with_tables("wal_sender_timeout = '2s'") else {
        return;
    };
    let hub = place.hub_that_follows();
    let pid = rustix::process::Pid::from_raw(hub.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    place.until("hub", || {
        (place.sql("SELECT active FROM pg_replication_slots") == "f").then_some(())
    });
    place.sql("INSERT INTO registered_models (name) VALUES ('while it was stopped')");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    place.until_model("while it was stopped", |model| !model.is_null());
    place.until_it_follows();
}
