//! Taking a backup while the hub runs.

use super::Local;
use crate::backup;
use crate::store::Snapshot;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_api::stream::pieces;
use headland_host::clock::wall_ms;
use headland_host::tables::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;

/// Backups at a time: each holds a reader's thread, and what the store would free meanwhile.
const BACKUPS_MAX: usize = 1;

/// Blocks on their way: one that is being sent and the next.
const PIECES_MAX: usize = 2;

/// How long a reader may take for a block before it is given up: a slow disk or network is done with one long before.
const UNREAD_MS_MAX: u64 = 30_000;

/// Room for backups.
#[derive(Debug, Clone)]
pub(crate) struct Backups(Arc<Semaphore>);

impl Default for Backups {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BACKUPS_MAX)))
    }
}

/// Why a backup was broken off.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenOff {
    /// The store failed.
    #[error("backing up: {0}")]
    Store(#[from] StoreError),
    /// Nobody takes it any more, or nobody took anything for too long.
    #[error("backing up: its reader has gone, or has taken nothing for {UNREAD_MS_MAX} ms; take it again")]
    Unread,
}

/// `GET /v1/backup`
pub(super) async fn backup(State(local): State<Arc<Local>>) -> Result<Response, Refusal> {
    let room = local.backups.0.clone().try_acquire_owned();
    let room = room.map_err(|_| {
        let detail = "backing up: a backup is being taken already; wait for it, and try again";
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "backup-under-way",
            "Backup under way",
            detail,
        )
    })?;
    let reader = Arc::clone(&local);
    let snapshot = on_a_reader(move || Ok(reader.store.snapshot()?)).await?;
    let (sender, body) = pieces(PIECES_MAX);
    let region = local.region.clone();
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _room = room;
        match send(&snapshot, &region, &sender, &handle) {
            Ok(()) => tracing::info!("a backup was taken"),
            Err(error) => {
                tracing::warn!("{error}");
                // Breaks the answer off; a reader that has gone needs no telling.
                let _ = sender.try_send(Err(error));
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, Body::new(body)).into_response())
}

fn send(
    snapshot: &Snapshot,
    region: &str,
    sender: &Sender<Result<Bytes, BrokenOff>>,
    handle: &Handle,
) -> Result<(), BrokenOff> {
    let patience = Duration::from_millis(UNREAD_MS_MAX);
    backup::take(snapshot, region, wall_ms(), |block| {
        let sending = async { tokio::time::timeout(patience, sender.send(Ok(block.into()))).await };
        match handle.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(BrokenOff::Unread),
        }
    })
    .map(|_| ())
}
