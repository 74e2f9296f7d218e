//! Barriers: messages that the hub puts into the database's log to see them come through its own stream. What was
//! committed before one is here when it comes.

use super::Database;
use crate::following::Asked;
use crate::opening::now;
use crate::postgres::{Connection, PgError, Purpose, literal};
use crate::registrar::RequestId;
use headland_shared::session::Ms;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn};

/// What messages begin with that ask for the present.
const PREFIX_PRESENT: &str = "headland-present";
/// What messages begin with that say which request a transaction is of.
pub(crate) const PREFIX_REQUEST: &str = "headland-request";
/// The longest message that is read, in bytes: an identifier of a request, or two numbers.
const CONTENT_BYTES_MAX: usize = 128;
/// How long one asks together, in milliseconds; also, a barrier is later than whoever asked for it by the clock, which
/// counts milliseconds.
const GATHER_MS: u64 = 1;

/// What a hub has said in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// All that was committed at this moment on this hub's clock comes before.
    Present(Ms),
    /// The transaction is that of this request.
    Request(RequestId),
}

impl Said {
    /// Which request, if it is that.
    pub(super) fn request(&self) -> Option<&RequestId> {
        match self {
            Self::Request(request) => Some(request),
            Self::Present(_) => None,
        }
    }
}

/// Tells barriers of this stream from those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nonce(u64);

impl Nonce {
    pub(super) fn new() -> Self {
        // Without randomness barriers of two hubs could be taken for each other's only if they were started in one
        // millisecond of their clocks.
        Self(getrandom::u64().unwrap_or_else(|_| now().mono))
    }

    fn content(self, asked_at: Ms) -> String {
        format!("{:x}.{asked_at}", self.0)
    }

    /// What a message says, if it is of a hub, and of this one where that matters.
    pub(super) fn read(self, prefix: &str, content: &[u8]) -> Option<Said> {
        let text = std::str::from_utf8(content).ok();
        let text = text.filter(|text| text.len() <= CONTENT_BYTES_MAX)?;
        match prefix {
            PREFIX_REQUEST => RequestId::read(text).ok().map(Said::Request),
            PREFIX_PRESENT => {
                let (nonce, asked_at) = text.split_once('.')?;
                let ours = u64::from_str_radix(nonce, 16) == Ok(self.0);
                asked_at.parse().ok().filter(|_| ours).map(Said::Present)
            }
            _ => None,
        }
    }
}

/// Puts a barrier into the log whenever somebody asks, one at a time. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Barriers {
    task: JoinHandle<()>,
    /// Up to which moment of asking barriers are confirmed: by the standbys too, where commits wait for them.
    pub(super) confirmed: watch::Receiver<Ms>,
}

impl Barriers {
    pub(super) fn start(database: &Database, nonce: Nonce, asked: Asked) -> Self {
        let server = database.server.clone();
        let (confirm, confirmed) = watch::channel(0);
        let task = spawn(async move {
            let mut kept = None;
            loop {
                asked.asked().await;
                tokio::time::sleep(Duration::from_millis(GATHER_MS)).await;
                let connection = match kept.take() {
                    Some(connection) => Ok(connection),
                    None => Connection::open(&server, Purpose::Queries).await,
                };
                // Whoever waits asks again, and hears of a server that is gone from the stream.
                if let Ok(mut connection) = connection {
                    match barrier(&mut connection, nonce).await {
                        Ok(asked_at) => {
                            kept = Some(connection);
                            confirm.send_replace(asked_at);
                        }
                        Err(error) => tracing::debug!("asking for a barrier: {error}"),
                    }
                }
            }
        });
        Self { task, confirmed }
    }
}

/// Where commits wait for standbys this waits for them too, as long as it takes: one barrier waits for all who ask.
/// Gives the moment for which it was asked.
async fn barrier(connection: &mut Connection, nonce: Nonce) -> Result<Ms, PgError> {
    let asked_at = now().mono;
    let content = nonce.content(asked_at);
    let (prefix, content) = (literal(PREFIX_PRESENT), literal(&content));
    connection
        .wait_for(&format!("SELECT pg_logical_emit_message(true, {prefix}, {content})"))
        .await?;
    Ok(asked_at)
}

impl Drop for Barriers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barriers_of_others_are_passed_over_and_requests_are_anybodys() {
        let (ours, other) = (Nonce(7), Nonce(8));
        let content = ours.content(41);
        let read = |nonce: Nonce, prefix: &str, content: &str| nonce.read(prefix, content.as_bytes());
        assert_eq!(read(ours, PREFIX_PRESENT, &content), Some(Said::Present(41)));
        let long = "x".repeat(CONTENT_BYTES_MAX + 1);
        for (nonce, prefix, content) in [
            (other, PREFIX_PRESENT, content.as_str()),
            (ours, "somebody", &content),
            (ours, PREFIX_PRESENT, "7"),
            (ours, PREFIX_PRESENT, "7.x"),
            (ours, PREFIX_REQUEST, &long),
        ] {
            assert_eq!(read(nonce, prefix, content), None, "{prefix} {content}");
        }
        assert_eq!(ours.read(PREFIX_REQUEST, &[0xff]), None);
        let request = RequestId::read("r-1").unwrap();
        assert_eq!(read(other, PREFIX_REQUEST, "r-1"), Some(Said::Request(request)));
    }
}
