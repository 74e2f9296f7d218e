//! The store's contract: what both stores promise, on every medium, and at every point at which the power can fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "store_contract/agent.rs"]
mod agent;
#[path = "store_contract/agent_script.rs"]
mod agent_script;
#[path = "store_contract/claims.rs"]
mod claims;
#[path = "store_contract/crash.rs"]
mod crash;
#[path = "store_contract/full_disk.rs"]
mod full_disk;
#[path = "store_contract/hub.rs"]
mod hub;
#[path = "store_contract/medium.rs"]
mod medium;
#[path = "store_contract/subject.rs"]
mod subject;

use agent::AgentStore;
use hub::HubStore;
use medium::Medium;

macro_rules! contract {
    ($module:ident, $subject:ty, $medium:expr, [$($claim:ident),* $(,)?]) => {
        mod $module {
            use super::*;
            $(
                #[test]
                fn $claim() {
                    claims::$claim::<$subject>(&$medium);
                }
            )*
        }
    };
}

macro_rules! on_every_store_and_medium {
    ($claims:tt) => {
        contract!(agent_in_memory, AgentStore, Medium::memory(), $claims);
        contract!(agent_in_a_file, AgentStore, Medium::file(), $claims);
        contract!(agent_on_a_disk, AgentStore, Medium::disk(), $claims);
        contract!(hub_in_memory, HubStore, Medium::memory(), $claims);
        contract!(hub_in_a_file, HubStore, Medium::file(), $claims);
        contract!(hub_on_a_disk, HubStore, Medium::disk(), $claims);
    };
}

on_every_store_and_medium!([
    what_was_committed_is_there_after_reopening,
    a_failed_transaction_leaves_nothing,
    a_reader_sees_one_moment,
    reopening_twice_changes_nothing,
    a_store_of_a_newer_format_is_refused_and_left_alone,
    migrations_run_once,
    digests_are_those_of_the_records_after_every_step,
]);

#[test]
fn own_writes_survive_whatever_happens_to_the_catalogue_around_them() {
    for medium in [Medium::memory(), Medium::file(), Medium::disk()] {
        claims::own_writes_survive(&medium);
    }
}

#[test]
fn the_agents_store_survives_a_crash_at_every_sync() {
    println!("{}", crash::at_every_sync::<AgentStore>());
}

#[test]
fn the_hubs_store_survives_a_crash_at_every_sync() {
    println!("{}", crash::at_every_sync::<HubStore>());
}

#[test]
fn the_agents_store_goes_on_by_itself_after_a_full_disk() {
    full_disk::goes_on_by_itself::<AgentStore>();
}

#[test]
fn the_hubs_store_goes_on_by_itself_after_a_full_disk() {
    full_disk::goes_on_by_itself::<HubStore>();
}
