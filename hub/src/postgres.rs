//! What the hub speaks with PostgreSQL: connections, replication, and what it looks at before it replicates.
//!
//! Nothing here knows of models. Nothing here changes the user's database but for the replication slot of the hub, and
//! what `swap` sets where somebody has said that it may.

mod connection;
mod error;
mod examination;
mod login;
pub mod pgoutput;
mod process;
mod replication;
mod server;
mod swap;
mod synchronous;
mod tls;

pub(crate) use connection::{Connection, Purpose};
pub(crate) use error::{PgError, Response};
pub(crate) use examination::{Plan, SlotFacts, Table, Written, examine, examine_and_try, slot_facts};
pub(crate) use process::Process;
pub(crate) use replication::{Identity, Streamed, Streaming, create_slot, drop_slot, identify, silence_max};
pub(crate) use server::{Server, TlsMode};
pub(crate) use swap::{Fate, Found, Swap, TransactionId, fate, is_certain};
pub(crate) use synchronous::counts as counts_as_standby;

/// A name as SQL has it, whatever it holds.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it, whatever it holds.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_what_quotes_them() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b"), "'a''b'");
    }
}
