//! What an agent carries that has nothing to do: for each profile, every byte of every packet.

mod agent;
pub(crate) mod line;

use super::sheet::{Sheet, Summary, Unit};
use super::{BenchError, Wish, deliver, progress};
use crate::demo::catalogue::{Catalogue, Release};
use crate::fleet::{BrokerChoice, Fleet};
use agent::{Counted, Span};
use serde_json::json;
use std::time::Duration;

const UNITS: &str = "What one costs";
const DAYS: &str = "An idle day";
const AS_IT_IS: &str = "As it is";
const BYTES: &str = "bytes";
/// The profiles' own, which `docs/config.md` lists: how often something happens in a day.
const PROOFS_LAN: f64 = 144.0;
const BEATS_LTE_M: f64 = 144.0;
const PINGS_LTE_M: f64 = 24.0;
const PROOFS_LTE_M: f64 = 4.0;
const WAKES_SATELLITE: f64 = 4.0;
const DAY_S: f64 = 86_400.0;
const HOUR_S: f64 = 3_600.0;
/// No ping and no proof of its own within a measurement.
const QUIET: &str = "keep_alive_s = 65535\nprove_s = 86400";

/// How idling is to be measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every benchmark is told.
    pub wish: Wish,
    /// For how long, in seconds.
    pub seconds: usize,
}

/// Measures, and delivers the result.
pub fn run(options: &Options) -> Result<(), BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sheets = Vec::new();
    for run in 1..=options.wish.runs {
        progress(&format!("run {run} of {}", options.wish.runs));
        sheets.push(runtime.block_on(measure(options))?);
    }
    let notes = [
        "Bytes are those of all packets both ways, with the headers of IP and TCP, as the kernel counts them in a network \
         that holds the agent alone. The catalogue is the first release of timm and of LiteLLM; nothing changes. The \
         broker is the hub's own, with no encryption."
            .to_owned(),
        format!(
            "\"As it is\" is measured for {} s and multiplied. A day of `lan` is that, and {PROOFS_LAN} proofs; a day of \
             `lte-m` is {BEATS_LTE_M} heartbeats, {PINGS_LTE_M} keep-alives and {PROOFS_LTE_M} proofs; a day of \
             `satellite` is {WAKES_SATELLITE} contacts.",
            options.seconds
        ),
        "A contact is all of it: connecting, greeting, acknowledging, proving, and parting. \"As a budget counts it\" is how \
         many bytes the agent takes for one of the kernel's.".to_owned(),
    ];
    deliver(&options.wish, "idle", "Idling", &notes, &Summary::of(&sheets))
}

/// The agents that are measured side by side, each in a network of its own, and how they behave on their links.
fn links() -> [(&'static str, String); 6] {
    [
        ("lan", "profile = \"lan\"".to_owned()),
        ("beat", format!("heartbeat = \"feed\"\n{QUIET}")),
        (
            "ping",
            "heartbeat = \"hour\"\nkeep_alive_s = 1\nprove_s = 86400".to_owned(),
        ),
        (
            "proof",
            "heartbeat = \"hour\"\nkeep_alive_s = 65535\nprove_s = 1\n[timing]\nacknowledge_ms = 0".to_owned(),
        ),
        ("asleep", "profile = \"satellite\"\nwake_s = 86400".to_owned()),
        ("contact", "profile = \"satellite\"\nwake_s = 3".to_owned()),
    ]
}

async fn measure(options: &Options) -> Result<Sheet, BenchError> {
    let binary = std::env::current_exe()?;
    let fleet = Fleet::start(&binary, BrokerChoice::Embedded, "").await?;
    for release in &Catalogue::shipped()?.base {
        import(&fleet, release).await?;
    }
    let mut agents = Vec::new();
    for (name, link) in links() {
        agents.push(Counted::start(&fleet, &binary, name, &link)?);
    }
    for agent in &agents {
        agent.in_step().await?;
    }
    // What follows on being in step is over by then: acknowledgements, and the goodbye of one that sleeps.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut before = Vec::new();
    for agent in &agents {
        before.push(agent.read().await?);
    }
    tokio::time::sleep(Duration::from_secs(options.seconds as u64)).await;
    let mut spans = Vec::new();
    for (agent, before) in agents.iter().zip(before) {
        spans.push(before.until(agent.read().await?));
    }
    for agent in agents {
        agent.end()?;
    }
    fleet.end()?;
    sheet(&spans)
}

async fn import(fleet: &Fleet, release: &Release) -> Result<(), BenchError> {
    let file = fleet.directory().join("release.jsonl");
    release.write(&file)?;
    let wish = json!({
        "files": [file], "namespace": release.namespace, "allow_removals": false, "register": true, "dry_run": false,
    });
    fleet.hub.post("/v1/import", &wish).await?;
    Ok(())
}

fn sheet(spans: &[Span]) -> Result<Sheet, BenchError> {
    let [lan, beat, ping, proof, asleep, contact] = spans else {
        return Err(BenchError::Void("an agent was not measured".to_owned()));
    };
    let each = |octets: f64, count: f64, what: &str| match count > 0.0 {
        true => Ok(octets / count),
        false => Err(BenchError::Void(format!("there was no {what}; measure for longer"))),
    };
    let beat_bytes = each(beat.octets, beat.frames_in, "heartbeat")?;
    let ping_bytes = each(ping.octets, ping.seconds.floor(), "keep-alive")?;
    let proof_bytes = each(proof.octets, proof.frames_out, "proof")?;
    let contact_bytes = each(contact.octets, contact.sessions, "contact")?;
    let mut sheet = Sheet::default();
    for (row, bytes, span) in [
        ("a heartbeat", beat_bytes, beat),
        ("a keep-alive", ping_bytes, ping),
        ("a proof", proof_bytes, proof),
        ("a contact of `satellite`", contact_bytes, contact),
    ] {
        sheet.put(UNITS, row, BYTES, Unit::Bytes, bytes);
        sheet.put(
            UNITS,
            row,
            "as a budget counts it",
            Unit::Ratio,
            span.reckoned / span.octets,
        );
    }
    for (row, span) in [("`lan`", lan), ("`satellite`, between contacts", asleep)] {
        let hour = HOUR_S / span.seconds;
        sheet.put(AS_IT_IS, row, "bytes an hour", Unit::Bytes, span.octets * hour);
        sheet.put(AS_IT_IS, row, "processor an hour", Unit::Seconds, span.cpu_s * hour);
    }
    let lan_day = lan.octets * DAY_S / lan.seconds + PROOFS_LAN * proof_bytes;
    let lte_m_day = BEATS_LTE_M * beat_bytes + PINGS_LTE_M * ping_bytes + PROOFS_LTE_M * proof_bytes;
    for (row, bytes) in [
        ("`lan`", lan_day),
        ("`lte-m`", lte_m_day),
        ("`satellite`", WAKES_SATELLITE * contact_bytes),
    ] {
        sheet.put(DAYS, row, BYTES, Unit::Bytes, bytes);
    }
    Ok(sheet)
}
