//! The sentence on the hub that a service manager shows.

use crate::driver::Live;

/// What the hub tells the service manager of its broker and its store.
pub(crate) fn of(region: &str, live: &Live) -> String {
    match (&live.trouble, &live.broker) {
        (Some(trouble), _) => format!("Serving region {region}, in trouble: {trouble}"),
        (None, Some(broker)) => format!("Serving region {region} at {broker}"),
        (None, None) => format!("No link to the broker of region {region} yet"),
    }
}
