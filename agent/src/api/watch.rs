//! Watching: what changes, told as it comes, as server-sent events.
//!
//! A watch holds one position and one go of events. A reader that is slow makes the watch wait; one that does not read
//! at all is dropped. Neither holds up anybody else, since each watch reads the store for itself.

mod stream;

use super::Local;
use super::problem::too_many_watches;
use crate::answer::{Told, Watching};
use crate::store::{Position, Store};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use headland_api::parameters::Parameters;
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_shared::query::Question;
use std::sync::Arc;
use std::time::Duration;
use stream::Outlet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most watches at a time: more than a device has programs that want to know, and each may keep two goes of events
/// waiting for its reader.
pub(super) const WATCHES_MAX: usize = 16;

/// How often a watch says something when nothing happens: often enough that a position does not get too old, and a
/// reader notices within half a minute when the agent is gone.
const KEEP_ALIVE_MS: u64 = 15_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Room for watches.
#[derive(Debug, Clone)]
pub(crate) struct Watches(Arc<Semaphore>);

impl Default for Watches {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(WATCHES_MAX)))
    }
}

/// `GET /v1/watch`
pub(super) async fn watch(
    State(local): State<Arc<Local>>,
    headers: HeaderMap,
    mut asked: Parameters,
) -> Result<Response, Refusal> {
    let question = Question {
        namespace: asked.take("namespace")?,
        filter: asked.take("filter")?,
        fields: asked.take("fields")?,
        q: asked.take("q")?,
        ..Question::default()
    };
    let from = asked.take("from")?;
    asked.finish()?;
    let listed = question.read(None)?;
    let resumed = headers.get(LAST_EVENT_ID);
    let resumed = resumed.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    // A client that reconnects repeats its first question, so what it has read since is what counts.
    let position = match resumed.filter(|id| !id.is_empty()).or(from) {
        Some(text) => Position::parse(&text).ok_or_else(|| {
            Refusal::bad_request("reading from: it is no position; use the position of a listing or the id of an event")
        })?,
        None => local.store.position(),
    };
    let room = local.watches.0.clone().try_acquire_owned();
    let room = room.map_err(|_| too_many_watches(WATCHES_MAX))?;
    let (outlet, events) = stream::stream();
    tokio::spawn(run(local, Watching::new(listed, position), outlet, room));
    let kind = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((kind, Body::new(events)).into_response())
}

/// Tells until nobody listens, somebody does not listen any more, or the agent stops.
async fn run(local: Arc<Local>, mut watching: Watching, mut outlet: Outlet, _room: OwnedSemaphorePermit) {
    let mut changes = local.store.changes();
    let mut driver = local.live.clone();
    if !outlet.put(alive(&watching)).await {
        return;
    }
    loop {
        changes.mark_unchanged();
        let told;
        (watching, told) = match next(local.store.clone(), watching).await {
            Ok(next) => next,
            Err(refusal) => {
                tracing::error!("telling of changes: {}", refusal.into_problem().detail);
                return;
            }
        };
        if !told.events.is_empty() && !outlet.put(told.events).await {
            return;
        }
        if told.more {
            continue;
        }
        // The driver never is what is waited for here: when it is gone, so is the agent.
        let stopped = async {
            let _ = driver.wait_for(|_| false).await;
        };
        tokio::select! {
            changed = changes.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            () = outlet.closed() => return,
            () = stopped => return,
            () = tokio::time::sleep(Duration::from_millis(KEEP_ALIVE_MS)) => {}
        }
        if !outlet.put(alive(&watching)).await {
            return;
        }
    }
}

async fn next(store: Store, mut watching: Watching) -> Result<(Watching, Told), Refusal> {
    on_a_reader(move || {
        let told = watching.next(&store)?;
        Ok((watching, told))
    })
    .await
}

/// A comment, and the position without an event: what did not concern the reader is not to be told to it again.
fn alive(watching: &Watching) -> String {
    format!(": watching\nid: {}\n\n", watching.position())
}
