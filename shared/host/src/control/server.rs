//! The daemon's end of the control socket.

use std::future::Future;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::access::{self, SocketAccess};
use super::loopback::LoopbackListener;
use super::serving::serve_until;

/// The longest path of a Unix socket in bytes, by the size of the kernel's `sun_path` less its
/// closing zero.
const PATH_BYTES_MAX: usize = 107;

/// What the socket's name ends with until it has its permissions: a directory of that name, which nobody else gets
/// into, and the socket within.
const UNFINISHED_SUFFIX: &str = ".new";
const UNFINISHED_NAME: &str = "s";

/// The longest path of a control socket: the one under which it is bound is longer.
const OWN_PATH_BYTES_MAX: usize = PATH_BYTES_MAX - UNFINISHED_SUFFIX.len() - UNFINISHED_NAME.len() - 1;

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
        "binding control socket {}: the path is longer than {} bytes; name a shorter one", path.display(), OWN_PATH_BYTES_MAX
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// The group that the socket is to have cannot be found.
    #[error("binding control socket {}: {reason}", path.display())]
    Group {
        /// The socket.
        path: PathBuf,
        /// Why not, with the remedy.
        reason: String,
    },
    /// The machine refused.
    #[error("binding control socket {}: {reason}; check its directory and permissions", path.display())]
    Io {
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
    /// Binds the socket at `path`, creating its directory, for those whom `access` names. There is no moment in which
    /// anybody else could connect.
    ///
    /// A socket left behind by a process that is gone is replaced. From here on, clients can
    /// connect; they are answered once [`ControlSocket::serve`] runs. Must be called within a
    /// runtime.
    ///
    /// # Errors
    ///
    /// See [`ServeError`].
    pub async fn bind(path: &Path, access: &SocketAccess) -> Result<Self, ServeError> {
        let io_error = |error: io::Error| ServeError::Io {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        if path.as_os_str().len() > OWN_PATH_BYTES_MAX {
            return Err(ServeError::PathTooLong {
                path: path.to_path_buf(),
            });
        }
        access.find().map_err(|error| ServeError::Group {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io_error)?;
        }
        refuse_unless_stale(path).await?;
        // Bound where nobody gets in before it has its permissions, which also replaces the stale socket in one step.
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(UNFINISHED_SUFFIX);
        let unfinished = PathBuf::from(unfinished);
        remove_unfinished(&unfinished).map_err(io_error)?;
        access::private_directory(&unfinished).map_err(io_error)?;
        let within = unfinished.join(UNFINISHED_NAME);
        let bound = UnixListener::bind(&within).and_then(|listener| {
            access.apply(&within)?;
            std::fs::rename(&within, path)?;
            Ok(listener)
        });
        // Also when that has failed; what stays behind is removed by the next one to bind.
        let _ = remove_unfinished(&unfinished);
        let listener = bound.map_err(io_error)?;
        Ok(Self {
            listener: Some(listener),
            path: path.to_path_buf(),
            unlinked: false,
        })
    }

    /// Answers requests by `router` until `shutdown` is ready, then removes the socket and lets the
    /// requests under way finish for a moment.
    ///
    /// No client takes what belongs to the others: their number, and the time that each may take, are bounded.
    pub async fn serve(mut self, router: Router, shutdown: impl Future<Output = ()>) {
        let listener = self
            .listener
            .take()
            .expect("the listener is taken only here, and this consumes the socket");
        let shutdown = async {
            shutdown.await;
            // Before the listener closes: afterwards the next process may have put its own there.
            self.unlink();
        };
        serve_until(listener, router, shutdown).await;
    }

    /// Does what [`ControlSocket::serve`] does, and answers by the same router over TCP if there is such a listener.
    pub async fn serve_beside(
        self,
        loopback: Option<LoopbackListener>,
        router: Router,
        shutdown: impl Future<Output = ()>,
    ) {
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
        tokio::join!(over_socket, over_tcp);
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

/// Removes what another bind left unfinished: of this version a directory, of earlier ones a socket.
fn remove_unfinished(unfinished: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    match std::fs::symlink_metadata(unfinished) {
        Ok(found) if found.is_dir() => {
            gone(std::fs::remove_file(unfinished.join(UNFINISHED_NAME)))?;
            gone(std::fs::remove_dir(unfinished))
        }
        Ok(_) => gone(std::fs::remove_file(unfinished)),
        Err(error) => gone(Err(error)),
    }
}
