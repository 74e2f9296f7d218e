//! A body that is written as it goes, and knows how much of it nobody has read.

use axum::body::Bytes;
use headland_api::stream::{self, Pieces};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Pieces on their way: one that is being sent and the next. With few, the connection never holds so much that it stops
/// asking for more, and so it hears of it when it is to end.
const PIECES_MAX: usize = 2;

/// How long a reader may take for a piece before it is dropped. What the kernel holds for it comes on top, so that this
/// is the time in which it reads nothing at all.
const UNREAD_MS_MAX: u64 = 10_000;

/// A reader that does not read.
#[derive(Debug, thiserror::Error)]
#[error("telling of changes: the reader has read nothing for {UNREAD_MS_MAX} ms and is dropped; let it connect again")]
pub(super) struct Unread;

/// Where pieces go in.
#[derive(Debug)]
pub(super) struct Outlet {
    pieces: Sender<Result<Bytes, Unread>>,
    window: Arc<Semaphore>,
}

/// Both ends.
pub(super) fn stream() -> (Outlet, Pieces<Unread>) {
    // One more than the window, for the error.
    let (pieces, taken) = stream::pieces(PIECES_MAX + 1);
    let window = Arc::new(Semaphore::new(PIECES_MAX));
    (Outlet { pieces, window }, taken)
}

/// A piece that gives its room in the window back when the connection has sent it.
struct Piece {
    text: String,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Outlet {
    /// Puts a piece in once there is room. Says no when the reader is gone, or was dropped since it does not read.
    pub(super) async fn put(&mut self, text: String) -> bool {
        let room = self.window.clone().acquire_owned();
        let room = tokio::select! {
            room = tokio::time::timeout(Duration::from_millis(UNREAD_MS_MAX), room) => room,
            () = self.pieces.closed() => return false,
        };
        match room {
            Ok(Ok(room)) => {
                let piece = Bytes::from_owner(Piece { text, _room: room });
                self.pieces.send(Ok(piece)).await.is_ok()
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("{Unread}");
                // A reader that has gone meanwhile needs no telling.
                let _ = self.pieces.try_send(Err(Unread));
                false
            }
        }
    }

    /// Waits until the reader is gone.
    pub(super) async fn closed(&self) {
        self.pieces.closed().await;
    }
}
