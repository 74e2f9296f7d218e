//! Reading everything: the slot and what comes before its first change, in one transaction of the database.

use super::Told;
use super::ending::Ending;
use super::task::Bridge;
use crate::following::State;
use crate::postgres::{Connection, Identity, create_slot, drop_slot, quoted};
use crate::registry::Removals;
use crate::registry::bridge::{BridgeError, Extent, Field, RowChange, RowsHeard, Source, Spool, TableMapping};
use crate::store::Bridged;
use headland_shared::epoch::Life;
use std::sync::Arc;

/// After how many rows the progress is shown.
const SHOW_EVERY: u64 = 1_000;

impl Bridge {
    /// Reads everything, and has it applied. Gives where this hub then stands.
    pub(super) async fn copy(
        &mut self,
        connection: &mut Connection,
        identity: Identity,
        life: Life,
    ) -> Result<Bridged, Ending> {
        let slot = self.database.plan.slot.clone();
        drop_slot(connection, &slot).await?;
        connection
            .query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let end = create_slot(connection, &slot).await?;
        let clock = connection
            .query("SELECT (extract(epoch from clock_timestamp()) * 1000)::bigint")
            .await?;
        let at_ms = clock
            .first()
            .and_then(|row| row.first()?.as_deref()?.parse().ok())
            .unwrap_or(0);
        let rows = self.read_all(connection).await?;
        let count = rows.count();
        connection.query("COMMIT").await?;
        let heard = RowsHeard {
            source: Source {
                system: identity.system,
                timeline: identity.timeline,
            },
            life,
            slot,
            end,
            at_ms,
            extent: Extent::Whole,
            rows,
            requests: Vec::new(),
        };
        self.have_copy_applied(heard).await?;
        self.reporter.show(|standing| {
            standing.database.copies += 1;
            standing.database.rows += count;
        });
        self.bridged()?.ok_or(Ending::Gone)
    }

    async fn read_all(&mut self, connection: &mut Connection) -> Result<Spool, Ending> {
        let mut spool = Spool::new(self.database.directory.clone());
        let mapping = Arc::clone(&self.mapping);
        for (number, table) in mapping.tables().iter().enumerate() {
            let number = u16::try_from(number).expect("a mapping has few tables");
            let reporter = &self.reporter;
            connection
                .each_row(&select(table), |row, types| {
                    let fields = row.iter().zip(types);
                    let fields = fields.map(|(text, oid)| text.map_or(Field::Null, |text| Field::of(text, *oid)));
                    let (before, row) = (None, fields.collect());
                    spool.push(&RowChange::Put {
                        table: number,
                        before,
                        row,
                    })?;
                    if spool.count().is_multiple_of(SHOW_EVERY) {
                        let rows = spool.count();
                        reporter.tell(State::Copying { rows });
                    }
                    Ok::<_, Ending>(())
                })
                .await?;
        }
        Ok(spool)
    }

    /// Has it applied; when too much would go, somebody must release it first.
    async fn have_copy_applied(&mut self, heard: RowsHeard) -> Result<(), Ending> {
        let mut told = Box::new(Told {
            heard: vec![heard],
            mapping: Arc::clone(&self.mapping),
            removals: Removals::Braked,
        });
        loop {
            let answered = self.have_applied(told, None).await?;
            match answered.result {
                Ok(applied) => {
                    applied.iter().for_each(|applied| self.note(applied));
                    return Ok(());
                }
                // It does not even follow on as a whole: it is no part of this history.
                Err(BridgeError::Gap) => return Err(Ending::diverged("its log does not follow on what is held here")),
                Err(BridgeError::Held(held)) => {
                    self.reporter.tell(State::Held(held.clone()));
                    self.reporter.wait_for_release().await;
                    if self.reporter.removals_at(held.registry) == Removals::Braked {
                        return Err(Ending::Held(held));
                    }
                    told = answered.told;
                    told.removals = Removals::Allowed;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn select(table: &TableMapping) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
    format!(
        "SELECT {} FROM {}.{}",
        columns.join(", "),
        quoted(&table.schema),
        quoted(&table.name)
    )
}
