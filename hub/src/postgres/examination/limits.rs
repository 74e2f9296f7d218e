//! Limits of the server: how many replicate, how much log is kept for one that is away, how long one may be silent.

use super::{Finding, SlotFacts, text};
use crate::postgres::connection::Connection;
use crate::postgres::error::PgError;

/// A silence that a hub on a busy machine may well have, in milliseconds: it says something every second.
const SILENCE_MS_MIN: i64 = 5_000;
/// Less log than this, in megabytes, a busy server writes within minutes.
const KEEP_MB_MIN: i64 = 1_024;
/// So many more are suggested than there are: raising the limit needs a restart, so it should be for long.
const MORE: i64 = 10;

/// What the server allows, and how much of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Limits {
    pub(super) slots_max: i64,
    pub(super) slots: i64,
    pub(super) senders_max: i64,
    pub(super) senders: i64,
    /// How much log is kept for a slot, in megabytes; -1 for no limit.
    pub(super) keep_mb: i64,
    /// After how much silence a connection is cut, in milliseconds; 0 for never.
    pub(super) silence_ms: i64,
}

impl Limits {
    pub(super) async fn ask(connection: &mut Connection) -> Result<Self, PgError> {
        let sql = "SELECT current_setting('max_replication_slots'), (SELECT count(*) FROM pg_replication_slots), \
                   current_setting('max_wal_senders'), (SELECT count(*) FROM pg_stat_replication), \
                   coalesce((SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'), '-1'), \
                   coalesce((SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'), '60000')";
        let rows = connection.query(sql).await?;
        let row = rows
            .first()
            .ok_or_else(|| PgError::protocol("the server does not say its limits"))?;
        let number = |index: usize| text(row, index).parse().map_err(PgError::protocol);
        Ok(Self {
            slots_max: number(0)?,
            slots: number(1)?,
            senders_max: number(2)?,
            senders: number(3)?,
            keep_mb: number(4)?,
            silence_ms: number(5)?,
        })
    }

    /// What there is to say of them, to a hub that has this slot.
    pub(super) fn findings(&self, slot: Option<&SlotFacts>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if slot.is_none() && self.slots >= self.slots_max {
            let what = format!(
                "all replication slots are taken: {} of max_replication_slots = {}; raise it, or drop one that nobody uses",
                self.slots, self.slots_max
            );
            let mend = raise("max_replication_slots", self.slots_max);
            findings.push(Finding::hindering(what, Some(mend)));
        }
        findings.extend(self.keeping());
        findings.extend(self.silence());
        findings
    }

    fn keeping(&self) -> Option<Finding> {
        let mend = "ALTER SYSTEM SET max_slot_wal_keep_size = '16GB'; SELECT pg_reload_conf();".to_owned();
        let what = match self.keep_mb {
            mb if mb < 0 => "max_slot_wal_keep_size has no limit: while the hub is away, its slot keeps log until the \
                             server's disk is full"
                .to_owned(),
            mb if mb < KEEP_MB_MIN => format!(
                "max_slot_wal_keep_size is {mb} MB: a hub that is away while the server writes more log than that reads \
                 everything anew"
            ),
            _ => return None,
        };
        Some(Finding::warning(what, Some(mend)))
    }

    fn silence(&self) -> Option<Finding> {
        let mend = "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();".to_owned();
        let what = match self.silence_ms {
            0 => "wal_sender_timeout is 0: a hub whose machine is gone keeps its slot in use, so that nobody else can \
                  follow in its place"
                .to_owned(),
            ms if ms < SILENCE_MS_MIN => {
                format!("wal_sender_timeout is {ms} ms: a hub that is held up for so long is cut off and begins again")
            }
            _ => return None,
        };
        Some(Finding::warning(what, Some(mend)))
    }

    /// That nobody else may replicate. A hub that does has its own sender.
    pub(super) fn no_sender(&self, slot: Option<&SlotFacts>) -> Finding {
        let used = slot.is_some_and(|slot| slot.used_by.is_some());
        let mend = Some(raise("max_wal_senders", self.senders_max));
        let what = format!(
            "all senders of the log are taken: {} of max_wal_senders = {}; raise it, or stop a replication that nobody needs",
            self.senders, self.senders_max
        );
        match used {
            true => Finding::warning(
                format!("{what}: once this hub's connection ends, it may find none"),
                mend,
            ),
            false => Finding::hindering(what, mend),
        }
    }
}

fn raise(setting: &str, from: i64) -> String {
    format!(
        "ALTER SYSTEM SET {setting} = {}; -- then restart the server",
        from + MORE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Limits = Limits {
        slots_max: 10,
        slots: 9,
        senders_max: 10,
        senders: 9,
        keep_mb: 16_384,
        silence_ms: 60_000,
    };

    fn said(limits: &Limits) -> Vec<Finding> {
        limits.findings(None)
    }

    #[test]
    fn limits_that_leave_room_give_nothing_to_say() {
        assert!(said(&FINE).is_empty());
    }

    #[test]
    fn each_limit_that_is_in_the_way_is_named_with_its_count_and_its_sql() {
        let full = &said(&Limits { slots: 10, ..FINE })[0];
        assert!(
            full.hinders && full.what.contains("10 of max_replication_slots = 10"),
            "{full:?}"
        );
        assert!(
            full.mend
                .as_deref()
                .unwrap()
                .starts_with("ALTER SYSTEM SET max_replication_slots = 20;")
        );
        let none = FINE.no_sender(None);
        assert!(
            none.hinders && none.what.contains("9 of max_wal_senders = 10"),
            "{none:?}"
        );
        for (limits, text) in [
            (Limits { keep_mb: -1, ..FINE }, "max_slot_wal_keep_size has no limit"),
            (Limits { keep_mb: 64, ..FINE }, "max_slot_wal_keep_size is 64 MB"),
            (Limits { silence_ms: 0, ..FINE }, "wal_sender_timeout is 0"),
            (
                Limits {
                    silence_ms: 2_000,
                    ..FINE
                },
                "wal_sender_timeout is 2000 ms",
            ),
        ] {
            let findings = said(&limits);
            assert!(findings.len() == 1 && !findings[0].hinders, "{findings:?}");
            assert!(
                findings[0].what.contains(text) && findings[0].mend.is_some(),
                "{findings:?}"
            );
        }
    }
}
