//! Serving connections so that none of them can take what belongs to the others.
//!
//! What comes too slowly, or is not read, ends its connection; how many there may be, and who has to go, is in
//! [`super::seats`].

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::serve::Listener;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::Sleep;
use tokio_io_timeout::TimeoutStream;

use super::seats::{CONNECTIONS_MAX, Seats, Taking, Working};

/// How long a client may take for the head of a request, and may be idle before the next one.
const HEAD_MS_MAX: u64 = 10_000;

/// How long a client may take for the body of a request: it is short and local.
const BODY_MS_MAX: u64 = 10_000;

/// How long a client may read nothing of an answer.
const UNREAD_MS_MAX: u64 = 10_000;

/// The longest head of a request, and what is kept to be written at once, in bytes: the longest filter, order, words and
/// page token fit, all percent-encoded.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// How long somebody who has found no place is listened to.
const REFUSE_MS_MAX: u64 = 100;

/// Answers requests by `router` until `stopped` is ready; then lets those under way finish.
pub(super) async fn serve<L: Listener>(mut listener: L, router: Router, stopped: impl Future<Output = ()>) {
    let seats = Seats::default();
    let (stop, stopping) = watch::channel(());
    // Each connection holds a receiver, and so the sender learns when the last one is gone.
    let (all, one_of_all) = watch::channel(());
    let mut stopped = pin!(stopped);
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        let seat = tokio::select! {
            seat = seats.place() => seat,
            () = &mut stopped => break,
        };
        match seat {
            Some(seat) => {
                let (router, stopping, one_of_all) = (router.clone(), stopping.clone(), one_of_all.clone());
                tokio::spawn(async move {
                    connection(stream, router, seat, stopping).await;
                    drop(one_of_all);
                });
            }
            None => refuse(stream).await,
        }
    }
    drop((stop, one_of_all, listener));
    all.closed().await;
}

/// Serves one connection to its end.
async fn connection<S>(stream: S, router: Router, seat: Arc<Taking>, mut stopping: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(Duration::from_millis(UNREAD_MS_MAX)));
    let service = TowerToHyperService::new(router);
    let of_requests = Arc::clone(&seat);
    let service = service_fn(move |request: Request<Incoming>| {
        let exchange = Arc::new(Exchange::of(Arc::clone(&of_requests)));
        let request = request.map(|body| Body::new(Coming::new(body, Arc::clone(&exchange))));
        let answered = service.call(request);
        async move {
            let response: Response<Body> = answered.await?;
            Ok::<_, Infallible>(response.map(|body| Going::new(body, exchange)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_MS_MAX))
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = pin!(connection);
    let mut told_to_end = false;
    loop {
        tokio::select! {
            // How it ended is its client's affair.
            _ = connection.as_mut() => return,
            () = seat.wanted() => {
                tracing::debug!("a connection to the local API gave its place to another");
                return;
            }
            _ = stopping.changed(), if !told_to_end => {
                told_to_end = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Tells somebody for whom there is no place, as far as that goes without waiting for it.
async fn refuse(mut stream: impl AsyncWrite + Unpin) {
    let detail = format!(
        "answering: {CONNECTIONS_MAX} connections are at work, which is as many as there may be; try again, and close what is not needed"
    );
    let body = serde_json::json!({
        "type": "urn:headland:problem:busy", "title": "Busy", "status": 503, "detail": detail,
    });
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // Whether it was heard is its own affair.
    let _ = tokio::time::timeout(
        Duration::from_millis(REFUSE_MS_MAX),
        stream.write_all(answer.as_bytes()),
    )
    .await;
}

/// One request and its answer. The connection works from when the request is whole until this is dropped everywhere.
struct Exchange {
    seat: Arc<Taking>,
    working: OnceLock<Working>,
}

impl Exchange {
    fn of(seat: Arc<Taking>) -> Self {
        Self {
            seat,
            working: OnceLock::new(),
        }
    }

    fn working(&self) -> &Working {
        self.working.get_or_init(|| self.seat.works())
    }
}

/// The body of a request, which must come in time.
struct Coming {
    body: Incoming,
    exchange: Arc<Exchange>,
    deadline: Pin<Box<Sleep>>,
}

/// A body that did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("it did not come within {BODY_MS_MAX} ms; send it at once")]
struct TooSlow;

impl Coming {
    fn new(body: Incoming, exchange: Arc<Exchange>) -> Self {
        if body.is_end_stream() {
            exchange.working();
        }
        Self {
            body,
            exchange,
            deadline: Box::pin(tokio::time::sleep(Duration::from_millis(BODY_MS_MAX))),
        }
    }
}

impl HttpBody for Coming {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.exchange.working();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, until the last of it has been sent.
struct Going {
    body: Body,
    exchange: Arc<Exchange>,
}

/// A piece of it, which the connection gives up when it has been sent.
struct Piece {
    bytes: Bytes,
    _exchange: Arc<Exchange>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Going {
    fn new(body: Body, exchange: Arc<Exchange>) -> Self {
        let bytes = body.size_hint().exact().unwrap_or(0);
        exchange.working().holds(usize::try_from(bytes).unwrap_or(usize::MAX));
        Self { body, exchange }
    }
}

impl HttpBody for Going {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let of_piece = |bytes| {
            Bytes::from_owner(Piece {
                bytes,
                _exchange: Arc::clone(&self.exchange),
            })
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(of_piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
