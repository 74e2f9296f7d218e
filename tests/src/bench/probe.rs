//! One urgent change at a time: an approval that comes and goes, in a namespace of its own.

/// The namespace, which nothing else is imported into.
pub(super) const NAMESPACE: &str = "probe";

/// The file that states the namespace at the `nth` change: each differs from the one before in one approval.
pub(super) fn json_line(nth: u64) -> String {
    let outcome = if nth.is_multiple_of(2) { "approved" } else { "suspended" };
    let record = serde_json::json!({
        "id": "gate",
        "attributes": { "task": "probe" },
        "versions": [{
            "version": "1",
            "manifest": { "uri": "oci://registry.example/gate:1" },
            "approvals": { "field-use": outcome },
        }],
        "current": "1",
    });
    format!("{record}\n")
}
