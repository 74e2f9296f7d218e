//! The daemon's end of the control socket.

use std::fs::Permissions;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::loopback::LoopbackListener;
use super::serving::serve_until;
use crate::loopback_address::LoopbackAddress;

/// Read and write for the owner and the group: connecting to a socket takes write permission.
const MODE: u32 = 0o660;

/// The longest path of a Unix socket in bytes, by the size of the kernel's `sun_path` less its
/// closing zero.
const PATH_BYTES_MAX: usize = 107;

/// What the socket's name ends with until it has its permissions.
const UNFINISHED_SUFFIX: &str = ".new";

/// Why the control socket could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process answers on the socket.
    #[error(
        "binding control socket {}: another process serves it; stop that process, or name another path", path.display()
    )]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// A file that is no socket is in the way.
    #[error(
        "binding control socket {}: a file that is not a socket is in its place; name another path, or move that file away", path.display()
    )]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// The path does not fit the kernel's address of a socket.
    #[error(
        "binding control socket {}: the path is longer than {} bytes; name a shorter one", path.display(), PATH_BYTES_MAX - UNFINISHED_SUFFIX.len()
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// The machine refused.
    #[error("binding control socket {}: {reason}; check its directory and permissions", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the machine said.
        reason: String,
    },
    /// The port was bound and then failed.
    #[error("serving api.listen {address}: {reason}; restart the program")]
    ServeTcp {
        /// Where it listened.
        address: LoopbackAddress,
        /// What the machine said.
        reason: String,
    },
    /// The socket was bound and then failed.
    #[error("serving control socket {}: {reason}; restart the program", path.display())]
    Serve {
        /// The socket.
        path: PathBuf,
        /// What the machine said.
        reason: String,
    },
}

/// A bound control socket; the file is removed when this is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: Option<UnixListener>,
    path: PathBuf,
    unlinked: bool,
}

impl ControlSocket {
    /// Binds the socket at `path`, creating its directory, for its owner and group alone.
    ///
    /// A socket left behind by a process that is gone is replaced. From here on, clients can
    /// connect; they are answered once [`ControlSocket::serve`] runs. Must be called within a
    /// runtime.
    ///
    /// # Errors
    ///
    /// See [`ServeError`].
    pub async fn bind(path: &Path) -> Result<Self, ServeError> {
        let io_error = |error: io::Error| ServeError::Io {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(UNFINISHED_SUFFIX);
        if unfinished.len() > PATH_BYTES_MAX {
            return Err(ServeError::PathTooLong {
                path: path.to_path_buf(),
            });
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io_error)?;
        }
        refuse_unless_stale(path).await?;
        // Bound under another name, so that nobody can connect before the permissions are set and
        // the stale socket is replaced in one step.
        remove_if_there(Path::new(&unfinished)).map_err(io_error)?;
        let listener = UnixListener::bind(&unfinished).map_err(io_error)?;
        std::fs::set_permissions(&unfinished, Permissions::from_mode(MODE)).map_err(io_error)?;
        std::fs::rename(&unfinished, path).map_err(io_error)?;
        Ok(Self {
            listener: Some(listener),
            path: path.to_path_buf(),
            unlinked: false,
        })
    }

    /// Answers requests by `router` until `shutdown` is ready, then removes the socket and lets the
    /// requests under way finish for a moment.
    ///
    /// # Errors
    ///
    /// When the socket fails while it is served.
    pub async fn serve(mut self, router: Router, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let listener = self
            .listener
            .take()
            .expect("the listener is taken only here, and this consumes the socket");
        let path = self.path.clone();
        let shutdown = async {
            shutdown.await;
            // Before the listener closes: afterwards the next process may have put its own there.
            self.unlink();
        };
        let served = serve_until(listener, router, shutdown).await;
        served.map_err(|reason| ServeError::Serve { path, reason })
    }

    /// Does what [`ControlSocket::serve`] does, and answers by the same router over TCP if there is such a listener.
    ///
    /// # Errors
    ///
    /// When either fails while it is served; then both end.
    pub async fn serve_beside(
        self,
        loopback: Option<LoopbackListener>,
        router: Router,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Some(loopback) = loopback else {
            return self.serve(router, shutdown).await;
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let over_tcp = loopback.serve(router.clone(), async {
            // A sender that is gone means the end as well.
            let _ = stopped.await;
        });
        let over_socket = self.serve(router, async {
            shutdown.await;
            drop(stop);
        });
        tokio::try_join!(over_socket, over_tcp).map(|_| ())
    }

    fn unlink(&mut self) {
        if !self.unlinked {
            self.unlinked = true;
            // A socket that stays behind is recognised as stale by the next process.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.unlink();
    }
}

async fn refuse_unless_stale(path: &Path) -> Result<(), ServeError> {
    let io_error = |error: io::Error| ServeError::Io {
        path: path.to_path_buf(),
        reason: error.to_string(),
    };
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => {
            return Err(ServeError::NotASocket {
                path: path.to_path_buf(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(error)),
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(ServeError::InUse {
            path: path.to_path_buf(),
        }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // A listener whose queue is full is alive.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(ServeError::InUse {
            path: path.to_path_buf(),
        }),
        Err(error) => Err(io_error(error)),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
