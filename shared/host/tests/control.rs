//! A daemon's control socket and the command line that talks to it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use headland_host::control::{
    ControlError, ControlSocket, ServeError, SocketAccess, SocketGroup, download, request, request_blocking,
    request_bytes,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Far longer than any request here takes, so that only a hang runs into it.
const TIMEOUT_MS: u64 = 20_000;

struct Daemon {
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Daemon {
    async fn start(path: &Path) -> Self {
        let router = Router::new()
            .route("/status", get(|| async { Json(json!({"up": true})) }))
            .route("/echo", post(|Json(body): Json<Value>| async move { Json(body) }))
            .route("/empty", post(|| async { StatusCode::NO_CONTENT }))
            .route("/text", get(|| async { "not json" }))
            .route("/never", get(|| async { std::future::pending::<String>().await }));
        let socket = ControlSocket::bind(path, &SocketAccess::default()).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(socket.serve(router, async {
            let _ = stopped.await;
        }));
        Self { stop, served }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
    }
}

fn socket_in(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("run/agent.sock")
}

async fn get_at(path: &Path, target: &str) -> Result<(StatusCode, Value), ControlError> {
    request(path, Method::GET, target, None, TIMEOUT_MS).await
}

#[tokio::test]
async fn request_gets_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let (status, value) = get_at(&path, "/status?full=1").await.unwrap();
    assert_eq!((status, value), (StatusCode::OK, json!({"up": true})));

    let body = json!({"name": "north", "count": 3});
    let sent = request(&path, Method::POST, "/echo", Some(&body), TIMEOUT_MS).await;
    assert_eq!(sent.unwrap(), (StatusCode::OK, body));

    let sent = request(&path, Method::POST, "/empty", None, TIMEOUT_MS).await;
    assert_eq!(sent.unwrap(), (StatusCode::NO_CONTENT, Value::Null));
    daemon.stop().await;
}

#[tokio::test]
async fn answer_of_failure_is_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let (status, _) = get_at(&path, "/nowhere").await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, value) = request(&path, Method::POST, "/echo", None, TIMEOUT_MS).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(value.is_string(), "{value}");
    daemon.stop().await;
}

#[tokio::test]
async fn answer_of_success_must_be_json() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let error = get_at(&path, "/text").await.unwrap_err();
    assert!(matches!(error, ControlError::NotJson { .. }), "{error:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn bytes_come_as_they_are_and_no_more_of_them_than_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let whole = request_bytes(&path, "/text", 8, TIMEOUT_MS).await.unwrap();
    assert_eq!(whole, (StatusCode::OK, b"not json".to_vec()));
    let error = request_bytes(&path, "/text", 7, TIMEOUT_MS).await.unwrap_err();
    assert!(matches!(error, ControlError::TooLong { bytes_max: 7, .. }), "{error:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_taken_in_comes_in_pieces_and_a_refusal_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let mut taken = Vec::new();
    let mut take = |piece: &[u8]| {
        taken.extend_from_slice(piece);
        Ok(())
    };
    let (status, _) = download(&path, "/text", TIMEOUT_MS, &mut take).await.unwrap();
    let (refused, _) = download(&path, "/nowhere", TIMEOUT_MS, &mut take).await.unwrap();
    assert_eq!((status, refused), (StatusCode::OK, StatusCode::NOT_FOUND));
    assert_eq!(taken, b"not json");
    let full = download(&path, "/text", TIMEOUT_MS, |_| {
        Err(std::io::ErrorKind::StorageFull.into())
    });
    assert!(matches!(full.await.unwrap_err(), ControlError::Kept { .. }));
    let silent = download(&path, "/never", 50, |_| Ok(())).await.unwrap_err();
    assert!(matches!(silent, ControlError::TimedOut { .. }), "{silent:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn answer_that_does_not_come_times_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let error = request(&path, Method::GET, "/never", None, 50).await.unwrap_err();
    assert!(matches!(error, ControlError::TimedOut { .. }), "{error:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn nobody_listens_on_a_missing_or_a_stale_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.sock");
    let error = get_at(&path, "/status").await.unwrap_err();
    assert!(matches!(error, ControlError::NobodyListens { .. }), "{error:?}");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let error = get_at(&path, "/status").await.unwrap_err();
    assert!(matches!(error, ControlError::NobodyListens { .. }), "{error:?}");
}

#[test]
fn request_needs_no_runtime_of_the_caller() {
    let path = Path::new("/nonexistent/agent.sock");
    let error = request_blocking(path, Method::GET, "/", None, TIMEOUT_MS).unwrap_err();
    assert!(matches!(error, ControlError::NobodyListens { .. }), "{error:?}");
}

#[tokio::test]
async fn socket_is_for_owner_and_group_and_goes_with_its_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    daemon.stop().await;
    let left: Vec<_> = std::fs::read_dir(dir.path().join("run")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn socket_has_the_mode_and_the_group_that_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let own = std::fs::metadata(dir.path()).unwrap().gid();
    // Another group than its own can be given by root alone.
    let group = if rustix::process::geteuid().is_root() {
        own + 1
    } else {
        own
    };
    let access = SocketAccess {
        mode: "0606".parse().unwrap(),
        group: Some(SocketGroup::try_from(group.to_string()).unwrap()),
    };
    let _socket = ControlSocket::bind(&path, &access).await.unwrap();
    let found = std::fs::metadata(&path).unwrap();
    assert_eq!((found.permissions().mode() & 0o777, found.gid()), (0o606, group));
    let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_group_that_is_not_there_is_refused_by_name_and_nobody_can_connect() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let access = SocketAccess {
        group: Some(SocketGroup::try_from("no-such-group".to_owned()).unwrap()),
        ..SocketAccess::default()
    };
    let error = ControlSocket::bind(&path, &access).await.unwrap_err();
    assert!(
        error.to_string().contains("there is no group \"no-such-group\""),
        "{error}"
    );
    assert!(!path.parent().unwrap().exists());
}

#[tokio::test]
async fn what_another_bind_left_unfinished_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let unfinished = path.with_extension("sock.new");
    std::fs::create_dir_all(&unfinished).unwrap();
    drop(std::os::unix::net::UnixListener::bind(unfinished.join("s")).unwrap());
    drop(ControlSocket::bind(&path, &SocketAccess::default()).await.unwrap());
    assert!(!unfinished.exists());
    drop(std::os::unix::net::UnixListener::bind(&unfinished).unwrap());
    drop(ControlSocket::bind(&path, &SocketAccess::default()).await.unwrap());
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn stale_socket_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let daemon = Daemon::start(&path).await;
    assert_eq!(get_at(&path, "/status").await.unwrap().0, StatusCode::OK);
    daemon.stop().await;
}

#[tokio::test]
async fn socket_of_a_live_daemon_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = socket_in(&dir);
    let daemon = Daemon::start(&path).await;
    let error = ControlSocket::bind(&path, &SocketAccess::default()).await.unwrap_err();
    assert!(matches!(error, ServeError::InUse { .. }), "{error:?}");
    assert_eq!(get_at(&path, "/status").await.unwrap().0, StatusCode::OK);
    daemon.stop().await;
}

#[tokio::test]
async fn file_that_is_no_socket_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes");
    std::fs::write(&path, "buy milk").unwrap();
    let error = ControlSocket::bind(&path, &SocketAccess::default()).await.unwrap_err();
    assert!(matches!(error, ServeError::NotASocket { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "buy milk");
}

#[tokio::test]
async fn path_too_long_for_the_kernel_is_refused_by_name() {
    let path = PathBuf::from(format!("/tmp/{}", "x".repeat(110)));
    let error = ControlSocket::bind(&path, &SocketAccess::default()).await.unwrap_err();
    assert!(matches!(error, ServeError::PathTooLong { .. }), "{error:?}");
}
