//! Ports for test servers.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpSocket;

/// The first port handed out: above those that services are usually found on.
const PORT_FIRST: u16 = 20_000;

/// Ports handed out. All stay below 32768, where Linux starts to choose ports for outgoing
/// connections: one of those could take a port between the check and its use.
const PORT_COUNT: u16 = 12_000;

/// Distance between where processes with successive ids start, so that tests running side by side
/// do not compete for the same ports.
const PORTS_PER_PROCESS: u16 = 50;

static HANDED_OUT: AtomicU16 = AtomicU16::new(0);

/// A TCP port on 127.0.0.1 that nothing listens on, and that this process has not handed out
/// lately.
///
/// The port is not reserved: another process may still take it before the caller does.
pub fn free_port() -> io::Result<u16> {
    next_free(std::process::id(), &HANDED_OUT)
}

fn next_free(process: u32, handed_out: &AtomicU16) -> io::Result<u16> {
    for _ in 0..PORT_COUNT {
        let port = candidate(process, handed_out.fetch_add(1, Ordering::Relaxed));
        match try_bind(port) {
            Ok(()) => return Ok(port),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        "every port for tests is in use",
    ))
}

/// Fails if something listens on the port.
///
/// Binds and does not listen: a process that is started just now holds copies of all sockets until
/// it runs, and only the copy of a listening one would keep the caller from having the port.
pub fn try_bind(port: u16) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())
}

fn candidate(process: u32, nth: u16) -> u16 {
    let places = u32::from(PORT_COUNT / PORTS_PER_PROCESS);
    let start = (process % places) * u32::from(PORTS_PER_PROCESS);
    let offset = (start + u32::from(nth)) % u32::from(PORT_COUNT);
    PORT_FIRST + u16::try_from(offset).expect("smaller than PORT_COUNT, which is a u16")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn successive_ports_differ() {
        assert_ne!(free_port().unwrap(), free_port().unwrap());
    }

    #[test]
    fn every_candidate_is_below_the_outgoing_ports() {
        for process in [0, 1, 239, 240, 4_194_304, u32::MAX] {
            for nth in [0, 1, PORT_COUNT, u16::MAX] {
                let port = candidate(process, nth);
                assert!((PORT_FIRST..PORT_FIRST + PORT_COUNT).contains(&port));
            }
        }
    }

    #[test]
    fn neighbouring_processes_start_apart() {
        assert_eq!(candidate(8, 0) - candidate(7, 0), PORTS_PER_PROCESS);
    }

    #[test]
    fn a_port_in_use_is_not_handed_out() {
        // Far from where other tests get theirs.
        let process = std::process::id() + 120;
        let (nth, held) = (0..PORT_COUNT)
            .find_map(|nth| {
                let held = TcpListener::bind((Ipv4Addr::LOCALHOST, candidate(process, nth)));
                Some((nth, held.ok()?))
            })
            .unwrap();
        let next = next_free(process, &AtomicU16::new(nth)).unwrap();
        assert_ne!(next, held.local_addr().unwrap().port());
    }
}
