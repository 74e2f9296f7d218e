//! The line between an agent's network and the broker's: TCP at both ends, and a Unix socket in between, which networks
//! do not divide.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// The role under which this binary is the agent's end.
pub(crate) const ROLE: &str = "idle-line";
/// In a network of its own every port is free.
pub(super) const PORT: u16 = 21_883;

/// Carries one connection until both ends have closed it.
async fn carry(mut left: impl AsyncRead + AsyncWrite + Unpin, mut right: impl AsyncRead + AsyncWrite + Unpin) {
    // A connection that breaks is told to the other end by its being closed.
    let _ = copy_bidirectional(&mut left, &mut right).await;
}

/// The broker's end, for ever.
pub(super) async fn broker_end(listener: UnixListener, broker: SocketAddr) {
    while let Ok((agent, _)) = listener.accept().await {
        tokio::spawn(async move {
            if let Ok(stream) = TcpStream::connect(broker).await {
                let _ = stream.set_nodelay(true);
                carry(agent, stream).await;
            }
        });
    }
}

/// The agent's end, until it is ended from outside: `--config FILE`, whose name with `.line` is the Unix socket.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let Some(config) = arguments.get(2) else {
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.and_then(|runtime| runtime.block_on(agent_end(&Path::new(config).with_extension("line"))));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn agent_end(socket: &Path) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await?;
    loop {
        let (agent, _) = listener.accept().await?;
        agent.set_nodelay(true)?;
        let line = UnixStream::connect(socket).await?;
        tokio::spawn(carry(agent, line));
    }
}
