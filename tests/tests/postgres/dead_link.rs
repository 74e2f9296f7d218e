//! Connections that are dead and do not say so: nothing arrives, and nothing ends.

use crate::detour::Detour;
use crate::place::{DATABASE, Place};
use headland_fleet::fleet::program::Program;
use std::time::{Duration, Instant};

/// The server waits 10 s for whoever follows it, and is given as long; some seconds more on a machine that compiles.
const NOTICED_WITHIN: Duration = Duration::from_secs(25);

/// A place whose hub reaches the database over a link that may swallow everything.
struct Link {
    detour: Detour,
    place: Place,
    _hub: Program,
}

impl Link {
    fn new() -> Option<Self> {
        let place = Place::new()?;
        let detour = Detour::to(place.cluster.port());
        place.configure("hub", place.broker(), &format!("port = {}", detour.port));
        let mut hub = place.hub_that_follows();
        hub.may_log("not following");
        Some(Self {
            detour,
            place,
            _hub: hub,
        })
    }

    /// The way is free again, and what was swallowed stays lost.
    fn mend(&self) {
        self.detour.proxy.cut();
        self.detour.proxy.swallow(false);
        self.detour.proxy.restore();
    }
}

#[test]
fn a_stream_on_which_nothing_comes_any_more_is_left_in_bounded_time_with_its_reason() {
    let Some(link) = Link::new() else { return };
    let place = &link.place;
    let begun = Instant::now();
    link.detour.proxy.swallow(true);
    place.sql("INSERT INTO registered_models (name) VALUES ('unheard')");
    let reason = place.until_state("backing off");
    assert!(begun.elapsed() < NOTICED_WITHIN, "{:?}", begun.elapsed());
    assert!(reason.contains("nothing came for 10 s"), "{reason}");
    link.mend();
    place.until_model("unheard", |model| !model.is_null());
    place.until_it_follows();
    assert_eq!(place.follow()["database"]["copies"], 1, "nothing was read anew");
}

/// What waits for the standbys waits as long as it takes, but not for an answer that was lost.
#[test]
fn a_wait_for_the_standbys_whose_answer_was_swallowed_is_left_in_bounded_time() {
    let Some(link) = Link::new() else { return };
    let place = &link.place;
    place.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    place.sql("SELECT pg_reload_conf()");
    place.until("hub", || {
        (place.follow()["database"]["synchronous"] == true).then_some(())
    });
    let mut session = place.cluster.session(DATABASE).unwrap();
    std::thread::scope(|scope| {
        let insert = scope.spawn(move || session.run("INSERT INTO registered_models (name) VALUES ('late')"));
        let waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%headland-barrier%'";
        place.until("hub", || (!place.sql(waits).is_empty()).then_some(()));
        place.until_state("waiting");
        let begun = Instant::now();
        link.detour.proxy.swallow(true);
        place.sql("ALTER SYSTEM RESET synchronous_standby_names");
        place.sql("SELECT pg_reload_conf()");
        insert.join().unwrap().unwrap();
        place.until_state("backing off");
        println!("noticed within {:?}", begun.elapsed());
        link.mend();
    });
    place.until_model("late", |model| !model.is_null());
    place.until_it_follows();
}
