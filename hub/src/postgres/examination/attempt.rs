//! Trying what the server's catalogues do not tell: whether it lets the hub in, and lets it replicate.

use super::limits::Limits;
use super::{Facts, Finding, Plan, examine};
use crate::postgres::connection::{Connection, Purpose};
use crate::postgres::error::PgError;
use crate::postgres::replication::identify;
use crate::postgres::server::{Server, TlsMode};

/// Looks at everything, and tries to connect as the hub will. Changes nothing.
pub(crate) async fn examine_and_try(server: &Server, plan: &Plan) -> Result<Facts, PgError> {
    let mut connection = match Connection::open(server, Purpose::Queries).await {
        Ok(connection) => connection,
        Err(error) => {
            let findings = vec![not_let_in(server, &error).ok_or(error)?];
            return Ok(Facts { findings, slot: None });
        }
    };
    let mut facts = examine(&mut connection, plan).await?;
    if let Err(error) = try_to_replicate(server).await {
        let found = match &error {
            PgError::Server { code, .. } if code == "53300" => {
                let limits = Limits::ask(&mut connection).await?;
                Some(limits.no_sender(facts.slot.as_ref()))
            }
            // That the role may not is found already.
            PgError::Server { code, .. } if code == "42501" && facts.hindrance().is_some() => None,
            error => Some(not_let_in(server, error).unwrap_or_else(|| not_replicated(error))),
        };
        facts.findings.extend(found);
    }
    connection.close().await;
    Ok(facts)
}

async fn try_to_replicate(server: &Server) -> Result<(), PgError> {
    let mut connection = Connection::open(server, Purpose::Replication).await?;
    let identified = identify(&mut connection).await;
    connection.close().await;
    identified.map(|_| ())
}

/// What to do about a server that has no line for the hub. A line for `replication` is for copies of whole servers, and
/// does not count for what a hub does.
fn not_let_in(server: &Server, error: &PgError) -> Option<Finding> {
    let PgError::Server { code, message, .. } = error else {
        return None;
    };
    if code != "28000" {
        return None;
    }
    let (database, user) = (&server.database, &server.user);
    let line = match (server.socket().is_some(), &server.tls) {
        (true, _) => format!("local {database} {user} scram-sha-256"),
        (false, TlsMode::VerifyFull(_)) => format!("hostssl {database} {user} THE-HUBS-ADDRESS/32 scram-sha-256"),
        (false, TlsMode::Local) => format!("host {database} {user} 127.0.0.1/32 scram-sha-256"),
    };
    let what = format!(
        "the server does not let the hub in: {message}; put the line `{line}` before others that match into its \
         pg_hba.conf, and have it read that again (SELECT pg_reload_conf())"
    );
    Some(Finding::hindering(what, None))
}

fn not_replicated(error: &PgError) -> Finding {
    let what = format!(
        "no connection for replication comes about: {error}; name the server itself in registry.postgres.host, and no \
         pooler in front of it"
    );
    Finding::hindering(what, None)
}
