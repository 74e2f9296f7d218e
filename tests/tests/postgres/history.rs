//! Databases and hubs that go back in time or another way.

use crate::place::Place;
use headland_fleet::ports::free_port;

#[test]
fn a_restored_database_is_read_anew_as_a_later_life_and_its_slot_is_not_poisoned() {
    let Some(mut place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.stop();
    place.cluster.stop();
    place.cluster.back_up().unwrap();
    place.cluster.start_again().unwrap();
    place.again(&mut hub);
    place.sql("INSERT INTO registered_models (name) VALUES ('lost')");
    place.until_model("lost", |model| !model.is_null());
    let before = place.registry();
    hub.stop();
    place.cluster.stop();
    place.cluster.restore().unwrap();
    place.cluster.start_again().unwrap();
    place.again(&mut hub);
    place.until_model("lost", serde_json::Value::is_null);
    place.until_it_follows();
    place.sql("INSERT INTO registered_models (name) VALUES ('after')");
    place.until_model("after", |model| !model.is_null());
    let after = place.registry();
    assert_eq!(
        after["life"], before["life"],
        "the same cluster, counted on within its number"
    );
    assert_ne!(after, before);
}

/// Positions alone do not tell: the restored database has written more than the hub had seen.
#[test]
fn a_restored_database_that_has_overtaken_what_is_held_is_noticed() {
    let Some(mut place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.stop();
    place.cluster.stop();
    place.cluster.back_up().unwrap();
    place.cluster.start_again().unwrap();
    place.again(&mut hub);
    place.sql("INSERT INTO registered_models (name) VALUES ('lost')");
    place.until_model("lost", |model| !model.is_null());
    hub.stop();
    place.cluster.stop();
    place.cluster.restore().unwrap();
    place.cluster.start_again().unwrap();
    place.sql("INSERT INTO registered_models (name) SELECT 'other/' || n FROM generate_series(1, 3) n");
    place.sql("INSERT INTO metrics (payload) SELECT repeat(md5(n::text), 30) FROM generate_series(1, 3000) n");
    place.sql("INSERT INTO registered_models (name) VALUES ('last')");
    place.again(&mut hub);
    place.until_model("last", |model| !model.is_null());
    place.until_model("other/1", |model| !model.is_null());
    place.until_model("lost", serde_json::Value::is_null);
}

#[test]
fn a_restored_hub_is_not_left_with_a_gap() {
    let Some(place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.stop();
    std::fs::copy(place.path("hub.redb"), place.path("backup.redb")).unwrap();
    place.again(&mut hub);
    place.sql(
        "INSERT INTO registered_models (name) VALUES ('seen'); DELETE FROM registered_models WHERE name = 'farm/9'",
    );
    place.until_model("seen", |model| !model.is_null());
    place.until_model("farm/9", serde_json::Value::is_null);
    place.until_it_follows();
    hub.stop();
    std::fs::copy(place.path("backup.redb"), place.path("hub.redb")).unwrap();
    place.again(&mut hub);
    place.until_model("seen", |model| !model.is_null());
    assert!(place.model("farm/9").is_null());
}

#[test]
fn a_promoted_standby_is_a_later_life_and_everything_is_read_anew() {
    let Some(mut place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.may_log("halted: the server is a standby");
    let before = place.registry();
    let mut standby = place.cluster.standby().unwrap();
    place.sql("INSERT INTO registered_models (name) VALUES ('confirmed')");
    place.until_model("confirmed", |model| !model.is_null());
    place.until("hub", || {
        let here = standby.sql(
            "mlflow",
            "SELECT count(*) FROM registered_models WHERE name = 'confirmed'",
        );
        (here.unwrap() == "1").then_some(())
    });
    place.cluster.stop();
    // The name of the database now means the standby.
    standby.take_port_of(&place.cluster).unwrap();
    standby.promote().unwrap();
    standby
        .sql("mlflow", "INSERT INTO registered_models (name) VALUES ('promoted')")
        .unwrap();
    place.until_model("promoted", |model| !model.is_null());
    assert!(!place.model("confirmed").is_null());
    let after = place.registry();
    assert_eq!(after["life"], before["life"], "the same cluster on another timeline");
    assert_eq!(place.follow()["database"]["copies"], 2);
}

/// Each has read everything at another moment, so that they hold equal values of different commits.
#[test]
fn two_hubs_that_follow_one_database_agree_on_its_life_and_an_agent_moves_between_them() {
    let Some(place) = Place::new() else { return };
    let mut first = place.hub_that_follows();
    place.sql("UPDATE registered_models SET description = 'early' WHERE name = 'farm/1'");
    place.until_model("farm/1", |model| model["attributes"]["description"] == "early");
    let other = free_port().unwrap();
    place.configure("second", other, "slot = \"headland_second\"");
    let mut second = place.start("second");
    place.until("second", || {
        (place.try_status("second")?["follow"]["state"] == "following").then_some(())
    });
    let _agent = place.agent_of(&[place.broker(), other]);
    place.sql("INSERT INTO registered_models (name) VALUES ('late')");
    place.until_model("late", |model| !model.is_null());
    place.until_agent_is_at("hub");
    // Where in the database's log each has learnt a value is in no digest.
    place.until("second", || {
        let digest = |name: &str| Some(place.try_status(name)?["digest"].clone());
        (digest("hub")? == digest("second")?).then_some(())
    });
    first.kill();
    place.until_agent_is_at("second");
    let models = |name: &str| place.try_status(name).unwrap()["models"].as_u64();
    assert_eq!((models("agent"), models("second")), (Some(41), Some(41)));
    place.sql("DELETE FROM registered_models WHERE name = 'late'");
    place.until("agent", || (models("agent") == Some(40)).then_some(()));
    place.until_agent_is_at("second");
    let life = |name: &str| place.try_status(name).unwrap()["registry"]["life"].clone();
    place.again(&mut first);
    assert_eq!(life("hub"), life("second"));
    second.kill();
    place.until_agent_is_at("hub");
}
