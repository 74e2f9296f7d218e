//! Reads at the agents throughout: does any model ever show a mixture of two releases?

use super::catalogue::hash;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::task::JoinHandle;

/// Models in one read.
const PAGE: usize = 250;
const REQUEST_MS_MAX: u64 = 20_000;

/// All states that each model may show.
pub(super) type States = BTreeMap<(String, String), BTreeSet<u128>>;

/// Readers, one for each agent.
#[derive(Debug)]
pub(super) struct Views {
    stop: Arc<AtomicBool>,
    bad: Arc<AtomicU64>,
    read: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Views {
    pub(super) fn watch(sockets: Vec<PathBuf>, states: Arc<States>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (bad, read) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let tasks = sockets
            .into_iter()
            .map(|socket| {
                let (stop, bad, read, states) = (stop.clone(), bad.clone(), read.clone(), states.clone());
                tokio::spawn(async move {
                    let mut token = None;
                    while !stop.load(Ordering::Relaxed) {
                        token = page(&socket, token, &states, &bad, &read).await;
                        // Reads are meant to run beside the fleet, not to starve it of two cores.
                        tokio::time::sleep(std::time::Duration::from_millis(40)).await;
                    }
                })
            })
            .collect();
        Self { stop, bad, read, tasks }
    }

    /// Ends the reading: models read, and those that showed a mixture.
    pub(super) async fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            // A reader that panicked has been counted as far as it came.
            let _ = task.await;
        }
        (self.read.load(Ordering::Relaxed), self.bad.load(Ordering::Relaxed))
    }
}

async fn page(
    socket: &Path,
    token: Option<String>,
    states: &States,
    bad: &AtomicU64,
    read: &AtomicU64,
) -> Option<String> {
    let mut target = format!("/v1/models?page_size={PAGE}");
    if let Some(token) = token {
        target.push_str("&page_token=");
        target.push_str(&token);
    }
    let answer = headland_host::control::request(socket, axum::http::Method::GET, &target, None, REQUEST_MS_MAX).await;
    let (_, page) = answer.ok()?;
    for model in page["models"].as_array().into_iter().flatten() {
        read.fetch_add(1, Ordering::Relaxed);
        if !is_whole(model, states) {
            bad.fetch_add(1, Ordering::Relaxed);
        }
    }
    page["next_page_token"].as_str().map(ToOwned::to_owned)
}

/// Whether a model shows exactly what it had in one of the releases.
fn is_whole(model: &Value, states: &States) -> bool {
    let text = |name: &str| model[name].as_str().unwrap_or_default().to_owned();
    let known = states.get(&(text("namespace"), text("name")));
    let attributes = model["attributes"].as_object();
    known
        .zip(attributes)
        .is_some_and(|(known, attributes)| known.contains(&hash(attributes)))
}
