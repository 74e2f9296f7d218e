//! What `show` prints.

use super::age::as_of;
use super::{ModelText, VersionText};
use crate::answer::One;
use headland_host::text::table::pairs;
use headland_host::text::words::{moment, printable, value, whole};

const INDENT: &str = "  ";

/// Everything about one model.
pub(super) fn text(one: &One<ModelText>) -> String {
    let model = &one.model;
    let mut out = format!("{}\n", printable(&model.name));
    out.push_str(&format!(
        "namespace {}, {}\n",
        printable(&model.namespace),
        as_of(&one.freshness, true)
    ));
    let facts = model.attributes.iter().map(|(name, fact)| (name.as_str(), value(fact)));
    section(&mut out, "Attributes", pairs(INDENT, facts));
    section(&mut out, "Versions", versions(model));
    let aliases = model
        .aliases
        .iter()
        .map(|(name, version)| (name.as_str(), value(version)));
    section(&mut out, "Aliases", pairs(INDENT, aliases));
    let counts = model.counts.iter().map(|(name, count)| (name.as_str(), whole(*count)));
    section(&mut out, "Counts", pairs(INDENT, counts));
    section(
        &mut out,
        "Conflicts: concurrent values, none of which has been chosen yet",
        conflicts(model),
    );
    section(&mut out, "Notes", notes(model));
    out
}

fn section(out: &mut String, title: &str, body: String) {
    if !body.is_empty() {
        out.push_str(&format!("\n{title}\n{body}"));
    }
}

fn versions(model: &ModelText) -> String {
    let current = model.current.as_ref().map(value);
    let line = |version: &VersionText, name: &String| {
        let is_current = (current.as_ref() == Some(name)).then(|| "current".to_owned());
        let approvals = version
            .approvals
            .iter()
            .map(|(name, approval)| format!("{}: {}", printable(name), value(approval)));
        let facts: Vec<_> = is_current.into_iter().chain(approvals).collect();
        let mut lines = vec![facts.join(", ")];
        lines.extend(version.manifest.as_ref().map(value));
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        lines.join("; ")
    };
    let mut out = pairs(
        INDENT,
        model
            .versions
            .iter()
            .map(|(name, version)| (name.as_str(), line(version, name))),
    );
    if let Some(current) = current.filter(|current| !model.versions.contains_key(current)) {
        out.push_str(&format!("{INDENT}{current}  current\n"));
    }
    out
}

fn conflicts(model: &ModelText) -> String {
    let mut out = String::new();
    for (name, values) in &model.conflicts {
        out.push_str(&format!("{INDENT}{}\n", printable(name)));
        for one in values {
            out.push_str(&format!("{INDENT}{INDENT}- {}\n", value(one)));
        }
    }
    out
}

fn notes(model: &ModelText) -> String {
    let mut out = String::new();
    for note in &model.annotations {
        let subject = note
            .subject
            .as_deref()
            .map_or_else(String::new, |subject| format!(", on {}", printable(subject)));
        out.push_str(&format!(
            "{INDENT}{}  {}{subject}\n",
            moment(note.at_ms),
            printable(&note.author)
        ));
        for line in note.text.lines() {
            out.push_str(&format!("{INDENT}{INDENT}{}\n", printable(line)));
        }
        out.push_str(&format!("{INDENT}{INDENT}({})\n", printable(&note.id)));
    }
    out
}
