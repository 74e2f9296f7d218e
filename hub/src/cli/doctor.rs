//! What hinders a database from being followed.

use super::sheet::{list, text};
use crate::bridging::Database;
use crate::postgres::{Server, examine_and_try};
use crate::program::runtime;
use headland_host::exit::Failure;
use headland_host::text::words::printable;
use serde_json::{Value, json};

/// Looks at the database, and changes nothing.
pub(super) fn examine(database: &Database) -> Result<Value, Failure> {
    let looked = runtime()?.block_on(examine_and_try(&database.server, &database.plan));
    let facts = looked.map_err(|error| Failure::failed(format!("examining the database: {error}")))?;
    let findings: Vec<Value> = facts
        .findings
        .iter()
        .map(|one| json!({ "what": one.what, "mend": one.mend, "hinders": one.hinders }))
        .collect();
    let slot = facts.slot.map(|slot| {
        json!({
            "name": database.plan.slot, "wal_status": slot.wal_status, "safe_wal_bytes": slot.safe_wal_bytes,
            "kept_bytes": slot.kept_bytes, "confirmed": slot.confirmed.to_string(), "used_by": slot.used_by,
        })
    });
    Ok(json!({ "findings": findings, "slot": slot }))
}

/// How many of the findings hinder.
pub(super) fn hindering(answer: &Value) -> u64 {
    let findings = list(answer, "findings").iter();
    findings.filter(|one| one["hinders"] == true).count() as u64
}

/// For people: what there is, each with its SQL.
pub(super) fn text_of(answer: &Value, server: &Server) -> String {
    let mut out = String::new();
    for one in list(answer, "findings") {
        let kind = if one["hinders"] == true { "hinders" } else { "note" };
        out.push_str(&format!("{kind}: {}\n", printable(&text(one, "what"))));
        if let Some(mend) = one["mend"].as_str() {
            for line in mend.lines() {
                out.push_str(&format!("  {}\n", printable(line)));
            }
        }
    }
    match hindering(answer) {
        0 => out.push_str(&format!("{server} can be followed\n")),
        _ => out.push_str(&format!("{server} cannot be followed yet\n")),
    }
    out
}
