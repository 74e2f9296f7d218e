//! What `models` prints.

use super::ModelText;
use super::age::as_of;
use crate::answer::Listing;
use crate::program::WantedModels;
use headland_host::text::table::{Side, table};
use headland_host::text::words::{counted, printable, value, whole};
use serde_json::Value;

/// The table, below a line that says how much of what this is and how old.
pub(super) fn text(listing: &Listing<ModelText>, wanted: &WantedModels) -> String {
    let head = head(listing, wanted);
    if listing.models.is_empty() {
        return format!("{head}\n");
    }
    let header = [
        ("NAME", Side::Left),
        ("NAMESPACE", Side::Left),
        ("TASK", Side::Left),
        ("PROVIDER", Side::Left),
        ("LICENCE", Side::Left),
        ("STATUS", Side::Left),
        ("CURRENT", Side::Left),
        ("USED", Side::Right),
        ("NOTES", Side::Right),
    ];
    let first = listing.models.first().map(|model| model.namespace.as_str());
    let mixed = listing
        .models
        .iter()
        .any(|model| Some(model.namespace.as_str()) != first);
    let rows: Vec<_> = listing.models.iter().map(|model| row(model, mixed)).collect();
    format!("{head}\n\n{}", table(&header, &rows))
}

fn head(listing: &Listing<ModelText>, wanted: &WantedModels) -> String {
    let shown = listing.models.len() as u64;
    let count = match (&wanted.query, listing.next_page_token.is_some()) {
        (Some(query), false) => format!("{} with \"{}\"", counted(shown, "model", "models"), printable(query)),
        (Some(query), true) => format!(
            "the first {} with \"{}\"",
            counted(shown, "model", "models"),
            printable(query)
        ),
        (None, true) => format!("the first {}", counted(shown, "model", "models")),
        (None, false) => counted(shown, "model", "models"),
    };
    let place = wanted
        .namespace
        .as_ref()
        .map_or_else(String::new, |namespace| format!(" in {}", printable(namespace)));
    let of = if shown < listing.models_held {
        format!(", of {} held", whole(listing.models_held))
    } else {
        String::new()
    };
    format!(
        "{count}{place}{of}, {}",
        as_of(&listing.freshness, listing.models_held > 0)
    )
}

fn row(model: &ModelText, mixed: bool) -> Vec<String> {
    let fact = |names: &[&str]| {
        let found = names.iter().find_map(|name| model.attributes.get(*name));
        found.map(value).unwrap_or_default()
    };
    let used = model.counts.get("usage").copied().unwrap_or(0);
    vec![
        printable(&model.name),
        if mixed {
            printable(&model.namespace)
        } else {
            String::new()
        },
        fact(&["task", "mode"]),
        fact(&["provider", "litellm_provider"]),
        fact(&["license", "licence"]),
        status(model),
        model.current.as_ref().map(value).unwrap_or_default(),
        if used == 0 { String::new() } else { whole(used) },
        if model.annotations.is_empty() {
            String::new()
        } else {
            model.annotations.len().to_string()
        },
    ]
}

/// What tells people to be careful: whether it may be used, is there, is going away, or is disputed.
fn status(model: &ModelText) -> String {
    let fact = |name: &str| model.attributes.get(name).map(value);
    let withdrawn = ["deprecation_date", "deprecated"]
        .iter()
        .find_map(|name| match model.attributes.get(*name) {
            Some(Value::Bool(true)) => Some("deprecated".to_owned()),
            Some(Value::String(date)) => Some(format!("until {}", printable(date))),
            _ => None,
        });
    let disputed =
        (!model.conflicts.is_empty()).then(|| counted(model.conflicts.len() as u64, "conflict", "conflicts"));
    let parts = [fact("status"), fact("availability"), withdrawn, disputed];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    parts.join(", ")
}
