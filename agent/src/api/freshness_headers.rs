//! How fresh an answer is, as headers: for those who pass the body on unread.

use crate::answer::Freshness;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

const AGE_MS: HeaderName = HeaderName::from_static("headland-age-ms");
const AS_OF: HeaderName = HeaderName::from_static("headland-as-of");
const PHASE: HeaderName = HeaderName::from_static("headland-phase");
const SOURCE: HeaderName = HeaderName::from_static("headland-source");
const CONSISTENCY: HeaderName = HeaderName::from_static("headland-consistency");
const MAX_STALENESS_MS: HeaderName = HeaderName::from_static("headland-max-staleness-ms");
const BOUND_HOLDS: HeaderName = HeaderName::from_static("headland-bound-holds");
const WARNING: HeaderName = HeaderName::from_static("headland-warning");

/// The headers of an answer.
pub(super) fn of(freshness: &Freshness) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(ms) = freshness.age_ms {
        put(&mut headers, AGE_MS, &ms.to_string());
        // The one that HTTP has, in whole seconds: rounded up, since what is old must not look younger.
        put(&mut headers, header::AGE, &ms.div_ceil(1_000).to_string());
    }
    let texts = [
        (AS_OF, freshness.as_of.clone()),
        (PHASE, word(&freshness.phase)),
        (SOURCE, freshness.source.clone()),
        (CONSISTENCY, Some(freshness.consistency.name().to_owned())),
        (MAX_STALENESS_MS, freshness.max_staleness_ms.map(|ms| ms.to_string())),
        (BOUND_HOLDS, Some(freshness.bound_holds.to_string())),
        (WARNING, freshness.warning.clone()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            put(&mut headers, name, &text);
        }
    }
    headers
}

fn word(phase: &impl Serialize) -> Option<String> {
    serde_json::to_value(phase).ok()?.as_str().map(str::to_owned)
}

/// A header holds ASCII; what a hub or a broker said may hold more.
fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    let ascii: String = text
        .chars()
        .map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' })
        .collect();
    if let Ok(value) = HeaderValue::from_str(&ascii) {
        headers.insert(name, value);
    }
}
