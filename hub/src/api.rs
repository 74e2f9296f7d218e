//! The local API: HTTP and JSON over the control socket, and over TCP where the settings say so.
//!
//! What it answers about models is what an agent answers, by the same code; beside that it tells of agents and of the
//! registry, and does what the command line asks.

mod backup;
mod condition;
mod element;
mod fresh;
mod health;
mod metrics;
#[cfg(test)]
mod openapi;
mod operate;
mod problem;
mod puts;
mod read;
mod registry;
mod request;

pub(crate) use backup::Backups;
pub(crate) use puts::Puts;
pub(crate) use registry::own_registry;

use crate::answer::{CountsStatus, LinkStatus, Running};
use crate::driver::{Inlet, Live};
use crate::following::{Follower, Waits};
use crate::opening::now;
use crate::registrar::Registrar;
use crate::store::Store;
use axum::Router;
use headland_api::models;
use headland_api::route::{self, Route, get, post, put};
use headland_host::link::LinkHandle;
use headland_host::text::segment;
use headland_shared::key::RecordKey;
use headland_shared::session::Ms;
use std::sync::Arc;
use tokio::sync::watch;

/// The longest body of a request, in bytes: as many paths as an import takes, each as long as paths may be.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What the API answers from.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) store: Store,
    pub(crate) live: watch::Receiver<Live>,
    pub(crate) inlet: Inlet,
    pub(crate) link: LinkHandle,
    pub(crate) region: String,
    /// How the registry of another hub is followed, if it is.
    pub(crate) follower: Option<Follower>,
    /// What sets elements in the database that is followed, if one is.
    pub(crate) registrar: Option<Registrar>,
    pub(crate) started: Ms,
    pub(crate) backups: Backups,
    pub(crate) puts: Puts,
    /// How often the registry's present state was wanted.
    pub(crate) waits: Waits,
}

impl Local {
    /// What there is to say of the hub that runs.
    fn running(&self) -> Running {
        let live = self.live.borrow().clone();
        let (link, counts) = (self.link.counts(), live.counts);
        Running {
            broker: live.broker,
            trouble: live.trouble,
            uptime_ms: now().mono.saturating_sub(self.started),
            counts: CountsStatus {
                frames_refused: counts.frames_refused,
                hellos: counts.hellos,
                hellos_put_off: counts.put_off,
                hellos_overtaken: counts.overtaken,
                hellos_present: counts.present,
                hellos_present_late: counts.present_late,
                snapshots: counts.snapshots,
                repairs: counts.repairs,
                records_found_to_differ: counts.compared_records,
                agents_went_back: counts.went_back,
                names_fenced: counts.fenced,
                times_restored: counts.restored,
                writes: counts.writes,
                writes_refused: counts.writes_refused,
                batches: counts.batches,
                urgent: counts.urgent,
                digest_mismatches: counts.mismatches,
                frames_dropped: live.frames_dropped + link.dropped_in,
            },
            link: LinkStatus {
                sessions: link.sessions,
                frames_in: link.frames_in,
                bytes_in: link.bytes_in,
                frames_out: link.frames_out,
                bytes_out: link.bytes_out,
            },
            queue: self.inlet.queue(),
            puts: self.puts.told(),
            puts_ms: self.puts.took_ms(),
            present: self.waits.told(),
        }
    }
}

/// All that the API does.
fn routes() -> Vec<Route<Local>> {
    let mut routes = models::routes();
    routes.extend([
        get("/healthz", health::health),
        get("/metrics", metrics::metrics),
        get("/v1/openapi.json", read::description),
        get("/v1/status", read::status),
        get("/v1/agents", read::agents),
        get("/v1/agents/{name}", read::agent),
        get("/v1/history", read::history),
        get("/v1/annotations", read::annotations),
        get("/v1/backup", backup::backup),
        post("/v1/import", operate::import),
        post("/v1/revert", operate::revert),
        post("/v1/decisions", operate::decide),
        get(element::CURRENT, element::current),
        put(element::CURRENT, element::put_current),
        get(element::ALIAS, element::alias),
        put(element::ALIAS, element::put_alias),
        get(element::APPROVAL, element::approval),
        put(element::APPROVAL, element::put_approval),
        get(request::REQUEST, request::request),
        get("/v1/registry", registry::registry),
        get("/v1/registry/changes", registry::changes),
        post("/v1/registry/release", registry::release),
    ]);
    routes
}

/// The API's router.
pub(crate) fn router(local: Local) -> Router {
    route::router(routes(), BODY_BYTES_MAX, Arc::new(local))
}

/// The path of a model.
pub(crate) fn target(key: &RecordKey) -> String {
    format!(
        "/v1/namespaces/{}/models/{}",
        segment(key.namespace.as_str()),
        segment(key.name.as_str())
    )
}
