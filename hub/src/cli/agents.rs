//! What `agents` prints.

use super::sheet::{list, number, proof, text};
use headland_host::text::table::{Side, table};
use headland_host::text::words::{counted, duration, printable, value};
use serde_json::Value;

/// The agents, with what they say of their devices.
pub(super) fn text_of(answer: &Value) -> String {
    let agents = list(answer, "agents");
    let head = counted(agents.len() as u64, "agent", "agents");
    if agents.is_empty() {
        return format!("{head}\n");
    }
    let header = [
        ("AGENT", Side::Left),
        ("HEARD", Side::Left),
        ("PROOF", Side::Left),
        ("LABELS", Side::Left),
        ("FACTS", Side::Left),
    ];
    let rows: Vec<Vec<String>> = agents
        .iter()
        .map(|agent| {
            vec![
                text(agent, "name"),
                format!("{} ago", duration(number(agent, "heard_ms_ago"))),
                proof(agent).to_owned(),
                fields(&agent["device"]["labels"]),
                fields(&agent["device"]["facts"]),
            ]
        })
        .collect();
    format!("{head}\n\n{}", table(&header, &rows))
}

fn fields(fields: &Value) -> String {
    let fields = fields.as_object().into_iter().flatten();
    let fields: Vec<String> = fields
        .map(|(name, held)| format!("{}={}", printable(name), list_of(held)))
        .collect();
    fields.join(" ")
}

fn list_of(held: &Value) -> String {
    match held {
        Value::Array(items) => items.iter().map(value).collect::<Vec<_>>().join(","),
        other => value(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn agents_are_listed_with_labels_and_facts() {
        let agent = json!({
            "name": "leaf-7", "heard_ms_ago": 3_000, "proven": true, "fenced_ms_ago": null,
            "device": { "labels": { "site": "north" }, "facts": { "memory_bytes": 5, "runtimes": ["a", "b"] } },
        });
        let wanted = "\
1 agent

AGENT   HEARD    PROOF  LABELS      FACTS
leaf-7  3 s ago  equal  site=north  memory_bytes=5 runtimes=a,b
";
        assert_eq!(text_of(&json!({ "agents": [agent] })), wanted);
        assert_eq!(text_of(&json!({ "agents": [] })), "0 agents\n");
    }
}
