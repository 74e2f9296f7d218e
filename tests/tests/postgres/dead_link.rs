//! Connections that are dead and do not say so: nothing arrives, and nothing ends.

use crate::place::{DATABASE, Place};
use headland_fleet::fleet::program::Program;
use headland_fleet::ports::free_port;
use headland_fleet::proxy::Proxy;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The server waits 10 s for whoever follows it, and is given as long; some seconds more on a machine that compiles.
const NOTICED_WITHIN: Duration = Duration::from_secs(25);

/// A place whose hub reaches the database over a link that may swallow everything.
struct Link {
    place: Place,
    _hub: Program,
    proxy: Proxy,
    runtime: Runtime,
}

impl Link {
    fn new() -> Option<Self> {
        let place = Place::new()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let port = free_port().unwrap();
        let proxy = runtime.block_on(async { Proxy::start(at(port), at(place.cluster.port())).unwrap() });
        place.configure("hub", place.broker(), &format!("port = {port}"));
        let mut hub = place.hub_that_follows();
        hub.may_log("not following");
        Some(Self {
            place,
            _hub: hub,
            proxy,
            runtime,
        })
    }

    /// The way is free again, and what was swallowed stays lost.
    fn mend(&self) {
        self.proxy.cut();
        self.proxy.swallow(false);
        self.proxy.restore();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
        self.proxy.cut();
    }
}

#[test]
fn a_stream_on_which_nothing_comes_any_more_is_left_in_bounded_time_with_its_reason() {
    let Some(link) = Link::new() else { return };
    let place = &link.place;
    let begun = Instant::now();
    link.proxy.swallow(true);
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
        link.proxy.swallow(true);
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
