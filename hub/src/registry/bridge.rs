//! Following tables of a database: rows become records, one commit of the database one commit of the hub.
//!
//! The database says only which rows changed, and a record is made of rows of several tables. So the hub keeps the
//! rows, as they were last said, beside the catalogue, and makes a record anew whenever a row of it changed. What
//! differs from what the registry said before becomes the commit, as with an import.
//!
//! All of this is synchronous and belongs to the replica ring. How the rows come here is the shell's business.

mod apply;
mod history;
mod lsn;
mod mapping;
mod record;
mod row;
mod spool;
#[cfg(test)]
mod tests;

pub use apply::{BridgeApplied, BridgeError, Extent, RowsHeard, apply, apply_each};
pub use history::{Source, life_after};
pub use lsn::{Lsn, LsnError};
pub use mapping::{Absent, Cell, Mapping, MappingError, TableMapping, Unwritable};
pub use row::{Field, RowChange};
pub use spool::{Spool, SpoolError};
