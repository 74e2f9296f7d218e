//! A hub that follows a hub that follows a database: the present is asked for along the whole way.

use crate::place::Place;
use axum::http::Method;
use headland_fleet::fleet::program::Program;
use headland_fleet::ports::free_port;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MODEL: &str = "/v1/namespaces/default/models/farm%2F1";
/// Rounds of a commit and a read after it.
const ROUNDS: usize = 10;
/// How long an agent may look for the present, and how long its answer may take then.
const TIMEOUT: &str = "timeout=4s";
const REFUSED_WITHIN: Duration = Duration::from_secs(15);

/// The first hub follows the database, the second the first one, and an agent is with the second.
struct Chain {
    place: Place,
    first: Program,
    _second: Program,
    _agent: Program,
}

impl Chain {
    fn new() -> Option<Self> {
        let place = Place::new()?;
        let mut first = place.hub_that_follows();
        first.may_log("not following");
        let port = free_port().unwrap();
        let path = |name: &str| place.path(name);
        let text = format!(
            "region = \"second\"\nstore = {:?}\nsocket = {:?}\n[registry]\nfollow = {:?}\n[broker]\nlisten = \"127.0.0.1:{port}\"\n\
             [feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 200\n[link]\nbackoff_ms_base = 50\nbackoff_ms_max = 500\n",
            path("second.redb"),
            path("second.sock"),
            path("hub.sock"),
        );
        std::fs::write(path("second.toml"), text).unwrap();
        let mut second = place.start("second");
        second.may_log("not following");
        place.until("second", || {
            let (second, hub) = (place.try_status("second")?, place.try_status("hub")?);
            (second["follow"]["state"] == "following" && second["digest"] == hub["digest"]).then_some(())
        });
        let agent = place.device("leaf-2", "second", &format!("mqtt://127.0.0.1:{port}/second"));
        Some(Self {
            place,
            first,
            _second: second,
            _agent: agent,
        })
    }

    fn describe(&self, text: &str) {
        let sql = format!("UPDATE registered_models SET description = '{text}' WHERE name = 'farm/1'");
        self.place.sql(&sql);
    }

    fn read(&self, program: &str, how: &str) -> Value {
        self.place.ask(program, Method::GET, &format!("{MODEL}?{how}"), None)
    }

    /// A strong read is refused in bounded time, with these words, and one that asks for less is answered.
    fn refuses(&self, program: &str, words: &str) {
        let begun = Instant::now();
        let refused = self.read(program, &format!("consistency=strong&{TIMEOUT}"));
        assert!(begun.elapsed() < REFUSED_WITHIN, "{:?}", begun.elapsed());
        assert_eq!(
            (&refused["type"], &refused["consistency"]),
            (&json!("urn:headland:problem:stale"), &json!("strong")),
            "{program}: {refused}"
        );
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{program}: {refused}");
        let eventual = self.read(program, "consistency=eventual");
        assert_eq!(eventual["model"]["name"], "farm/1", "{program}: {eventual}");
    }
}

#[test]
fn a_strong_read_behind_a_hub_that_follows_a_hub_sees_what_was_committed_just_before() {
    let Some(chain) = Chain::new() else { return };
    for program in ["second", "leaf-2"] {
        let mut waited = Vec::new();
        for round in 0..ROUNDS {
            let text = format!("{program} {round}");
            chain.describe(&text);
            let asked = Instant::now();
            let answer = chain.read(program, "consistency=strong&timeout=20s");
            waited.push(asked.elapsed());
            assert_eq!(answer["model"]["attributes"]["description"], text, "{answer}");
        }
        waited.sort();
        println!(
            "strong reads at {program}: half within {:?}, all within {:?}",
            waited[ROUNDS / 2],
            waited[ROUNDS - 1]
        );
    }
}

#[test]
fn a_strong_read_behind_a_hub_whose_leader_cannot_look_is_refused_with_the_reason() {
    let Some(mut chain) = Chain::new() else { return };
    chain.place.cluster.stop();
    chain.place.until_state("backing off");
    chain.refuses("second", "has not arrived");
    // It is asked again and again, so its last answer may still be out.
    chain.refuses("leaf-2", "the hub ");
    chain.place.cluster.start_again().unwrap();
    chain.place.until_it_follows();
    chain.describe("back");
    let back = chain.read("leaf-2", "consistency=strong&timeout=20s");
    assert_eq!(back["model"]["attributes"]["description"], "back", "{back}");

    chain.first.stop();
    chain.place.until("second", || {
        (chain.place.try_status("second")?["follow"]["state"] == "backing off").then_some(())
    });
    chain.refuses("second", "hub.sock");
    chain.refuses("leaf-2", "the hub ");
}
