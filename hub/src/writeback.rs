//! Writing back: what devices wrote reaches the central registry.
//!
//! The store is the outbox. The index of changes says what has changed since a cursor, which says up to where all that
//! devices wrote is in the registry. Each write is a state under a name of its own, so that one that is made twice, or
//! again after a crash, changes nothing.
//!
//! ```text
//! index of changes --> gather: what devices wrote --> breaker --> destination: MLflow, or Headland's own tables
//!        ^                                                          |
//!        +------------- the cursor moves once all is there <--------+
//! ```

mod breaker;
mod destination;
mod gather;
mod http;
mod mlflow;
mod own_tables;
mod standing;
mod tags;
mod target;
mod task;

pub(crate) use standing::{STATES, Standing, at_rest};
pub(crate) use target::{Target, TargetError};

use crate::driver::{Inlet, Live};
use crate::postgres::Server;
use crate::store::{Outlet, Store};
use headland_host::backoff::Backoff;
use headland_shared::name::Region;
use mlflow::Mlflow;
use own_tables::OwnTables;
use task::WriteBack;
use tokio::sync::watch;

/// A registry that gets what devices wrote.
#[derive(Debug, Clone)]
pub(crate) enum Goal {
    /// An MLflow, as tags.
    Mlflow(Target),
    /// Headland's own tables in this database.
    Tables(Server),
}

impl Goal {
    /// Which way it is.
    pub(crate) const fn outlet(&self) -> Outlet {
        match self {
            Self::Mlflow(_) => Outlet::Mlflow,
            Self::Tables(_) => Outlet::Tables,
        }
    }

    /// As people know it, and as the cursor remembers it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Mlflow(target) => target.to_string(),
            Self::Tables(server) => server.to_string(),
        }
    }

    /// Writes there until the replica is gone; gives what others see of it. A registry in trouble is waited out as
    /// `backoff` says.
    pub(crate) fn start(
        self,
        region: Region,
        of: (Store, Inlet, watch::Receiver<Live>),
        backoff: Backoff,
    ) -> watch::Receiver<Standing> {
        let name = self.name();
        match self {
            Self::Mlflow(target) => {
                let (task, standing) = WriteBack::new((Mlflow::new(target), name), region, of, backoff);
                tokio::spawn(task.run());
                standing
            }
            Self::Tables(server) => {
                let (task, standing) = WriteBack::new((OwnTables::new(server), name), region, of, backoff);
                tokio::spawn(task.run());
                standing
            }
        }
    }
}
