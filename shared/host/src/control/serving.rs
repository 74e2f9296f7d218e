//! Serving a router on any listener, and stopping soon.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::sync::oneshot;

use super::connections;

/// How long the requests under way may take to finish once the daemon is to stop. A command line
/// that reads slowly must not keep its machine from shutting down.
const DRAIN_MS_MAX: u64 = 2_000;

/// Answers requests until `shutdown` is ready, which is waited for once and may clean up; then closes the listener and
/// lets the requests under way finish for a moment.
pub(super) async fn serve_until<L: Listener>(listener: L, router: Router, shutdown: impl Future<Output = ()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let served = connections::serve(listener, router, async {
        // A sender that is gone means that serving is over as well.
        let _ = stopped.await;
    });
    let deadline = async {
        shutdown.await;
        let _ = stop.send(());
        tokio::time::sleep(Duration::from_millis(DRAIN_MS_MAX)).await;
    };
    tokio::select! {
        () = served => {}
        () = deadline => {}
    }
}
