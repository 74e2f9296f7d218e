//! How fresh an answer must be, and the present of a registry that is elsewhere.

use super::Local;
use crate::answer::Freshness;
use crate::following::WantedFor;
use crate::report;
use crate::store::Views;
use headland_api::demand::{Consistency, Demand, OnStale, Stale};
use headland_api::parameters::Parameters;
use headland_api::problem::Refusal;
use std::time::Duration;

/// A demand for which all that could be waited for was waited for.
#[derive(Debug)]
pub(super) struct Demanded {
    demand: Demand,
    /// How old what is held is at most, in milliseconds: asked before it is read.
    age_ms: Option<u64>,
    /// Why the present could not be had.
    absent: Option<String>,
}

impl Demanded {
    /// Takes a demand out of the parameters, and waits for the present if that is wanted.
    pub(super) async fn take(local: &Local, asked: &mut Parameters) -> Result<Self, Refusal> {
        let demand = Demand::take(asked)?;
        let present = async {
            match &local.follower {
                Some(follower) => {
                    let patience = Duration::from_millis(demand.timeout_ms);
                    follower.presence().wait(patience).await
                }
                // A registry of one's own is present.
                None => Ok(()),
            }
        };
        let absent = match demand.consistency {
            Consistency::Strong => local.waits.counted(WantedFor::Read, present).await.err(),
            Consistency::Bounded | Consistency::Eventual => None,
        };
        Ok(Self {
            demand,
            age_ms: local.age_ms(),
            absent: absent.map(|absent| absent.reason),
        })
    }

    /// How fresh an answer from this moment is, if that is enough.
    pub(super) fn freshness(self, views: &Views, region: &str) -> Result<Freshness, Refusal> {
        let Self { demand, age_ms, absent } = self;
        let freshness = Freshness {
            consistency: demand.consistency,
            ..report::freshness(views, region, age_ms)?
        };
        match demand.shortfall(age_ms, absent.as_deref()) {
            None => Ok(freshness),
            Some(reason) if demand.on_stale == OnStale::Warn => Ok(Freshness {
                bound_holds: false,
                warning: Some(reason),
                ..freshness
            }),
            Some(reason) => Err(Stale {
                consistency: demand.consistency,
                reason,
                age_ms,
                max_staleness_ms: demand.max_staleness_ms,
            }
            .into_refusal()),
        }
    }
}
