//! Headland's own tables in a database of the user's: what devices wrote, one row for each writer's word on one thing.
//!
//! ```text
//! hub of one region --> outbox --> headland.edge_writes --> replication --> hub of another region
//!                                          |
//!                                          +--> plain SELECT, by whoever may read
//! ```
//!
//! A row has the write as hubs read it, and beside it columns for people. Pure: nothing here speaks to a database.

mod columns;
mod schema;
mod write;

pub(crate) use columns::Columns;
pub(crate) use schema::{COLUMNS, OBJECTS, SCHEMA, TABLE, VERSION, VERSION_TABLE, init_sql, rights_sql};
pub(crate) use write::{EdgeWrite, writes_of};

use headland_shared::schema::{Declaration, Residency, Writers};
use serde::Deserialize;

/// What a hub does with Headland's own tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TablesUse {
    /// Nothing.
    #[default]
    Off,
    /// It writes there what the devices of its region wrote.
    Write,
    /// It also takes what hubs of other regions wrote there.
    Exchange,
}

/// Whether what devices write of an attribute may leave the region. The registry, and every other hub, is beyond it.
pub(crate) fn may_leave(declaration: Declaration) -> bool {
    declaration.writers == Writers::Devices && declaration.residency == Residency::Anywhere
}
