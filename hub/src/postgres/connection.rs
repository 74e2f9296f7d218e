//! One connection: frames in and out, and plain queries.

use super::error::PgError;
use super::login::log_in;
use super::server::{Server, TlsMode};
use super::tls;
use bytes::{Buf, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{COPY_DATA_TAG, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use rustix::net::sockopt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// The longest message taken, in bytes. A row comes as one message; what a catalogue holds of one value is 64 KiB, and
/// of one model 256 KiB.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a connection and its login may take.
const CONNECT_S_MAX: u64 = 15;
/// How long the server may be silent while it answers a query. A query over tables that were just filled was seen to
/// take a minute.
const ANSWER_S_MAX: u64 = 180;
/// When a connection that says nothing is tried by the system, how often then, and how many of these may be in vain:
/// 30 s after the last word one whose other end is gone has ended. Some firewalls forget what rests for minutes.
const PROBE_AFTER_S: u64 = 10;
const PROBE_EVERY_S: u64 = 5;
const PROBES_MAX: u32 = 4;
/// How long what was sent may stay unconfirmed by the other system, in milliseconds.
const UNCONFIRMED_MS_MAX: u32 = 30_000;
/// How much is read at a time, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// The most rows of an answer that is held as a whole: what is asked of the catalogue concerns a few tables.
const ROWS_MAX: usize = 20_000;

/// What stands before the copying in both directions. The library does not know it.
const COPY_BOTH_TAG: u8 = b'W';

/// For what a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Replication, and queries beside it.
    Replication,
    /// Queries alone.
    Queries,
}

/// A row of an answer: a text for each column, or nothing for NULL.
pub(crate) type Row = Vec<Option<String>>;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for S {}

/// A connection after its login.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// What the server says while copying in both directions.
#[derive(Debug)]
pub(super) enum Copied {
    Data(bytes::Bytes),
    Done,
}

impl Connection {
    /// Connects and logs in.
    pub(crate) async fn open(server: &Server, purpose: Purpose) -> Result<Self, PgError> {
        let opened = timeout(Duration::from_secs(CONNECT_S_MAX), async {
            let mut connection = Self {
                stream: dial(server).await?,
                incoming: BytesMut::new(),
                outgoing: BytesMut::new(),
            };
            log_in(&mut connection, server, purpose).await?;
            Ok(connection)
        });
        opened.await.unwrap_or(Err(PgError::Silent(CONNECT_S_MAX)))
    }

    /// Sends what `write` makes.
    pub(super) async fn send(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<(), PgError> {
        write(&mut self.outgoing).map_err(PgError::protocol)?;
        let result = self.stream.write_all(&self.outgoing).await;
        self.outgoing.clear();
        result.map_err(PgError::Lost)?;
        self.stream.flush().await.map_err(PgError::Lost)
    }

    /// The bytes of the next message, of which nothing is lost when this is given up halfway.
    async fn frame(&mut self) -> Result<(u8, BytesMut), PgError> {
        loop {
            if let Some(header) = Header::parse(&self.incoming).map_err(PgError::protocol)? {
                let length = usize::try_from(header.len()).map_err(PgError::protocol)?;
                if length > MESSAGE_BYTES_MAX {
                    let text = format!(
                        "a message has {length} bytes, at most {MESSAGE_BYTES_MAX} are taken; publish the tables without the column that is so long"
                    );
                    return Err(PgError::Protocol(text));
                }
                if self.incoming.len() > length {
                    return Ok((header.tag(), self.incoming.split_to(length + 1)));
                }
                self.incoming.reserve(length + 1 - self.incoming.len());
            }
            self.incoming.reserve(READ_BYTES);
            let read = self.stream.read_buf(&mut self.incoming).await.map_err(PgError::Lost)?;
            if read == 0 {
                return Err(PgError::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// The next message that says something. An error of the server is one here.
    pub(super) async fn message(&mut self) -> Result<Message, PgError> {
        loop {
            let (_, mut frame) = self.frame().await?;
            let message = Message::parse(&mut frame).map_err(PgError::protocol)?;
            match message.ok_or_else(|| PgError::protocol("a message is cut short"))? {
                Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_) => {}
                Message::ErrorResponse(body) => return Err(said(&body)),
                message => return Ok(message),
            }
        }
    }

    /// Begins to copy in both directions.
    pub(super) async fn copy_both(&mut self, command: &str) -> Result<(), PgError> {
        self.send(|out| frontend::query(command, out)).await?;
        loop {
            match self.answer().await? {
                (COPY_BOTH_TAG, _) => return Ok(()),
                (_, mut frame) => match Message::parse(&mut frame).map_err(PgError::protocol)? {
                    Some(Message::NoticeResponse(_) | Message::ParameterStatus(_)) => {}
                    Some(Message::ErrorResponse(body)) => return Err(said(&body)),
                    _ => return Err(PgError::protocol("the server does not begin to replicate")),
                },
            }
        }
    }

    /// What comes next while copying. Nothing is lost when this is given up halfway.
    pub(super) async fn copied(&mut self) -> Result<Copied, PgError> {
        loop {
            let (tag, mut frame) = self.frame().await?;
            if tag == COPY_DATA_TAG {
                frame.advance(5);
                return Ok(Copied::Data(frame.freeze()));
            }
            match Message::parse(&mut frame).map_err(PgError::protocol)? {
                Some(Message::NoticeResponse(_) | Message::ParameterStatus(_)) => {}
                Some(Message::ErrorResponse(body)) => return Err(said(&body)),
                // A server that shuts down ends the command without a word before it.
                Some(Message::CopyDone | Message::CommandComplete(_)) => return Ok(Copied::Done),
                _ => return Err(PgError::protocol("a message does not belong to the replication")),
            }
        }
    }

    /// The next message of an answer, for which the server has its time.
    async fn answer(&mut self) -> Result<(u8, BytesMut), PgError> {
        let answered = timeout(Duration::from_secs(ANSWER_S_MAX), self.frame()).await;
        answered.unwrap_or(Err(PgError::Silent(ANSWER_S_MAX)))
    }

    /// Asks, and hands each row to `take` as it comes: the texts of its columns, and the numbers of their types.
    pub(crate) async fn each_row<E: From<PgError>>(
        &mut self,
        sql: &str,
        mut take: impl FnMut(&[Option<&str>], &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.send(|out| frontend::query(sql, out)).await?;
        let mut types = Vec::new();
        let mut failed = None;
        loop {
            let (_, mut frame) = self.answer().await?;
            match Message::parse(&mut frame).map_err(PgError::protocol)? {
                Some(Message::RowDescription(body)) => types = types_of(&body)?,
                Some(Message::DataRow(body)) if failed.is_none() => {
                    let row = texts_of(&body)?;
                    failed = take(&row, &types).err();
                }
                Some(Message::ErrorResponse(body)) => failed = failed.or(Some(said(&body).into())),
                Some(Message::ReadyForQuery(_)) => return failed.map_or(Ok(()), Err),
                _ => {}
            }
        }
    }

    /// Asks, and gives all rows.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Vec<Row>, PgError> {
        let mut rows = Vec::new();
        self.each_row(sql, |row, _| {
            if rows.len() == ROWS_MAX {
                return Err(PgError::protocol("an answer has too many rows"));
            }
            rows.push(row.iter().map(|text| text.map(ToOwned::to_owned)).collect());
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Asks for something that may take as long as it takes, and waits for its end.
    pub(crate) async fn wait_for(&mut self, sql: &str) -> Result<(), PgError> {
        self.send(|out| frontend::query(sql, out)).await?;
        let mut failed = None;
        loop {
            let (_, mut frame) = self.frame().await?;
            match Message::parse(&mut frame).map_err(PgError::protocol)? {
                Some(Message::ErrorResponse(body)) => failed = Some(said(&body)),
                Some(Message::ReadyForQuery(_)) => return failed.map_or(Ok(()), Err),
                _ => {}
            }
        }
    }

    /// Says goodbye. Whoever does not is noticed by the server all the same.
    pub(crate) async fn close(mut self) {
        let goodbye = self.send(|out| {
            frontend::terminate(out);
            Ok(())
        });
        let _ = timeout(Duration::from_secs(1), goodbye).await;
        let _ = timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }
}

async fn dial(server: &Server) -> Result<Box<dyn Stream>, PgError> {
    let unreachable = |source| PgError::Unreachable {
        address: server.address(),
        source,
    };
    if let Some(socket) = server.socket() {
        return Ok(Box::new(UnixStream::connect(socket).await.map_err(unreachable)?));
    }
    let connected = TcpStream::connect((server.host.as_str(), server.port)).await;
    let stream = connected.map_err(unreachable)?;
    // Positions are confirmed in small messages that must not wait for company.
    stream.set_nodelay(true).map_err(unreachable)?;
    notice_death(&stream).map_err(|error| unreachable(error.into()))?;
    match server.tls {
        TlsMode::VerifyFull(_) => Ok(Box::new(tls::wrap(stream, server).await?)),
        TlsMode::Local => Ok(Box::new(stream)),
    }
}

/// Has the system end the connection in bounded time when its other end is gone without a word.
fn notice_death(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(PROBE_AFTER_S))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(PROBE_EVERY_S))?;
    sockopt::set_tcp_keepcnt(stream, PROBES_MAX)?;
    sockopt::set_tcp_user_timeout(stream, UNCONFIRMED_MS_MAX)
}

fn types_of(body: &postgres_protocol::message::backend::RowDescriptionBody) -> Result<Vec<u32>, PgError> {
    body.fields()
        .map(|field| Ok(field.type_oid()))
        .collect()
        .map_err(PgError::protocol)
}

fn texts_of(body: &postgres_protocol::message::backend::DataRowBody) -> Result<Vec<Option<&str>>, PgError> {
    let mut texts = Vec::new();
    let mut ranges = body.ranges();
    while let Some(range) = ranges.next().map_err(PgError::protocol)? {
        let text = range.map(|range| std::str::from_utf8(&body.buffer()[range]));
        texts.push(text.transpose().map_err(PgError::protocol)?);
    }
    Ok(texts)
}

/// What the server said is wrong.
fn said(body: &ErrorResponseBody) -> PgError {
    let (mut code, mut message) = (String::new(), String::new());
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let text = String::from_utf8_lossy(field.value_bytes());
        match field.type_() {
            b'C' => code = text.into_owned(),
            b'M' => message = text.into_owned(),
            _ => {}
        }
    }
    let hint = PgError::hint(&code).to_owned();
    PgError::Server { code, message, hint }
}
