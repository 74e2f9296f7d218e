//! `resolve`: the question on the command line, and what is printed of the answer.

use super::access::Access;
use super::age::as_of;
use super::{as_json, understood};
use crate::program::Asked;
use crate::resolving::Resolved;
use crate::settings::Settings;
use headland_host::exit::Failure;
use headland_host::text::print;
use headland_host::text::table::{Side, pairs, table};
use headland_host::text::words::{counted, printable, value, whole};
use headland_shared::resolve::{Found, Question, Resolution};
use serde_json::{Map, Value, json};

/// How many reasons are printed: what more people scroll past, `--json` gives to programs.
const REASONS_SHOWN_MAX: usize = 20;

type Answer = Resolved<Resolution<Value, Value>>;

/// `resolve`
pub(crate) fn resolve(settings: &Settings, asked: Asked, json: bool) -> Result<(), Failure> {
    let freshness = asked.freshness.clone();
    let question = question(asked)?;
    let answer = Access::find(settings)?.resolve(&question, &settings.device(), &freshness)?;
    let fits = !answer["answer"].is_null();
    if json {
        print(&as_json(&answer)?)?;
    } else {
        let resolved: Answer = understood(answer)?;
        print(&text(&resolved, &question))?;
    }
    if fits { Ok(()) } else { Err(Failure::nothing_fits()) }
}

fn question(asked: Asked) -> Result<Question, Failure> {
    let bad = |error: String| Failure::bad_input(format!("reading the arguments: {error}"));
    let mut needs = Map::new();
    for need in &asked.need {
        let (name, condition) = condition(need).map_err(bad)?;
        match needs.get_mut(&name) {
            None => {
                needs.insert(name, condition);
            }
            Some(held) => both(held, condition)
                .ok_or_else(|| bad(format!("--need {need}: {name} is needed twice; say it once")))?,
        }
    }
    let question = json!({
        "task": asked.task, "namespace": asked.namespace, "alias": asked.alias, "approval": asked.approval,
        "need": needs,
    });
    serde_json::from_value(question).map_err(|error| bad(error.to_string()))
}

/// The least and the most of one number may be said one by one.
fn both(held: &mut Value, condition: Value) -> Option<()> {
    let (Value::Object(held), Value::Object(more)) = (held, condition) else {
        return None;
    };
    let apart = more.keys().all(|name| !held.contains_key(name));
    apart.then(|| held.extend(more))
}

fn condition(need: &str) -> Result<(String, Value), String> {
    let wrong = || format!("--need {need}: that is no condition; write K=V, K=V,W, K=V|W, K>=N or K<=N");
    let at = need.find(['=', '<', '>']).ok_or_else(wrong)?;
    let (name, rest) = need.split_at(at);
    let number = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Number(number)) => Ok(Value::Number(number)),
        _ => Err(format!("--need {need}: {text:?} is no number")),
    };
    let condition = if let Some(least) = rest.strip_prefix(">=") {
        json!({ "min": number(least)? })
    } else if let Some(most) = rest.strip_prefix("<=") {
        json!({ "max": number(most)? })
    } else {
        let text = rest.strip_prefix('=').ok_or_else(wrong)?;
        match serde_json::from_str(text) {
            Ok(plain @ (Value::Bool(_) | Value::Number(_))) => plain,
            _ if text.contains('|') => json!({ "any": text.split('|').collect::<Vec<_>>() }),
            _ => json!(text.split(',').collect::<Vec<_>>()),
        }
    };
    if name.is_empty() {
        return Err(wrong());
    }
    Ok((name.to_owned(), condition))
}

fn text(resolved: &Answer, question: &Question) -> String {
    let asked = format!(
        "for {} on {}, {}",
        question.task,
        printable(&resolved.device),
        as_of(&resolved.freshness, true)
    );
    let mut out = match &resolved.resolution.answer {
        None => format!("no version fits\n{asked}\n"),
        Some(chosen) => {
            let candidate = &chosen.candidate;
            let version = candidate
                .version
                .as_ref()
                .map_or_else(String::new, |version| format!(" {}", printable(version)));
            let found = match chosen.found {
                Found::Alias => format!("alias {}", question.alias.as_ref().map_or("", |alias| alias.as_str())),
                Found::Current => "the current version".to_owned(),
                Found::OnlyOne => "a model without versions".to_owned(),
                Found::Other => "not the current version".to_owned(),
            };
            let head = format!("{}{version}\n{asked}\n", printable(&candidate.model));
            format!(
                "{head}{found}, of namespace {}\n{}",
                printable(&candidate.namespace),
                manifest(chosen.manifest.as_ref())
            )
        }
    };
    out.push_str(&refused(resolved));
    out
}

fn manifest(manifest: Option<&Value>) -> String {
    let Some(Value::Object(parts)) = manifest.filter(|manifest| *manifest != &json!({})) else {
        return String::new();
    };
    let rows = parts.iter().map(|(name, part)| (name.as_str(), value(part)));
    format!("\n{}", pairs("  ", rows))
}

fn refused(resolved: &Answer) -> String {
    let resolution = &resolved.resolution;
    let count = resolution.refused_count();
    if count == 0 {
        return format!("\nno other among {}\n", counted(resolved.considered, "model", "models"));
    }
    let header = [("REFUSED", Side::Left), ("VERSION", Side::Left), ("WHY", Side::Left)];
    let shown = resolution.refused.iter().take(REASONS_SHOWN_MAX);
    let rows: Vec<Vec<String>> = shown
        .map(|refused| {
            let candidate = &refused.candidate;
            let version = candidate.version.as_deref().map(printable).unwrap_or_default();
            vec![printable(&candidate.model), version, printable(&refused.sentence)]
        })
        .collect();
    let mut out = format!("\n{}", table(&header, &rows));
    if count > rows.len() as u64 {
        let kinds = resolution
            .refused_by
            .iter()
            .map(|(kind, count)| format!("{} {kind}", whole(*count)));
        let kinds: Vec<String> = kinds.collect();
        let more = whole(count - rows.len() as u64);
        out.push_str(&format!("and {more} more; in all {}\n", kinds.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(need: &[&str]) -> Asked {
        Asked {
            task: "chat".to_owned(),
            need: need.iter().map(ToString::to_string).collect(),
            alias: None,
            approval: None,
            namespace: None,
            freshness: crate::program::FreshnessArguments::default(),
        }
    }

    #[test]
    fn conditions_are_read_as_they_are_documented() {
        let need = [
            "languages=de,en",
            "formats=onnx|tflite",
            "a=true",
            "n=3",
            "cost>=0.5",
            "cost<=2",
        ];
        let question = question(asked(&need)).unwrap();
        let wanted = json!({
            "task": "chat", "need": {
                "languages": ["de", "en"], "formats": {"any": ["onnx", "tflite"]}, "a": true, "n": {"min": 3},
                "cost": {"min": 0.5, "max": 2},
            },
        });
        assert_eq!(serde_json::to_value(question).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_condition_is_refused_with_the_forms() {
        for (need, wanted) in [
            (vec!["languages"], "K>=N"),
            (vec!["=de"], "K>=N"),
            (vec!["n>3"], "K>=N"),
            (vec!["n>=many"], "\"many\" is no number"),
            (vec!["n=3", "n=4"], "needed twice"),
            (vec!["n>=3", "n>=4"], "needed twice"),
            (vec![" n=3"], "attribute name"),
        ] {
            let error = question(asked(&need)).unwrap_err().to_string();
            assert!(error.contains(wanted), "{need:?}: {error}");
        }
    }
}
