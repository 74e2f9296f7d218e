//! What the commands print.

use crate::operation::Decision;
use headland_host::text::table::{Side, pairs, table};
use headland_host::text::words::{counted, duration, moment, printable, value, whole};
use serde_json::Value;

pub(super) fn number(answer: &Value, name: &str) -> u64 {
    answer[name].as_u64().unwrap_or(0)
}

pub(super) fn text(answer: &Value, name: &str) -> String {
    match &answer[name] {
        Value::Null => String::new(),
        other => value(other),
    }
}

pub(super) fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

/// What an import did.
pub(super) fn import(answer: &Value, dry_run: bool) -> String {
    let mut out = String::new();
    let declared = list(answer, "attributes");
    if !declared.is_empty() {
        let rows: Vec<Vec<String>> = declared
            .iter()
            .map(|one| vec![text(one, "name"), text(one, "kind"), text(one, "rule")])
            .collect();
        let verb = if dry_run { "would be declared" } else { "declared" };
        out.push_str(&format!(
            "{} {verb}, for ever:\n\n",
            counted(rows.len() as u64, "attribute", "attributes")
        ));
        out.push_str(&table(
            &[("NAME", Side::Left), ("HOLDS", Side::Left), ("RULE", Side::Left)],
            &rows,
        ));
        out.push('\n');
    }
    let [new, changed, gone] = ["new", "changed", "gone"].map(|name| number(answer, name));
    for (name, sign) in [("new_names", "+"), ("changed_names", "~"), ("gone_names", "-")] {
        for one in list(answer, name).iter().take(5) {
            out.push_str(&format!("  {sign} {}\n", value(one)));
        }
    }
    let what = format!("{} new, {} changed, {} gone", whole(new), whole(changed), whole(gone));
    let models = counted(number(answer, "models"), "model", "models");
    out.push_str(&match (answer["seq"].as_u64(), dry_run) {
        (_, true) => format!("would import: {what}; {models}\n"),
        (Some(seq), false) => format!("imported as commit {seq}: {what}; {models}\n"),
        (None, false) => format!("nothing to import: the registry holds exactly this; {models}\n"),
    });
    out
}

/// What a revert did.
pub(super) fn revert(answer: &Value) -> String {
    let [new, changed, gone, left] = ["new", "changed", "gone", "left_alone"].map(|name| number(answer, name));
    let kept = if left == 0 {
        String::new()
    } else {
        format!("; {} changed again since, left alone", counted(left, "value", "values"))
    };
    match answer["seq"].as_u64() {
        Some(seq) => format!("reverted by commit {seq}: {new} back, {changed} changed back, {gone} gone again{kept}\n"),
        None => format!("nothing to take back{kept}\n"),
    }
}

/// What became of a decision.
pub(super) fn decision(answer: &Value, decision: &Decision) -> String {
    let open = answer["was_open"] == true;
    match decision {
        Decision::Unfence { agent } if open => {
            format!("{agent}: what speaks next under this name is taken for the one store of it\n")
        }
        Decision::Unfence { agent } => format!("{agent} is not fenced\n"),
        Decision::ConfirmRestored if open => "confirmed: agents may now drop what this hub does not hold\n".to_owned(),
        Decision::ConfirmRestored => "nothing to confirm: this hub did not go back in time\n".to_owned(),
    }
}

/// What was backed up.
pub(super) fn backup(answer: &Value) -> String {
    let bytes = whole(number(answer, "bytes"));
    format!(
        "backed up {} to {} ({bytes} bytes, read again and whole)\n",
        held(&answer["about"]),
        text(answer, "file")
    )
}

/// What was restored.
pub(super) fn restore(answer: &Value) -> String {
    let about = &answer["about"];
    let taken = moment(number(about, "taken_ms"));
    format!(
        "restored {}, as of {taken}; the hub begins epoch {}\n\
         start it: its agents say again what they wrote since. Then import what the registry shall hold, or say \
         `headland-hub confirm-restored`\n",
        held(about),
        text(answer, "epoch")
    )
}

fn held(about: &Value) -> String {
    let (models, agents) = (number(about, "models"), number(about, "agents"));
    format!(
        "{} and {} of region {}, up to commit {}",
        counted(models, "model", "models"),
        counted(agents, "agent", "agents"),
        text(about, "region"),
        number(about, "head")
    )
}

/// A listing of models.
pub(super) fn models(answer: &Value) -> String {
    let header = [
        ("NAME", Side::Left),
        ("NAMESPACE", Side::Left),
        ("TASK", Side::Left),
        ("LICENCE", Side::Left),
        ("CURRENT", Side::Left),
        ("USED", Side::Right),
        ("NOTES", Side::Right),
    ];
    let rows: Vec<Vec<String>> = list(answer, "models")
        .iter()
        .map(|model| {
            let attributes = &model["attributes"];
            let first = |names: [&str; 2]| {
                names
                    .iter()
                    .map(|name| text(attributes, name))
                    .find(|text| !text.is_empty())
            };
            let some = |count: u64| if count == 0 { String::new() } else { whole(count) };
            vec![
                text(model, "name"),
                text(model, "namespace"),
                first(["task", "mode"]).unwrap_or_default(),
                first(["license", "licence"]).unwrap_or_default(),
                text(model, "current"),
                some(number(&model["counts"], "usage")),
                some(list(model, "annotations").len() as u64),
            ]
        })
        .collect();
    let head = counted(rows.len() as u64, "model", "models");
    if rows.is_empty() {
        format!("{head}\n")
    } else {
        format!("{head}\n\n{}", table(&header, &rows))
    }
}

/// Everything about one model.
pub(super) fn model(answer: &Value) -> String {
    let model = &answer["model"];
    let mut out = format!("{}\nnamespace {}\n", text(model, "name"), text(model, "namespace"));
    for (name, title) in [
        ("attributes", "Attributes"),
        ("aliases", "Aliases"),
        ("counts", "Counts"),
        ("conflicts", "Conflicts"),
    ] {
        if let Some(fields) = model[name].as_object().filter(|fields| !fields.is_empty()) {
            let rows = fields.iter().map(|(name, held)| (name.as_str(), value(held)));
            out.push_str(&format!("\n{title}\n{}", pairs("  ", rows)));
        }
    }
    if let Some(versions) = model["versions"].as_object().filter(|versions| !versions.is_empty()) {
        let rows = versions
            .iter()
            .map(|(name, version)| (name.as_str(), version_line(model, name, version)));
        out.push_str(&format!("\nVersions\n{}", pairs("  ", rows)));
    }
    let notes = list(model, "annotations");
    if !notes.is_empty() {
        out.push_str("\nNotes\n");
    }
    for note in notes {
        let subject = note["subject"]
            .as_str()
            .map_or_else(String::new, |subject| format!(", on {}", printable(subject)));
        out.push_str(&format!(
            "  {}  {}{subject}\n    {}\n",
            moment(number(note, "at_ms")),
            text(note, "author"),
            text(note, "text")
        ));
    }
    out
}

fn version_line(model: &Value, name: &str, version: &Value) -> String {
    let mut parts = Vec::new();
    if model["current"] == *name {
        parts.push("current".to_owned());
    }
    for (approval, status) in version["approvals"].as_object().into_iter().flatten() {
        parts.push(format!("{}: {}", printable(approval), value(status)));
    }
    parts.push(text(version, "manifest"));
    parts.join(", ")
}

/// The registry's commits.
pub(super) fn history(answer: &Value) -> String {
    let header = [
        ("COMMIT", Side::Right),
        ("WHEN", Side::Left),
        ("NEW", Side::Right),
        ("CHANGED", Side::Right),
        ("GONE", Side::Right),
        ("WHAT", Side::Left),
    ];
    let rows: Vec<Vec<String>> = list(answer, "commits")
        .iter()
        .map(|commit| {
            vec![
                text(commit, "seq"),
                moment(number(commit, "at_ms")),
                whole(number(commit, "new")),
                whole(number(commit, "changed")),
                whole(number(commit, "gone")),
                format!("{} of {}", text(commit, "kind"), text(commit, "of")),
            ]
        })
        .collect();
    if rows.is_empty() {
        "nothing was imported yet\n".to_owned()
    } else {
        table(&header, &rows)
    }
}

/// How the following of another hub stands.
pub(super) fn following(follow: &Value) -> String {
    let state = match follow["heard_ms_ago"].as_u64() {
        Some(ago) => format!("{}, as of {} ago", text(follow, "state"), duration(ago)),
        None => text(follow, "state"),
    };
    let database = &follow["database"];
    let lag = match (database["behind_bytes"].as_u64(), database["wal_status"].as_str()) {
        (Some(behind), Some(wal)) if follow["state"] != "stopped" => format!(", {behind} bytes behind, slot {wal}"),
        _ => String::new(),
    };
    let state = format!("{state}{lag}");
    let detail = follow["detail"].as_str();
    let detail = detail.map_or_else(String::new, |detail| format!(": {}", printable(detail)));
    format!("that of {} ({state}){detail}", text(follow, "leader"))
}

/// How the writing back to a registry stands.
fn writing_back(writeback: &Value) -> String {
    let behind = number(writeback, "behind");
    let left = counted(behind, "commit", "commits");
    let state = match (text(writeback, "state").as_str(), behind) {
        ("stopped", _) => format!("stopped, {left} to look at"),
        ("closed", 0) => "all is there".to_owned(),
        ("closed", _) => format!("writing, {left} behind"),
        ("half-open", _) => format!("trying again, {left} behind"),
        _ => {
            let wait = duration(number(writeback, "retry_in_ms"));
            format!("not writing, {left} behind, next attempt in {wait}")
        }
    };
    let detail = writeback["detail"].as_str();
    let detail = detail.map_or_else(String::new, |detail| format!(": {}", printable(detail)));
    let passed_over = match number(writeback, "passed_over") {
        0 => String::new(),
        count => format!(", {} refused for good", counted(count, "write", "writes")),
    };
    format!("to {} ({state}{passed_over}){detail}", text(writeback, "target"))
}

/// How the hub is.
pub(super) fn status(answer: &Value) -> String {
    let agents = list(answer, "agents");
    let broker = match (answer["running"].as_bool(), answer["broker"].as_str()) {
        (Some(true), Some(broker)) => format!("serving through {broker}"),
        (Some(true), None) => "running, without a link to its broker".to_owned(),
        _ => "not running; this is what its store holds".to_owned(),
    };
    let proven = format!(
        "{}, {} proven in step",
        counted(agents.len() as u64, "agent", "agents"),
        number(answer, "agents_proven_in_sync")
    );
    let mut rows = vec![
        ("region", text(answer, "region")),
        ("state", broker),
        ("models", whole(number(answer, "models"))),
        (
            "commits",
            format!(
                "{}, registry revision {}",
                whole(number(answer, "head")),
                number(&answer["registry"], "revision")
            ),
        ),
        ("agents", proven),
        ("digest", text(answer, "digest")),
    ];
    if let Some(ms) = answer["restored_ms_ago"].as_u64() {
        let text = "import what the registry shall hold, or say `headland-hub confirm-restored`";
        rows.push((
            "restored",
            format!("found {} ago that this hub went back in time; {text}", duration(ms)),
        ));
    }
    if answer["follow"].is_object() {
        rows.insert(4, ("registry", following(&answer["follow"])));
    }
    if answer["writeback"].is_object() {
        rows.push(("write-back", writing_back(&answer["writeback"])));
    }
    if answer["tables"].is_object() {
        rows.push(("tables", writing_back(&answer["tables"])));
    }
    if let Some(trouble) = answer["trouble"].as_str() {
        rows.push(("trouble", printable(trouble)));
    }
    let mut out = pairs("", rows);
    let scopes = list(answer, "scopes");
    if !scopes.is_empty() {
        let header = [
            ("SCOPE", Side::Left),
            ("MODELS", Side::Right),
            ("AGENTS", Side::Right),
            ("PROVEN", Side::Right),
        ];
        let rows: Vec<Vec<String>> = scopes
            .iter()
            .map(|scope| {
                let counts = ["models", "agents", "agents_proven_in_sync"].map(|name| whole(number(scope, name)));
                std::iter::once(text(scope, "scope")).chain(counts).collect()
            })
            .collect();
        out.push_str(&format!("\n{}", table(&header, &rows)));
    }
    if !agents.is_empty() {
        let header = [
            ("AGENT", Side::Left),
            ("BEHIND", Side::Right),
            ("HEARD", Side::Left),
            ("PROOF", Side::Left),
            ("FOLLOWS", Side::Left),
        ];
        let rows: Vec<Vec<String>> = agents
            .iter()
            .map(|agent| {
                vec![
                    text(agent, "name"),
                    whole(number(agent, "behind")),
                    format!("{} ago", duration(number(agent, "heard_ms_ago"))),
                    proof(agent).to_owned(),
                    text(agent, "follow"),
                ]
            })
            .collect();
        out.push_str(&format!("\n{}", table(&header, &rows)));
    }
    out
}

/// Whether an agent is proven to hold what the hub holds.
pub(super) fn proof(agent: &Value) -> &'static str {
    match (agent["fenced_ms_ago"].as_u64(), agent["proven"].as_bool()) {
        (Some(_), _) => "FENCED",
        (None, Some(true)) => "equal",
        (None, Some(false)) => "UNEQUAL",
        (None, None) => "pending",
    }
}
