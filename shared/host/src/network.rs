//! News of the machine's network: an address or a route has come.
//!
//! The kernel tells by a netlink socket (RFC 3549; rtnetlink(7)). What exactly has come does not matter here: whoever
//! waits before trying again has a reason to try now.

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use std::io;
use tokio::net::UnixDatagram;

/// Groups of `NETLINK_ROUTE`: addresses and routes of IPv4 and IPv6.
const GROUPS: u32 = 0x10 | 0x40 | 0x100 | 0x400;
/// Kinds of messages: a new address, a new route.
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
/// A header has the message's length, kind, flags, number and sender.
const HEADER_BYTES: usize = 16;
/// As long as the kernel's own buffer for one batch of messages.
const BATCH_BYTES_MAX: usize = 32 * 1024;

/// A watch of the machine's network.
#[derive(Debug)]
pub struct NetworkNews {
    /// A netlink socket, which is read as any socket of datagrams is.
    socket: UnixDatagram,
}

impl NetworkNews {
    /// Begins to watch. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// When the kernel gives no such socket, as in some sandboxes.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        let socket = UnixDatagram::from_std(std::os::unix::net::UnixDatagram::from(socket))?;
        Ok(Self { socket })
    }

    /// Forgets what has come so far.
    pub fn forget(&self) {
        while matches!(self.read(), Ok(Read::Came | Read::Other)) {}
    }

    /// Waits until an address or a route has come, also one that has come since the last look.
    ///
    /// # Errors
    ///
    /// When the socket fails; there will be no more news.
    pub async fn came(&self) -> io::Result<()> {
        loop {
            self.socket.readable().await?;
            if let Read::Came = self.read()? {
                return Ok(());
            }
        }
    }

    fn read(&self) -> io::Result<Read> {
        let mut batch = vec![0; BATCH_BYTES_MAX];
        match self.socket.try_recv(&mut batch) {
            Ok(length) if tells_of_news(&batch[..length.min(BATCH_BYTES_MAX)]) => Ok(Read::Came),
            Ok(_) => Ok(Read::Other),
            // There was more news than the kernel could hold.
            Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => Ok(Read::Came),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::Nothing),
            Err(error) => Err(error),
        }
    }
}

enum Read {
    Came,
    Other,
    Nothing,
}

/// Whether one of these messages tells of an address or a route that has come.
fn tells_of_news(mut batch: &[u8]) -> bool {
    while let Some((header, _)) = batch.split_at_checked(HEADER_BYTES) {
        let [a, b, c, d, kind, of, ..] = *header else {
            return false;
        };
        let kind = u16::from_ne_bytes([kind, of]);
        if kind == NEW_ADDRESS || kind == NEW_ROUTE {
            return true;
        }
        // Messages begin at multiples of four bytes.
        let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let next = length.max(HEADER_BYTES).checked_next_multiple_of(4);
        batch = next.and_then(|next| batch.get(next..)).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, content: usize) -> Vec<u8> {
        let length = u32::try_from(HEADER_BYTES + content).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize((HEADER_BYTES + content).next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn an_address_or_a_route_that_comes_is_news_and_one_that_goes_is_not() {
        for (kind, news) in [
            (NEW_ADDRESS, true),
            (NEW_ROUTE, true),
            (21, false),
            (25, false),
            (16, false),
        ] {
            assert_eq!(tells_of_news(&message(kind, 7)), news, "{kind}");
        }
        assert!(tells_of_news(
            &[message(16, 5), message(21, 0), message(24, 9)].concat()
        ));
    }

    #[test]
    fn broken_messages_are_no_news_and_end() {
        for bytes in [vec![], vec![0; 15], vec![0; 64], vec![0xff; 64]] {
            assert!(!tells_of_news(&bytes));
        }
    }

    #[tokio::test]
    async fn without_news_nobody_is_woken() {
        let news = NetworkNews::open().unwrap();
        news.forget();
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), news.came()).await;
        // Another test on this machine may change its network just now.
        assert!(waited.is_err() || waited.is_ok_and(|came| came.is_ok()));
    }
}
