//! Mistakes that would take much away wait for a person.

use crate::place::Place;

#[test]
fn a_truncated_table_is_held_and_released_by_a_person() {
    let Some(place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.may_log("held: it would withdraw 40 of 40 models");
    place.sql("TRUNCATE registered_models");
    let detail = place.until_state("held");
    assert!(detail.contains("headland-hub release"), "{detail}");
    assert_eq!(place.names().len(), 40);
    place.release();
    place.until("hub", || place.names().is_empty().then_some(()));
    place.sql("INSERT INTO registered_models (name) VALUES ('after')");
    place.until_model("after", |model| !model.is_null());
}

#[test]
fn a_database_that_was_emptied_while_the_hub_was_away_is_held_as_well() {
    let Some(place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.stop();
    place.sql("SELECT pg_drop_replication_slot('headland_main'); DELETE FROM registered_models WHERE name <> 'farm/1'");
    hub.may_log("held: it would withdraw 39 of 40 models");
    place.again(&mut hub);
    place.until_state("held");
    assert_eq!(place.names().len(), 40);
    assert_ne!(place.release()["state"], "held");
    place.until("hub", || (place.names() == ["farm/1"]).then_some(()));
    place.until_it_follows();
}

#[test]
fn what_this_hub_follows_is_not_imported_into() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let file = place.path("models.jsonl");
    std::fs::write(&file, "{\"id\": \"a\", \"attributes\": {}}\n").unwrap();
    let (code, said) = place.run(&["import", file.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("follows the one of database postgresql://localhost"),
        "{said}"
    );
}
