//! Commits that standbys must confirm.

use crate::place::Place;

/// The server sends a commit to the hub before its standbys have it, and before anybody else can see it.
#[test]
fn what_the_standbys_have_not_confirmed_is_not_at_the_hub() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    place.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    place.sql("SELECT pg_reload_conf()");
    place.until("hub", || {
        (place.follow()["database"]["synchronous"] == true).then_some(())
    });
    let mut session = place.cluster.session("mlflow").unwrap();
    std::thread::scope(|scope| {
        let insert = scope.spawn(move || session.run("INSERT INTO registered_models (name) VALUES ('unconfirmed')"));
        place.until_state("waiting");
        assert!(place.model("unconfirmed").is_null());
        assert!(!insert.is_finished());
        place.sql("ALTER SYSTEM RESET synchronous_standby_names");
        place.sql("SELECT pg_reload_conf()");
        insert.join().unwrap().unwrap();
    });
    place.until_model("unconfirmed", |model| !model.is_null());
    place.until_it_follows();
}
