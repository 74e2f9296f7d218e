//! The same changes, seen by polling the REST interface of an unmodified MLflow, and at an agent.

use super::Options;
use super::stage::{DATABASE, Stage, Tables};
use super::watcher::{Seen, Watcher};
use crate::bench::BenchError;
use crate::bench::client::Client;
use crate::bench::quantile::quantile;
use crate::bench::sheet::{Sheet, Unit};
use crate::mlflow::Mlflow;
use crate::postgres::PUBLICATION;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Changes that are made, and how far apart: so that they fall anywhere between two looks.
const CHANGES: u64 = 20;
const APART: Duration = Duration::from_millis(1_370);
const POLL_EVERY: Duration = Duration::from_secs(1);
const TABLE: &str = "The same change at an agent, and by polling MLflow every second";
const MODEL: &str = "crop-disease";
const TARGET: &str = "/api/2.0/mlflow/registered-models/get?name=crop-disease";
const GRANT: &str = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO headland";

/// Measures; gives a note about it.
pub(super) fn measure(
    programs: &Path,
    mlflow: &Path,
    options: &Options,
    sheet: &mut Sheet,
) -> Result<String, BenchError> {
    let mut stage = Stage::prepare(programs, options, Tables::Elsewhere)?;
    let server = Mlflow::start(mlflow, &stage.cluster, DATABASE, stage.programs.directory())?;
    let made =
        format!("client.create_registered_model('{MODEL}', tags={{'task': 'image-classification', 'status': '0'}})");
    if !server.python(&made)? {
        return Err(BenchError::Void("MLflow does not register a model".to_owned()));
    }
    stage.sql(GRANT)?;
    stage.sql(PUBLICATION)?;
    stage.start_hub()?;
    stage.start_agent()?;
    let watcher = Watcher::start(&stage.programs.path("agent.sock"), "status")?;
    let poller = Poller::start(server.port())?;
    let mut session = stage.cluster.session(DATABASE)?;
    let mut commits = Vec::new();
    for number in 1..=CHANGES {
        std::thread::sleep(APART);
        session.run(&format!(
            "UPDATE registered_model_tags SET value = '{number}' WHERE name = '{MODEL}' AND key = 'status'"
        ))?;
        commits.push((number, Instant::now()));
    }
    std::thread::sleep(2 * POLL_EVERY);
    for (row, seen) in [("at an agent", watcher.end()?), ("polling MLflow", poller.end()?)] {
        let mut times_ms = times_ms(&commits, &seen)?;
        for (column, share) in [("p50", 0.5), ("most", 1.0)] {
            sheet.put(TABLE, row, column, Unit::Millis, quantile(&mut times_ms, share));
        }
    }
    drop(server);
    stage.end()?;
    Ok(format!(
        "Polling: {CHANGES} changes of one tag, followed from the tables of an unmodified MLflow, which is asked for the \
         model over its REST interface every second, over a connection that stays open. Measured once."
    ))
}

fn times_ms(commits: &[(u64, Instant)], seen: &Seen) -> Result<Vec<f64>, BenchError> {
    let values = seen.get(MODEL).map_or(&[][..], Vec::as_slice);
    let time = |(number, at): &(u64, Instant)| {
        let first = values.iter().find(|(value, _)| value >= number);
        let (_, read_at) = first.ok_or_else(|| BenchError::Void(format!("change {number} was never seen")))?;
        Ok(read_at.saturating_duration_since(*at).as_secs_f64() * 1e3)
    };
    commits.iter().map(time).collect()
}

/// Somebody who polls.
#[derive(Debug)]
struct Poller {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Seen, BenchError>>,
}

impl Poller {
    fn start(port: u16) -> Result<Self, BenchError> {
        let mut client = Client::connect_to_port(port)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::new();
            let mut next = Instant::now();
            while !stopped.load(Ordering::Acquire) {
                let number = look(&mut client)?;
                seen.entry(MODEL.to_owned()).or_default().push((number, Instant::now()));
                next += POLL_EVERY;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            Ok(seen)
        });
        Ok(Self { stop, thread })
    }

    fn end(self) -> Result<Seen, BenchError> {
        self.stop.store(true, Ordering::Release);
        let ended = self.thread.join();
        ended.map_err(|_| BenchError::Void("the program that polls has failed".to_owned()))?
    }
}

/// Asks MLflow for the model's tag.
fn look(client: &mut Client<TcpStream>) -> Result<u64, BenchError> {
    let answer = client.get(TARGET)?;
    let tags = answer["registered_model"]["tags"].as_array();
    let status = tags.and_then(|tags| tags.iter().find(|tag| tag["key"] == "status"));
    let number = status.and_then(|status| status["value"].as_str()?.parse().ok());
    number.ok_or_else(|| BenchError::Void(format!("MLflow answers otherwise than expected: {answer}")))
}
