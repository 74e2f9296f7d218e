//! Times in which what is followed rests: how much log the database keeps for the hub.

use super::stage::Stage;
use super::{Options, put};
use crate::bench::BenchError;
use crate::bench::quantile::quantile;
use crate::bench::sheet::{Sheet, Unit};
use std::time::{Duration, Instant};

/// Longer than the hub lets a position wait that brought nothing.
const SETTLE: Duration = Duration::from_secs(12);
const KEPT: &str =
    "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint FROM pg_replication_slots";
/// A second of another table's life.
const OTHER: &str = "INSERT INTO metrics (payload) SELECT md5(n::text) FROM generate_series(1, 10) n";
const AIM_BYTES: f64 = 1024.0 * 1024.0;

pub(super) fn measure(options: &Options, stage: &Stage, sheet: &mut Sheet) -> Result<(), BenchError> {
    let (begun, lasts) = (Instant::now(), Duration::from_secs(options.quiet_seconds as u64));
    let mut kept = Vec::new();
    while begun.elapsed() < SETTLE + lasts {
        stage.sql(OTHER)?;
        if begun.elapsed() >= SETTLE {
            let bytes = stage.sql(KEPT)?;
            kept.push(
                bytes
                    .parse::<f64>()
                    .map_err(|_| BenchError::Void(format!("the slot is not there: {bytes}")))?,
            );
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    put(
        sheet,
        "log kept in quiet times, at most",
        Unit::Bytes,
        quantile(&mut kept, 1.0),
        AIM_BYTES,
    );
    put(
        sheet,
        "log kept in quiet times, median",
        Unit::Bytes,
        quantile(&mut kept, 0.5),
        AIM_BYTES,
    );
    Ok(())
}
