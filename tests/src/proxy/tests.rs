use std::net::Ipv4Addr;

use super::*;
use crate::ports::free_port;

/// How long anything awaited here may take; local, so far more than it needs.
const PATIENCE: Duration = Duration::from_secs(10);

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// An address that nothing listens on.
fn nowhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port().unwrap()).into()
}

/// Sends every byte back.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind(anywhere()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let _ = to.shutdown().await;
            });
        }
    });
    address
}

async fn exchange(stream: &mut TcpStream, sent: &[u8]) -> io::Result<()> {
    let mut back = vec![0; sent.len()];
    let (mut from, mut to) = stream.split();
    let both = async { tokio::try_join!(to.write_all(sent), from.read_exact(&mut back)) };
    tokio::time::timeout(PATIENCE, both).await??;
    assert!(back == sent, "the bytes changed on their way");
    Ok(())
}

/// Waits until the other side ends the connection; true if it ended cleanly.
async fn ended(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .unwrap()
        .is_ok()
}

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted() {
    let proxy = Proxy::start(anywhere(), echo().await).unwrap();
    let mut stream = TcpStream::connect(proxy.listen()).await.unwrap();
    exchange(&mut stream, &[7; 100_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(ended(&mut stream).await);
    assert_eq!(proxy.bytes_up(), 100_000);
    assert_eq!(proxy.bytes_down(), 100_000);
}

#[tokio::test]
async fn a_cut_ends_connections_and_refuses_new_ones_until_restored() {
    let proxy = Proxy::start(anywhere(), echo().await).unwrap();
    let mut old = TcpStream::connect(proxy.listen()).await.unwrap();
    exchange(&mut old, b"before").await.unwrap();

    proxy.cut();
    assert!(proxy.is_cut());
    assert!(!ended(&mut old).await);
    let refused = match TcpStream::connect(proxy.listen()).await {
        Ok(mut new) => exchange(&mut new, b"during").await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
    assert_eq!(proxy.bytes_up(), 6);

    proxy.restore();
    assert!(!proxy.is_cut());
    let mut new = TcpStream::connect(proxy.listen()).await.unwrap();
    exchange(&mut new, b"after").await.unwrap();
}

#[tokio::test]
async fn a_cut_restored_at_once_still_ends_connections() {
    let proxy = Proxy::start(anywhere(), echo().await).unwrap();
    let mut stream = TcpStream::connect(proxy.listen()).await.unwrap();
    exchange(&mut stream, b"before").await.unwrap();
    proxy.cut();
    proxy.restore();
    assert!(!ended(&mut stream).await);
}

#[tokio::test]
async fn a_cut_ends_a_connection_whose_client_does_not_read() {
    let proxy = Proxy::start(anywhere(), echo().await).unwrap();
    let mut stream = TcpStream::connect(proxy.listen()).await.unwrap();
    exchange(&mut stream, b"before").await.unwrap();
    let flood = async {
        let chunk = vec![0; BUFFER_BYTES];
        // Ends with the connection: nobody reads what comes back, so it fills up and stays.
        while stream.write_all(&chunk).await.is_ok() {}
    };
    let cut = async {
        while proxy.bytes_up() < 100_000 {
            tokio::task::yield_now().await;
        }
        proxy.cut();
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(flood, cut) })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_upstream_that_is_down_ends_the_client() {
    let gone = nowhere();
    let proxy = Proxy::start(anywhere(), gone).unwrap();
    let mut stream = TcpStream::connect(proxy.listen()).await.unwrap();
    assert!(!ended(&mut stream).await);
}

#[tokio::test]
async fn dropping_the_proxy_ends_connections_and_frees_the_port() {
    // Not any port: another test could be given it as soon as it is free.
    let listen = nowhere();
    let proxy = Proxy::start(listen, echo().await).unwrap();
    let mut stream = TcpStream::connect(listen).await.unwrap();
    exchange(&mut stream, b"before").await.unwrap();
    drop(proxy);
    ended(&mut stream).await;
    // Not at once: a process that another test starts holds copies of all sockets until it runs.
    let freed = async {
        while TcpListener::bind(listen).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
}

#[test]
fn outside_of_a_runtime_it_fails_instead_of_panicking() {
    assert!(Proxy::start(anywhere(), anywhere()).is_err());
}

#[tokio::test]
async fn a_slow_link_takes_its_time_and_a_fast_one_does_not() {
    let proxy = Proxy::start(anywhere(), echo().await).unwrap();
    proxy.pace(Some(100_000));
    let mut stream = TcpStream::connect(proxy.listen()).await.unwrap();
    let slow = tokio::time::Instant::now();
    exchange(&mut stream, &[7; 30_000]).await.unwrap();
    let slow = slow.elapsed();
    assert!(slow >= Duration::from_millis(300), "{slow:?}");
    proxy.pace(None);
    let fast = tokio::time::Instant::now();
    exchange(&mut stream, &[7; 30_000]).await.unwrap();
    assert!(fast.elapsed() < slow, "{:?} after {slow:?}", fast.elapsed());
}

#[tokio::test]
async fn what_is_swallowed_does_not_arrive_and_no_connection_ends() {
    let proxy = Proxy::start(anywhere(), echo().await).unwrap();
    let mut stream = TcpStream::connect(proxy.listen()).await.unwrap();
    exchange(&mut stream, b"before").await.unwrap();
    let carried = proxy.bytes_up();
    proxy.swallow(true);
    stream.write_all(b"lost").await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    proxy.swallow(false);
    exchange(&mut stream, b"after").await.unwrap();
    assert_eq!(proxy.bytes_up(), carried + 5);
}
