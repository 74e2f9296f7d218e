//! How long things take; the figures are printed.

use crate::place::Place;
use std::time::{Duration, Instant};

fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// From the answer to the commit to the agent's own answer.
#[test]
#[ignore = "a measurement of a minute; a machine that compiles meanwhile fails it"]
fn an_urgent_commit_is_at_a_connected_agent_within_twenty_milliseconds() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let _agent = place.agent();
    let mut session = place.cluster.session("mlflow").unwrap();
    let mut times: Vec<Duration> = (0..100)
        .map(|round| {
            let status = format!("round {round}");
            session
                .run(&format!(
                    "INSERT INTO registered_model_tags (name, key, value) VALUES ('farm/1', 'status', '{status}') \
                     ON CONFLICT (workspace, key, name) DO UPDATE SET value = excluded.value"
                ))
                .unwrap();
            let begun = Instant::now();
            while place.ask_agent("/v1/namespaces/default/models/farm%2F1", None)["model"]["attributes"]["status"]
                != status.as_str()
            {}
            let took = begun.elapsed();
            std::thread::sleep(Duration::from_millis(50));
            took
        })
        .collect();
    times.sort();
    print(&format!(
        "commit to agent, status: p50 {:?}, p99 {:?}",
        times[50], times[98]
    ));
    assert!(times[50] <= Duration::from_millis(20), "{:?}", times[50]);
}

#[test]
#[ignore = "a measurement of minutes; a machine that compiles meanwhile fails it"]
fn a_hundred_thousand_models_are_read_and_changed_within_their_bounds() {
    let Some(place) = Place::new() else { return };
    place.sql("INSERT INTO registered_models (name, description) SELECT 'm/' || n, 'number ' || n FROM generate_series(1, 100000) n");
    place.sql("INSERT INTO registered_model_tags (name, key, value) SELECT 'm/' || n, 'task', 'task-' || n % 20 FROM generate_series(1, 100000) n");
    place.sql("INSERT INTO model_versions (name, version, source) SELECT 'm/' || n, 1, 's3://models/' || n FROM generate_series(1, 100000) n");
    let begun = Instant::now();
    let hub = place.hub_that_follows();
    let read = begun.elapsed();
    let peak = peak_kb(hub.id());
    print(&format!(
        "100,000 models of 300,000 rows read in {read:?}; {peak} kB resident at most"
    ));
    let begun = Instant::now();
    place.sql("UPDATE registered_models SET description = 'changed ' || name");
    let committed = begun.elapsed();
    place.until_model("m/100000", |model| {
        model["attributes"]["description"]
            .as_str()
            .unwrap()
            .starts_with("changed")
    });
    let peak = peak_kb(hub.id());
    print(&format!(
        "a commit of 100,040 rows made in {committed:?}, here {:?} after it began; {peak} kB resident at most",
        begun.elapsed()
    ));
    assert!(read < Duration::from_secs(30) && peak < 256 * 1024);
}

/// The most memory that a process had, in kilobytes.
fn peak_kb(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}
