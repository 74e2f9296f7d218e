//! What a storm came to: from what was seen to the tables.

use super::super::BenchError;
use super::super::quantile::quantile;
use super::super::sheet::{Sheet, Unit};
use super::baseline::{Load, Plain};
use super::probes::{Probe, delays_ms};
use super::schedule::{Storm, Used};
use super::workers::number;
use super::{CUT, Event, Options, arrivals};
use crate::fleet::BrokerChoice;

const CONVERGED: &str = "From the return of the links until they have the release";
const URGENT: &str = "An urgent change, from the hub's answer until it is applied and durable on an agent";
const COST: &str = "What it cost until the last had the release";
const MEMORY: &str = "Memory, in step and after the storm";
const BYTES: &str = "Bytes through the proxy until the last had the release";
const HUB: &str = "What the hub did in the storm";

/// For each agent, the event by which it had the release.
fn firsts(storm: &Storm) -> Vec<&Event> {
    let mut first: Vec<Option<&Event>> = vec![None; storm.agents];
    for event in storm.storm_events.iter().filter(|event| event.mark >= storm.release) {
        first[event.guest].get_or_insert(event);
    }
    first.into_iter().flatten().collect()
}

/// What a catch-up brings: the least that any agent's link took in until it had the release, since others took in
/// urgent changes, heartbeats and answers to repeated hellos as well.
pub(super) fn load(storm: &Storm) -> Result<Load, BenchError> {
    let brought = firsts(storm).into_iter().map(|event| {
        let (frames, bytes) = storm.taken_before[event.guest];
        (event.bytes - bytes, event.frames - frames)
    });
    let (bytes, messages) = brought.min().unwrap_or_default();
    let load = Load { messages, bytes };
    if load.messages == 0 {
        return Err(BenchError::Void("the release brought nothing to the agents".to_owned()));
    }
    Ok(load)
}

/// The tables of one run.
pub(super) fn sheet(options: &Options, storm: &Storm, load: Load, plain: &Plain) -> Sheet {
    let mut sheet = Sheet::default();
    converged(&mut sheet, storm, plain);
    urgent(
        &mut sheet,
        "in step",
        &storm.steady,
        &storm.steady_events,
        storm.agents,
        None,
    );
    let (stormy, events) = (&storm.stormy, &storm.storm_events);
    urgent(
        &mut sheet,
        "storm, agents that are back in step",
        stormy,
        events,
        storm.agents,
        Some(storm.release),
    );
    urgent(&mut sheet, "storm, all agents", stormy, events, storm.agents, None);
    cost(&mut sheet, options, storm, plain);
    memory(&mut sheet, options, storm);
    bytes(&mut sheet, storm, load, plain);
    hub(&mut sheet, storm);
    sheet
}

fn converged(sheet: &mut Sheet, storm: &Storm, plain: &Plain) {
    let mut headland = arrivals(&storm.storm_events, storm.agents, storm.release, storm.returned_us);
    let mut other = plain.arrivals_s.clone();
    let since = |event: &Event| event.at_us.saturating_sub(event.linked_us) as f64 / 1e6;
    let mut since_linked: Vec<f64> = firsts(storm).into_iter().map(since).collect();
    for (row, share) in [("half of them", 0.5), ("99 of 100", 0.99), ("the last", 1.0)] {
        let (ours, theirs) = (quantile(&mut headland, share), quantile(&mut other, share));
        sheet.put(CONVERGED, row, "Headland, applied and durable", Unit::Seconds, ours);
        sheet.put(CONVERGED, row, "mosquitto, received", Unit::Seconds, theirs);
        sheet.put(CONVERGED, row, "ratio", Unit::Ratio, ours / theirs);
        let own = quantile(&mut since_linked, share);
        sheet.put(
            CONVERGED,
            row,
            "Headland, from the agent's own connection",
            Unit::Seconds,
            own,
        );
    }
}

fn urgent(sheet: &mut Sheet, row: &str, probes: &[Probe], events: &[Event], agents: usize, in_step_with: Option<u64>) {
    let mut delays = delays_ms(probes, events, agents, in_step_with);
    if delays.is_empty() {
        return;
    }
    sheet.put(URGENT, row, "changes", Unit::Count, probes.len() as f64);
    sheet.put(URGENT, row, "samples", Unit::Count, delays.len() as f64);
    sheet.put(URGENT, row, "p50", Unit::Millis, quantile(&mut delays, 0.5));
    sheet.put(URGENT, row, "p99", Unit::Millis, quantile(&mut delays, 0.99));
    sheet.put(URGENT, row, "most", Unit::Millis, quantile(&mut delays, 1.0));
}

fn hub_name(options: &Options) -> &'static str {
    match options.broker {
        BrokerChoice::Embedded => "hub with its broker",
        BrokerChoice::Mosquitto => "hub",
    }
}

fn cost(sheet: &mut Sheet, options: &Options, storm: &Storm, plain: &Plain) {
    let (before, after) = (&storm.before, &storm.after);
    let agents = storm.agents as f64;
    let mut put = |row: &str, cpu_s: f64| {
        sheet.put(COST, row, "processor", Unit::Seconds, cpu_s);
        sheet.put(
            COST,
            row,
            "processor for each agent",
            Unit::Micros,
            cpu_s * 1e6 / agents,
        );
    };
    let hub = after.hub.cpu_s - before.hub.cpu_s;
    let devices = after.agents.cpu_s - before.agents.cpu_s;
    let proxy = after.proxy_cpu_s - before.proxy_cpu_s;
    let broker = before
        .broker
        .zip(after.broker)
        .map(|(before, after)| after.cpu_s - before.cpu_s);
    put(hub_name(options), hub);
    if let Some(broker) = broker {
        put("mosquitto beside the hub", broker);
    }
    put("agents", devices);
    put("proxy", proxy);
    let ours = hub + devices + proxy + broker.unwrap_or(0.0);
    put(
        "all else on this machine",
        after.machine_cpu_s - before.machine_cpu_s - ours,
    );
    put("plain delivery: mosquitto", plain.broker_cpu_s);
    put("plain delivery: clients", plain.clients_cpu_s);
    put("plain delivery: proxy", plain.proxy_cpu_s);
}

fn memory(sheet: &mut Sheet, options: &Options, storm: &Storm) {
    let mut put = |row: &str, of: fn(&Used) -> Option<super::super::process::Usage>| {
        let (Some(quiet), Some(after)) = (of(&storm.quiet), of(&storm.after)) else {
            return;
        };
        sheet.put(MEMORY, row, "RSS in step", Unit::Bytes, quiet.rss);
        sheet.put(MEMORY, row, "PSS in step", Unit::Bytes, quiet.pss);
        sheet.put(MEMORY, row, "RSS after", Unit::Bytes, after.rss);
        sheet.put(MEMORY, row, "PSS after", Unit::Bytes, after.pss);
    };
    put(hub_name(options), |used| Some(used.hub));
    put("mosquitto beside the hub", |used| used.broker);
    put("all agents", |used| Some(used.agents));
}

fn bytes(sheet: &mut Sheet, storm: &Storm, load: Load, plain: &Plain) {
    let agents = storm.agents as f64;
    let (down, up) = (storm.after.down - storm.before.down, storm.after.up - storm.before.up);
    for (row, down, up) in [
        ("Headland", down, up),
        ("mosquitto, plain delivery", plain.bytes_down, plain.bytes_up),
    ] {
        sheet.put(BYTES, row, "down", Unit::Bytes, down as f64);
        sheet.put(BYTES, row, "up", Unit::Bytes, up as f64);
        sheet.put(BYTES, row, "down, each agent", Unit::Bytes, down as f64 / agents);
        sheet.put(BYTES, row, "up, each agent", Unit::Bytes, up as f64 / agents);
        sheet.put(BYTES, row, "payload of one catch-up", Unit::Bytes, load.bytes as f64);
        sheet.put(BYTES, row, "in messages", Unit::Count, load.messages as f64);
    }
}

fn hub(sheet: &mut Sheet, storm: &Storm) {
    for (row, path) in [
        ("hellos answered", "/counts/hellos"),
        ("of these with everything", "/counts/snapshots"),
        ("live batches published", "/counts/batches"),
        ("frames in", "/link/frames_in"),
        ("frames out", "/link/frames_out"),
        ("frames dropped", "/counts/frames_dropped"),
        ("frames refused", "/counts/frames_refused"),
        ("acknowledged with another digest", "/counts/digest_mismatches"),
    ] {
        let count = number(&storm.status_after, path) - number(&storm.status_before, path);
        sheet.put(HUB, row, "count", Unit::Count, count);
    }
    sheet.put(
        HUB,
        "agents proven equal at the end",
        "count",
        Unit::Count,
        storm.proven as f64,
    );
    sheet.put(
        HUB,
        "seconds to bring all agents in step at first",
        "count",
        Unit::Count,
        storm.start_s.round(),
    );
}

/// What has to be said with the tables.
pub(super) fn notes(options: &Options) -> Vec<String> {
    let agents = options.agents;
    let stores = match &options.stores {
        Some(directory) => format!("lie in {}", directory.display()),
        None => "share one disk".to_owned(),
    };
    vec![
        format!(
            "{agents} agents: the shipped replica, store file, link, timing and jitter, each with a thread, a store, a \
             connection and a name of its own, {} to a process; their stores {stores}. Hub, broker, agents and proxy \
             share this machine's processors, so the agents' own work bounds Headland's times too, which a fleet of \
             devices would not.",
            super::workers::GUESTS_PER_WORKER
        ),
        format!(
            "Links are cut at one proxy for at least {} s, the release comes meanwhile ({}), and the proxy lets all \
             back at once; what spreads the agents is their own backoff. An urgent change is committed every second \
             until the last agent has the release.",
            CUT.as_secs(),
            super::RELEASE_TOLD,
        ),
        "Headland counts an agent when a transaction with the release is durable in its store, and at the end every \
         agent's digest, read from its store, is the hub's. mosquitto brings the same number of bytes in the same \
         number of retained messages of QoS 1, the same ones for all, to as many rumqttc clients with the agents' \
         backoff, through the same proxy, and a client counts when the last message is received."
            .to_owned(),
    ]
}
