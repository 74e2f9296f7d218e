//! Making Headland's own tables in a database.

use super::sheet::{list, text};
use crate::edge::{OBJECTS, SCHEMA, VERSION, VERSION_TABLE, init_sql, rights_sql};
use crate::postgres::{Connection, PgError, Purpose, Server, literal};
use crate::program::runtime;
use headland_host::exit::Failure;
use headland_host::text::words::printable;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Makes what is missing, in one transaction, with rights for `role`; says what that was.
pub(super) fn apply(server: &Server, role: &str) -> Result<Value, Failure> {
    let applied = runtime()?.block_on(async {
        let mut connection = Connection::open(server, Purpose::Queries).await?;
        let before = (objects(&mut connection).await?, version(&mut connection).await?);
        connection.query(&init_sql(role)).await?;
        let after = (objects(&mut connection).await?, version(&mut connection).await?);
        connection.close().await;
        Ok::<_, PgError>((before, after))
    });
    let ((before, version_before), (after, version)) = applied.map_err(|error| failed(&error, server))?;
    Ok(json!({
        "schema": SCHEMA,
        "version_before": version_before,
        "version": version,
        "made": after.difference(&before).collect::<Vec<_>>(),
        "kept": before.intersection(&after).collect::<Vec<_>>(),
        "granted": rights_sql(role),
    }))
}

fn failed(error: &PgError, server: &Server) -> Failure {
    let remedy = match error {
        PgError::Server { code, .. } if code == "42501" => format!(
            "; nothing has changed: role {} may not make a schema, so name one that may with --user, or give its owner what --print prints",
            server.user
        ),
        PgError::Server { .. } => "; nothing has changed".to_owned(),
        _ => "; run it again: what was done is not done twice".to_owned(),
    };
    Failure::failed(format!("making Headland's tables in {server}: {error}{remedy}"))
}

/// What there is of all that is made, as "table edge_writes".
async fn objects(connection: &mut Connection) -> Result<BTreeSet<String>, PgError> {
    let sql = format!(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {}",
        literal(SCHEMA)
    );
    let rows = connection.query(&sql).await?;
    let there: BTreeSet<&str> = rows.iter().filter_map(|row| row.first()?.as_deref()).collect();
    let found = OBJECTS.iter().filter(|(_, name)| there.contains(name));
    Ok(found.map(|(kind, name)| format!("{kind} {name}")).collect())
}

/// The version that is there.
async fn version(connection: &mut Connection) -> Result<Option<u32>, PgError> {
    if !objects(connection).await?.contains(&format!("table {VERSION_TABLE}")) {
        return Ok(None);
    }
    let sql = format!("SELECT max(version) FROM {SCHEMA}.{VERSION_TABLE}");
    let rows = connection.query(&sql).await?;
    Ok(rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok()))
}

/// For people: what was made, what was there, and what comes next.
pub(super) fn text_of(answer: &Value, server: &Server) -> String {
    let mut out = String::new();
    for (what, key) in [("made", "made"), ("was there", "kept")] {
        for one in list(answer, key) {
            out.push_str(&format!("{what}: {}\n", printable(one.as_str().unwrap_or_default())));
        }
    }
    for one in list(answer, "granted") {
        out.push_str(&format!("granted: {}\n", printable(one.as_str().unwrap_or_default())));
    }
    let version = text(answer, "version");
    match answer["version_before"].as_u64() {
        Some(before) if before == u64::from(VERSION) => {
            out.push_str(&format!("schema {SCHEMA} of {server} had version {version} already\n"));
        }
        _ => out.push_str(&format!("schema {SCHEMA} of {server} has version {version}\n")),
    }
    out.push_str("`headland-hub doctor` says what else is needed\n");
    out
}
