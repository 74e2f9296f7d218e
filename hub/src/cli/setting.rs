//! Setting one element of a model at the hub that runs, and asking what became of it.

use super::access::{answered, listening};
use super::output;
use crate::api::target;
use crate::program::{ModelArgument, SetArguments};
use crate::settings::Settings;
use axum::http::{Method, StatusCode};
use headland_host::control;
use headland_host::exit::{CODE_UNKNOWN, Failure};
use headland_host::text::{print, segment};
use headland_shared::key::RecordKey;
use headland_shared::name::{ModelName, Namespace};
use serde_json::{Value, json};
use std::path::Path;

/// How long the hub may take to answer, in milliseconds: longer than it waits for a database.
const ANSWER_MS_MAX: u64 = 60_000;
/// What the type of a problem ends with whose outcome is not known.
const UNKNOWN: &str = ":outcome-unknown";

/// What is to be set.
#[derive(Debug)]
pub(crate) struct Wish {
    model: ModelArgument,
    /// The path below the model's.
    part: String,
    body: Value,
    /// For a sentence.
    of: String,
}

impl Wish {
    /// Which version is current.
    pub(crate) fn current(model: ModelArgument, version: &str) -> Self {
        Self {
            part: "current".to_owned(),
            body: json!({ "version": version }),
            of: format!("the current version of {}", model.name),
            model,
        }
    }

    /// Which version an alias names.
    pub(crate) fn alias(model: ModelArgument, alias: &str, version: &str) -> Self {
        Self {
            part: format!("aliases/{}", segment(alias)),
            body: json!({ "version": version }),
            of: format!("alias {alias} of {}", model.name),
            model,
        }
    }

    /// What a version is approved as.
    pub(crate) fn approval(model: ModelArgument, version: &str, approval: &str, status: &str) -> Self {
        Self {
            part: format!("versions/{}/approvals/{}", segment(version), segment(approval)),
            body: json!({ "status": status }),
            of: format!("approval {approval} of version {version} of {}", model.name),
            model,
        }
    }
}

/// `set-current`, `set-alias`, `approve` and `revoke`
pub(crate) fn set(settings: &Settings, wish: &Wish, how: &SetArguments, json: bool) -> Result<(), Failure> {
    let bad = |error| Failure::bad_input(format!("reading the arguments: {error}"));
    let key = RecordKey {
        namespace: Namespace::new(wish.model.namespace.as_str()).map_err(bad)?,
        name: ModelName::new(wish.model.name.as_str()).map_err(bad)?,
    };
    let socket = listening(settings, "setting it")?;
    let target = format!("{}/{}", target(&key), wish.part);
    let condition = match (&how.if_match, how.if_absent) {
        (Some(tag), _) => ("if-match", quoted(tag)),
        (None, true) => ("if-none-match", "*".to_owned()),
        (None, false) => seen(socket, &target)?,
    };
    let mut headers = vec![(condition.0, condition.1.as_str())];
    headers.extend(how.request_id.as_deref().map(|id| ("request-id", id)));
    let put = control::request_with_blocking(socket, Method::PUT, &target, Some(&wish.body), &headers, ANSWER_MS_MAX);
    let (status, answer) = put.map_err(Failure::failed)?;
    if answer["type"].as_str().is_some_and(|kind| kind.ends_with(UNKNOWN)) {
        return unknown(&answer, json);
    }
    let answer = answered(status, answer)?;
    output(&answer, json, |answer| sheet(wish, status, answer))
}

/// `request`
pub(crate) fn request(settings: &Settings, id: &str, json: bool) -> Result<(), Failure> {
    let socket = listening(settings, "looking up a request")?;
    let target = format!("/v1/requests/{}", segment(id));
    let asked = control::request_blocking(socket, Method::GET, &target, None, ANSWER_MS_MAX);
    let (status, answer) = asked.map_err(Failure::failed)?;
    let answer = answered(status, answer)?;
    output(&answer, json, request_sheet)
}

/// What is there now, as the condition under which it is set.
fn seen(socket: &Path, target: &str) -> Result<(&'static str, String), Failure> {
    let asked = control::request_blocking(socket, Method::GET, target, None, ANSWER_MS_MAX);
    let (status, answer) = asked.map_err(Failure::failed)?;
    let kind = answer["type"].as_str().unwrap_or_default();
    if status == StatusCode::NOT_FOUND && kind.ends_with(":not-set") {
        return Ok(("if-none-match", "*".to_owned()));
    }
    let answer = answered(status, answer)?;
    let tag = answer["etag"].as_str();
    let tag =
        tag.ok_or_else(|| Failure::failed("looking at what is there: the hub gives it no tag; update the hub"))?;
    Ok(("if-match", tag.to_owned()))
}

/// A tag with its quotes, which shells like to take away.
fn quoted(tag: &str) -> String {
    match tag.starts_with('"') || tag == "*" {
        true => tag.to_owned(),
        false => format!("\"{tag}\""),
    }
}

fn unknown(answer: &Value, json: bool) -> Result<(), Failure> {
    if json {
        print(&format!("{answer:#}\n"))?;
        return Err(Failure::told(CODE_UNKNOWN));
    }
    let (detail, request) = (text(answer, "detail"), text(answer, "request"));
    print(&format!(
        "{detail}\nrequest   {request}\nask again `headland-hub request {request}`\n"
    ))?;
    Err(Failure::told(CODE_UNKNOWN))
}

fn sheet(wish: &Wish, status: StatusCode, answer: &Value) -> String {
    if status == StatusCode::ACCEPTED {
        let request = text(answer, "request");
        if let Some(detail) = answer["detail"].as_str() {
            return format!("{}: {detail}\nrequest {request}\n", wish.of);
        }
        return format!(
            "{} is set in the database; this hub does not show it yet\nask again `headland-hub request {request}`\n",
            wish.of
        );
    }
    let value = ["version", "status"].iter().find_map(|name| answer[*name].as_str());
    let (value, tag) = (value.unwrap_or("as it was put"), text(answer, "etag"));
    match answer["seq"].as_u64() {
        Some(seq) => format!("{} is {value} now (commit {seq})\ntag {tag}\n", wish.of),
        None => format!("{} was {value} already; nothing has changed\ntag {tag}\n", wish.of),
    }
}

fn request_sheet(answer: &Value) -> String {
    let (request, state) = (text(answer, "request"), text(answer, "state"));
    let mut sheet = format!("request {request}  {}\n", state.replace('-', " "));
    if let Some(element) = answer["element"].as_str() {
        let (namespace, name) = (text(answer, "namespace"), text(answer, "name"));
        sheet.push_str(&format!("of      {element} of {namespace}/{name}\n"));
    }
    for (word, field) in [("why", "detail"), ("tag", "etag")] {
        if let Some(value) = answer[field].as_str() {
            sheet.push_str(&format!("{word}     {value}\n"));
        }
    }
    sheet
}

fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Wish {
        let (name, namespace) = ("farm/crop".to_owned(), "default".to_owned());
        Wish::alias(ModelArgument { name, namespace }, "cham/pion", "1.6")
    }

    #[test]
    fn what_happened_is_said_in_words() {
        let (done, accepted) = (StatusCode::OK, StatusCode::ACCEPTED);
        for (status, answer, wanted) in [
            (
                done,
                json!({"version": "1.6", "seq": 4, "etag": "\"a-1\""}),
                "is 1.6 now (commit 4)\ntag \"a-1\"",
            ),
            (
                done,
                json!({"version": "1.6", "seq": null, "etag": "\"a-1\""}),
                "already; nothing has changed",
            ),
            (accepted, json!({"request": "r-1"}), "`headland-hub request r-1`"),
            (
                accepted,
                json!({"request": "r-1", "detail": "it was done, and something else has been said since"}),
                "it was done, and something else has been said since\nrequest r-1",
            ),
        ] {
            let text = sheet(&wish(), status, &answer);
            assert!(text.contains(wanted), "{text}");
        }
        let told = json!({"request": "r-1", "state": "not-done", "detail": "given up", "element": "alias a", "namespace": "n", "name": "m", "etag": null});
        assert_eq!(
            request_sheet(&told),
            "request r-1  not done\nof      alias a of n/m\nwhy     given up\n"
        );
    }

    #[test]
    fn names_stand_in_one_segment_and_tags_get_back_their_quotes() {
        assert_eq!(wish().part, "aliases/cham%2Fpion");
        for (tag, wanted) in [("a-1", "\"a-1\""), ("\"a-1\"", "\"a-1\""), ("*", "*")] {
            assert_eq!(quoted(tag), wanted);
        }
    }
}
