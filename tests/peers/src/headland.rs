//! Headland's own sync, by real sessions: the shipped hub and agent replicas, with every frame counted.

mod device;
mod import;
mod region;
mod traffic;
mod view;

pub(crate) use device::{CACHE_BYTES, Device, Storage};
pub(crate) use region::{LANES_MS, NAMESPACE, Region};
pub(crate) use traffic::Traffic;
pub(crate) use view::shown;
