//! The same questions to the agent and to SQLite.

use super::Options;
use super::device::Device;
use super::sqlite::Twin;
use crate::bench::BenchError;
use crate::bench::client::Client;
use crate::bench::quantile::quantile;
use crate::bench::sheet::{Sheet, Unit};
use headland_host::text::segment;
use serde_json::Value;
use std::time::Instant;

const TABLE: &str = "Questions";
/// Requests that are not counted: they fill the caches.
const WARM_UP: usize = 20;
const RESOLVE: &str = r#"{"task":"chat","approval":"field-use","need":{"size":1000}}"#;

/// How the agent is asked.
enum Asked {
    Get(String),
    Resolve,
}

/// A question, as both are asked it.
struct Question {
    row: &'static str,
    agent: Asked,
    sql: &'static str,
    parameter: &'static str,
    aim_us: f64,
}

fn questions() -> [Question; 4] {
    let listing = |query: &str| Asked::Get(format!("/v1/models?page_size=20&{query}"));
    [
        Question {
            row: "task = \"chat\", the first 20",
            agent: listing(&format!("filter={}", segment("task = \"chat\""))),
            sql: "SELECT namespace, name, attributes FROM models WHERE task = ? ORDER BY namespace, name LIMIT 20",
            parameter: "chat",
            aim_us: 1_000.0,
        },
        Question {
            row: "words that 20 or more have",
            agent: listing("q=wheat%20gpt"),
            sql: FOUND,
            parameter: "wheat gpt",
            aim_us: 10_000.0,
        },
        Question {
            row: "a word that none has",
            agent: listing("q=nowhere"),
            sql: FOUND,
            parameter: "nowhere",
            aim_us: 10_000.0,
        },
        Question {
            row: "which version of task chat to use",
            agent: Asked::Resolve,
            sql: "SELECT m.namespace, m.name, v.manifest FROM models m JOIN versions v ON v.model = m.id WHERE m.task = ? \
                  AND v.approval = 'approved' ORDER BY m.namespace, m.name, v.version DESC LIMIT 1",
            parameter: "chat",
            aim_us: 2_000.0,
        },
    ]
}

const FOUND: &str = "SELECT m.namespace, m.name, m.attributes FROM words JOIN models m ON m.id = words.rowid \
                     WHERE words MATCH ? ORDER BY m.namespace, m.name LIMIT 20";

/// Asks both.
pub(super) fn ask(options: &Options, device: &Device, sheet: &mut Sheet) -> Result<(), BenchError> {
    let twin = Twin::filled(&device.programs.path("twin.sqlite"), &device.records)?;
    let mut client = Client::connect(&device.socket())?;
    for question in questions() {
        let mut times_us = Vec::new();
        let mut answer = Vec::new();
        for nth in 0..WARM_UP + options.requests {
            let begun = Instant::now();
            answer = match &question.agent {
                Asked::Get(target) => client.get_bytes(target)?,
                Asked::Resolve => client.post_bytes("/v1/resolve", RESOLVE)?,
            };
            if nth >= WARM_UP {
                times_us.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        let found = rows(&answer)?;
        let mut other_us = Vec::new();
        let mut other = 0;
        for nth in 0..WARM_UP + options.requests {
            let begun = Instant::now();
            other = twin.ask(question.sql, question.parameter)?;
            if nth >= WARM_UP {
                other_us.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        let mut put = |column, unit, value| sheet.put(TABLE, question.row, column, unit, value);
        put("agent p50", Unit::Micros, quantile(&mut times_us, 0.5));
        put("agent p99", Unit::Micros, quantile(&mut times_us, 0.99));
        put("aim p99", Unit::Micros, question.aim_us);
        put("SQLite p50", Unit::Micros, quantile(&mut other_us, 0.5));
        put("SQLite p99", Unit::Micros, quantile(&mut other_us, 0.99));
        put("agent found", Unit::Count, found as f64);
        put("SQLite found", Unit::Count, other as f64);
    }
    Ok(())
}

/// How many models an answer holds.
fn rows(answer: &[u8]) -> Result<usize, BenchError> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| BenchError::Void(error.to_string()))?;
    let one = usize::from(answer["answer"].is_object());
    Ok(answer["models"].as_array().map_or(one, Vec::len))
}
