//! Reads on a device: a real agent over its socket, with ten thousand models in its store.

mod device;

use super::client::Client;
use super::process::Usage;
use super::quantile::quantile;
use super::sheet::{Sheet, Summary, Unit};
use super::{BenchError, Wish, deliver, progress};
use device::Device;
use headland_host::text::segment;
use std::os::unix::net::UnixStream;

const READS: &str = "Reads over the agent's socket";
const AGENT: &str = "The agent";
/// Requests that are not counted: they fill the caches.
const WARM_UP: usize = 20;

/// How reads are to be measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every benchmark is told.
    pub wish: Wish,
    /// How many models the device holds.
    pub models: usize,
    /// How often each request is made.
    pub requests: usize,
}

/// One kind of read.
struct Read {
    name: &'static str,
    target: String,
    /// One in so many requests: reads that look at everything take long.
    one_in: usize,
}

/// Measures, and delivers the result.
pub fn run(options: &Options) -> Result<(), BenchError> {
    let mut sheets = Vec::new();
    for run in 1..=options.wish.runs {
        progress(&format!("run {run} of {}", options.wish.runs));
        sheets.push(measure(options)?);
    }
    let notes = [
        format!(
            "{} models: the first releases of timm and LiteLLM as shipped, repeated under prefixes. The description and \
             the two tags of each are synthetic. No hub; the agent's default cache of 1 MiB.",
            options.models
        ),
        "A time is from the first byte of the request to the last of the answer, over one connection that stays open, \
         with the client on the same machine."
            .to_owned(),
    ];
    deliver(
        &options.wish,
        "query",
        "Reads on a device",
        &notes,
        &Summary::of(&sheets),
    )
}

fn measure(options: &Options) -> Result<Sheet, BenchError> {
    let device = Device::prepare(options.models)?;
    let agent = device.start()?;
    let mut client = Client::connect(&device.socket())?;
    let mut sheet = Sheet::default();
    for read in reads(&mut client)? {
        progress(&format!("  {}", read.name));
        let mut times_us = Vec::new();
        let answer = client.get(&read.target)?;
        let found = answer["models"].as_array().map_or(1, Vec::len);
        for nth in 0..WARM_UP + options.requests.div_ceil(read.one_in) {
            let started = std::time::Instant::now();
            client.get_bytes(&read.target)?;
            let took_us = started.elapsed().as_secs_f64() * 1e6;
            if nth >= WARM_UP.div_ceil(read.one_in) {
                times_us.push(took_us);
            }
        }
        sheet.put(READS, read.name, "models", Unit::Count, found as f64);
        sheet.put(READS, read.name, "p50", Unit::Micros, quantile(&mut times_us, 0.5));
        sheet.put(READS, read.name, "p99", Unit::Micros, quantile(&mut times_us, 0.99));
        sheet.put(READS, read.name, "requests", Unit::Count, times_us.len() as f64);
    }
    let usage = Usage::of(agent.id())?;
    sheet.put(AGENT, "after the reads", "PSS", Unit::Bytes, usage.pss);
    sheet.put(AGENT, "after the reads", "RSS", Unit::Bytes, usage.rss);
    sheet.put(
        AGENT,
        "after the reads",
        "store file",
        Unit::Bytes,
        device.file_bytes()? as f64,
    );
    Ok(sheet)
}

fn reads(client: &mut Client<UnixStream>) -> Result<Vec<Read>, BenchError> {
    let read = |name, one_in, target: String| Read { name, target, one_in };
    let listing = |query: &str| format!("/v1/models?page_size=20&{query}");
    let chat = listing(&format!("filter={}", segment("task = \"chat\"")));
    let first = client.get(&chat)?;
    let token = first["next_page_token"].as_str();
    let token = token.ok_or_else(|| BenchError::Void("there are too few chat models for a second page".to_owned()))?;
    let second = format!("{chat}&page_token={token}");
    let cheap = segment("task = \"chat\" AND input_cost_per_token < 0.000001");
    Ok(vec![
        read("task = \"chat\", the first 20", 1, chat),
        read("task = \"chat\", the next 20", 1, second),
        read(
            "task = \"chat\" and a price, the first 20",
            1,
            listing(&format!("filter={cheap}")),
        ),
        read(
            "one namespace, the first 20",
            1,
            "/v1/namespaces/vision/models?page_size=20".to_owned(),
        ),
        read("one model", 1, "/v1/namespaces/llm/models/0%2Fgpt-4o".to_owned()),
        read("words that 20 or more have", 4, listing("q=wheat%20gpt")),
        read("words that few have", 4, listing("q=barley%20gpt-4o-mini-2024")),
        read("a word that none has", 4, listing("q=nowhere")),
        read(
            "a filter without an index that none passes",
            40,
            listing(&format!("filter={}", segment("max_tokens < 0"))),
        ),
        read(
            "all, by price, the first 20",
            40,
            listing("order_by=input_cost_per_token"),
        ),
    ])
}
