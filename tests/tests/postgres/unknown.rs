//! Commits whose answer was lost: nobody is told what is not known, and it becomes known.

use crate::described::{Answer, CURRENT, TABLES, configure, get, put, request, version};
use crate::detour::Detour;
use crate::place::{DATABASE, Place};
use headland_fleet::fleet::program::Program;
use serde_json::{Value, json};

/// A place whose hub reaches the database by a proxy, and where a commit waits for whoever holds a lock.
struct Cut {
    detour: Detour,
    place: Place,
    _hub: Program,
}

/// Has commits that change models wait for whoever holds a lock.
const SLOW_COMMIT: &str = "
CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON models DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_lock();
";
/// Tells the processes that wait so.
pub(crate) const WAITING: &str = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND query = 'COMMIT'";

/// A place where commits wait so, and a hub may follow its tables.
pub(crate) fn slow_place() -> Option<Place> {
    let place = Place::with("", &[TABLES, SLOW_COMMIT])?;
    configure(&place, "");
    Some(place)
}

impl Cut {
    fn new() -> Option<Self> {
        let place = Place::with("", &[TABLES, SLOW_COMMIT])?;
        let detour = Detour::to(place.cluster.port());
        configure(&place, &format!("port = {}", detour.port));
        let mut hub = place.hub_that_follows();
        hub.may_log("not following");
        Some(Self {
            detour,
            place,
            _hub: hub,
        })
    }

    /// Sends a put, and cuts the link when the database has been asked to commit. The commit ends when `ends` has been
    /// done with the process that waits in it.
    fn put_and_cut(&self, ends: impl FnOnce(&str)) -> Answer {
        let seen = get(&self.place, CURRENT);
        let mut session = self.place.cluster.session(DATABASE).unwrap();
        session.run("SELECT pg_advisory_lock(7)").unwrap();
        std::thread::scope(|scope| {
            let headers = [("If-Match", seen.tag()), ("Request-Id", "cut-1")];
            let putting = scope.spawn(move || put(&self.place, CURRENT, &version("2"), &headers));
            let process = self
                .place
                .until("hub", || Some(self.place.sql(WAITING)).filter(|pid| !pid.is_empty()));
            self.detour.proxy.cut();
            let answer = putting.join().unwrap();
            ends(&process);
            drop(session);
            self.place
                .until("hub", || self.place.sql(WAITING).is_empty().then_some(()));
            answer
        })
    }

    fn until_request_is(&self, state: &str) -> Value {
        self.place.until("hub", || {
            let told = request(&self.place, "cut-1").body;
            (told["state"] == state).then_some(told)
        })
    }
}

#[test]
fn a_commit_whose_answer_was_lost_is_unknown_until_the_stream_brings_it() {
    let Some(cut) = Cut::new() else { return };
    let answer = cut.put_and_cut(|_| {});
    assert_eq!((answer.status, answer.kind()), (504, "outcome-unknown"), "{answer:?}");
    assert_eq!(answer.body["ask"], "/v1/requests/cut-1");
    assert_eq!(request(&cut.place, "cut-1").body["state"], "unknown");
    cut.detour.proxy.restore();
    let told = cut.until_request_is("done");
    let now = get(&cut.place, CURRENT);
    assert_eq!((&now.body["version"], &told["etag"]), (&json!("2"), &json!(now.tag())));
}

#[test]
fn a_commit_that_was_given_up_after_its_answer_was_lost_is_known_not_to_be_done() {
    let Some(cut) = Cut::new() else { return };
    let answer = cut.put_and_cut(|process| {
        cut.place.sql(&format!("SELECT pg_terminate_backend({process})"));
    });
    assert_eq!((answer.status, answer.kind()), (504, "outcome-unknown"), "{answer:?}");
    cut.detour.proxy.restore();
    let told = cut.until_request_is("not-done");
    assert!(told["detail"].as_str().unwrap().contains("given it up"), "{told}");
    cut.place.until_it_follows();
    assert_eq!(get(&cut.place, CURRENT).body["version"], "1");
    // So it may be made again, under the same name.
    let seen = get(&cut.place, CURRENT);
    let headers = [("If-Match", seen.tag()), ("Request-Id", "cut-1")];
    let done = put(&cut.place, CURRENT, &version("2"), &headers);
    assert_eq!(done.status, 200, "{done:?}");
}
