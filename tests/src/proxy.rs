//! A TCP proxy that can be cut: the link between two programs, with a switch.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Bytes held for each direction of a connection: a few packets, so that a slow reader soon
/// slows its writer instead of filling the proxy.
const BUFFER_BYTES: usize = 16 * 1024;

/// Connections carried at once: two files each, within what a raised limit on open files allows.
const CONNECTIONS_MAX: usize = 4_096;

/// How long to leave a listener alone that could not accept: it is out of files, and only time
/// brings them back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens in one place and carries every connection to another, until it is cut or dropped.
#[derive(Debug)]
pub struct Proxy {
    listen: SocketAddr,
    link: Arc<Link>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Link {
    // Odd while cut. A number, because a connection must notice a cut that was already restored.
    epoch: watch::Sender<u64>,
    up: AtomicU64,
    down: AtomicU64,
    // Zero for as fast as it goes.
    bytes_per_s: AtomicU64,
    swallows: AtomicBool,
}

impl Proxy {
    /// Listens at `listen` (port 0 chooses one), and carries connections to `upstream` on the
    /// current tokio runtime.
    ///
    /// Fails outside of a runtime, or if the address cannot be had.
    pub fn start(listen: SocketAddr, upstream: SocketAddr) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let listen = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let (epoch, _) = watch::channel(0);
        let link = Arc::new(Link {
            epoch,
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            bytes_per_s: AtomicU64::new(0),
            swallows: AtomicBool::new(false),
        });
        let accepting = runtime.spawn(accept(listener, upstream, Arc::clone(&link)));
        Ok(Self {
            listen,
            link,
            accepting,
        })
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Resets every connection, and every new one until [`Proxy::restore`].
    ///
    /// Returns at once; the connections end as soon as the runtime gets to them.
    pub fn cut(&self) {
        self.link.set_cut(true);
    }

    /// Carries new connections again. Those that were cut stay cut.
    pub fn restore(&self) {
        self.link.set_cut(false);
    }

    /// Whether the link is cut.
    pub fn is_cut(&self) -> bool {
        is_cut(*self.link.epoch.borrow())
    }

    /// Lets each direction of each connection carry about so many bytes a second from now on; none: as fast as it
    /// goes.
    pub fn pace(&self, bytes_per_s: Option<u64>) {
        self.link.bytes_per_s.store(bytes_per_s.unwrap_or(0), Ordering::Relaxed);
    }

    /// Takes what comes on each connection and passes nothing on, no end either, or carries again. What was swallowed is
    /// lost, so a connection that carried something meanwhile is of no use after.
    pub fn swallow(&self, swallows: bool) {
        self.link.swallows.store(swallows, Ordering::Relaxed);
    }

    /// Bytes carried from clients to the upstream, without what TCP adds to them.
    pub fn bytes_up(&self) -> u64 {
        self.link.up.load(Ordering::Relaxed)
    }

    /// Bytes carried from the upstream to clients, without what TCP adds to them.
    pub fn bytes_down(&self) -> u64 {
        self.link.down.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The connections end with it, since it owns their tasks.
        self.accepting.abort();
    }
}

impl Link {
    fn set_cut(&self, cut: bool) {
        self.epoch.send_if_modified(|epoch| {
            let changes = is_cut(*epoch) != cut;
            *epoch += u64::from(changes);
            changes
        });
    }
}

fn is_cut(epoch: u64) -> bool {
    epoch % 2 == 1
}

async fn accept(listener: TcpListener, upstream: SocketAddr, link: Arc<Link>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    let epoch = *link.epoch.borrow();
                    if is_cut(epoch) || connections.len() >= CONNECTIONS_MAX {
                        reset(&client);
                        continue;
                    }
                    connections.spawn(carry(client, upstream, Arc::clone(&link), epoch));
                }
                Err(error) => {
                    tracing::warn!(%error, "the proxy could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn carry(mut client: TcpStream, upstream: SocketAddr, link: Arc<Link>, epoch: u64) {
    let mut epochs = link.epoch.subscribe();
    let cut = epochs.wait_for(|now| *now != epoch);
    tokio::pin!(cut);
    let dialled = tokio::select! {
        biased;
        _ = &mut cut => return reset(&client),
        dialled = TcpStream::connect(upstream) => dialled,
    };
    let Ok(mut server) = dialled else {
        return reset(&client);
    };
    // Only for latency, so a refusal changes nothing that matters.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::try_join!(
                pump(from_client, to_server, &link, &link.up),
                pump(from_server, to_client, &link, &link.down),
            )
        };
        tokio::select! {
            biased;
            _ = &mut cut => Err(()),
            ended = both => ended.map(drop).map_err(drop),
        }
    };
    if ended.is_err() {
        reset(&client);
        reset(&server);
    }
}

/// One direction, until its end: then the reader's end of file is passed on, and the other
/// direction goes on.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    link: &Link,
    carried: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await;
        if link.swallows.load(Ordering::Relaxed) {
            match read {
                Ok(1..) => continue,
                // An end is swallowed too: the other side never hears of it.
                Ok(0) | Err(_) => std::future::pending().await,
            }
        }
        let length = read?;
        if length == 0 {
            return to.shutdown().await;
        }
        let pace = link.bytes_per_s.load(Ordering::Relaxed);
        if pace > 0 {
            // A slow line: what it carries arrives when all of it is through.
            tokio::time::sleep(Duration::from_secs_f64(length as f64 / pace as f64)).await;
        }
        to.write_all(&buffer[..length]).await?;
        carried.fetch_add(length as u64, Ordering::Relaxed);
    }
}

/// Makes the coming close a reset, which also drops what the kernel has not sent yet: a cut link
/// delivers nothing more.
fn reset(stream: &TcpStream) {
    // Fails only if the connection is gone already.
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests;
