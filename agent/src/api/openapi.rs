//! The API's description: made from the routes and from the types that are read and written, and compared with the
//! file that is served.

use super::{health, read, routes, write};
use crate::answer::{
    Availability, Counted, Facts, Freshness, Listing, NoteWritten, One, Problem, Status, Synced, Usage, Why,
};
use headland_shared::view::Model;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Set to make the file anew.
const WRITE_VARIABLE: &str = "HEADLAND_WRITE_OPENAPI";

const FRESHNESS: [(&str, &str); 4] = [
    (
        "consistency",
        "How fresh the answer must be: eventual (the default), bounded or strong.",
    ),
    (
        "max_staleness",
        "How old the answer may be, such as 500ms, 5s, 10m or 2h; by itself it means bounded.",
    ),
    (
        "on_stale",
        "What to do when it is not that fresh: refuse (the default) or warn.",
    ),
    (
        "timeout",
        "How long to wait for the present when consistency is strong, such as 5s.",
    ),
];

const LISTING: [(&str, &str); 6] = [
    ("filter", "Which models, in the language of AIP-160."),
    ("order_by", "By which fields to order, such as \"usage desc, name\"."),
    ("fields", "Which fields of each model, such as \"task,versions\"."),
    ("q", "Words that must all be in the name, a description or the tags."),
    ("page_size", "How many models, 1 to 1000; 100 unless said."),
    ("page_token", "The next_page_token of the page before."),
];

const WATCHING: [(&str, &str); 5] = [
    ("namespace", "Only the models of this namespace."),
    ("filter", "Which models, in the language of AIP-160."),
    ("q", "Words that must all be in the name, a description or the tags."),
    ("fields", "Which fields of each model, such as \"task,versions\"."),
    (
        "from",
        "The position of the listing after which to begin; now unless said.",
    ),
];

const ATTRIBUTE: [(&str, &str); 1] = [("attribute", "Which attribute.")];

/// What one route takes and gives.
struct Operation {
    summary: &'static str,
    parameters: Vec<(&'static str, &'static str)>,
    body: Option<Value>,
    answer: (u16, Option<Value>),
    /// The media type of the answer.
    kind: &'static str,
    /// Whether it takes a key, so that a retry is harmless.
    is_write: bool,
}

const JSON: &str = "application/json";

fn plain(summary: &'static str, kind: &'static str, answer: Value) -> Operation {
    Operation {
        summary,
        parameters: Vec::new(),
        body: None,
        answer: (200, Some(answer)),
        kind,
        is_write: false,
    }
}

fn reading(summary: &'static str, answer: Value, own: &[(&'static str, &'static str)]) -> Operation {
    Operation {
        summary,
        parameters: own.iter().chain(&FRESHNESS).copied().collect(),
        body: None,
        answer: (200, Some(answer)),
        kind: JSON,
        is_write: false,
    }
}

fn writing(summary: &'static str, body: Option<Value>, answer: (u16, Option<Value>)) -> Operation {
    Operation {
        summary,
        parameters: Vec::new(),
        body,
        answer,
        kind: JSON,
        is_write: true,
    }
}

/// What a route does; nothing of one that nobody has described.
fn operation(types: &mut SchemaGenerator, method: &str, path: &str) -> Option<Operation> {
    macro_rules! schema {
        ($type:ty) => {
            types.subschema_for::<$type>().to_value()
        };
    }
    let of_model = path.strip_prefix("/v1/namespaces/{namespace}/models/{name}");
    Some(match (method, of_model, path) {
        ("get", None, "/healthz") => plain("Whether the agent does its work", JSON, schema!(health::Health)),
        ("get", None, "/metrics") => plain(
            "The agent in numbers, in the text format of Prometheus",
            "text/plain",
            json!({"type": "string"}),
        ),
        ("get", None, "/v1/watch") => Operation {
            parameters: WATCHING.to_vec(),
            ..plain(
                "What changes, as server-sent events: changed with the model, gone with its key, resync when all is to be listed again; resumed by Last-Event-ID",
                "text/event-stream",
                json!({"type": "string"}),
            )
        },
        ("get", None, "/v1/openapi.json") => plain("This description", JSON, json!({"type": "object"})),
        ("get", None, "/v1/status") => reading("How the agent is", schema!(Status), &[]),
        ("get", None, "/v1/models") => reading("Models of all namespaces", schema!(Listing<Model>), &LISTING),
        ("get", None, "/v1/namespaces/{namespace}/models") => {
            reading("Models of a namespace", schema!(Listing<Model>), &LISTING)
        }
        ("get", Some(""), _) => reading("One model", schema!(One<Model>), &[]),
        ("get", Some("/versions"), _) => reading("Its versions", schema!(Facts<read::Versions>), &[]),
        ("get", Some("/aliases"), _) => reading("Its aliases", schema!(Facts<read::Aliases>), &[]),
        ("get", Some("/annotations"), _) => reading("Notes about it", schema!(Facts<read::Annotations>), &[]),
        ("get", Some("/usage"), _) => reading("How often it was used", schema!(Facts<Usage>), &[]),
        ("get", Some("/availability"), _) => reading("Whether it can be used", schema!(Facts<Availability>), &[]),
        ("get", Some("/why"), _) => reading("Why an attribute shows its value", schema!(Facts<Why>), &ATTRIBUTE),
        ("post", None, "/v1/sync") => plain(
            "Gets in step with the hub now; a device that sleeps between contacts wakes for it",
            JSON,
            schema!(Synced),
        ),
        ("post", None, "/v1/resolve") => Operation {
            body: Some(question()),
            ..reading("Which version this device should use now", resolved(types), &[])
        },
        ("post", Some("/annotations"), _) => writing(
            "Writes a note; answered when it is durable on the device",
            Some(schema!(write::NewNote)),
            (201, Some(schema!(NoteWritten))),
        ),
        ("delete", Some("/annotations/{id}"), _) => writing("Takes an own note back", None, (204, None)),
        ("post", Some("/usage"), _) => writing(
            "Counts uses; answered when they are durable on the device",
            Some(schema!(write::Uses)),
            (200, Some(schema!(Counted))),
        ),
        _ => return None,
    })
}

/// What is asked of `/v1/resolve`, as `docs/resolve.md` has it.
fn question() -> Value {
    let text = || json!({"type": "string"});
    json!({
        "type": "object",
        "required": ["task"],
        "additionalProperties": false,
        "properties": {
            "task": text(), "namespace": text(), "alias": text(), "approval": text(),
            "need": {"type": "object", "description": "Conditions by the name of the attribute."},
        },
    })
}

/// What `/v1/resolve` answers: the version, and why nothing else.
fn resolved(types: &mut SchemaGenerator) -> Value {
    let freshness = types.subschema_for::<Freshness>().to_value();
    json!({
        "allOf": [freshness],
        "type": "object",
        "required": ["device", "answer", "refused", "considered"],
        "properties": {
            "device": {"type": "string"},
            "answer": {"type": ["object", "null"], "description": "The version to use; null when none fits."},
            "refused": {"type": "array", "items": {"type": "object"}, "description": "Each other version, with the reason."},
            "considered": {"type": "integer", "minimum": 0},
        },
    })
}

fn content(kind: &str, schema: Value) -> Value {
    json!({ kind: { "schema": schema } })
}

fn described(operation: Operation, path: &str, problem: &Value) -> Value {
    let in_path = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let in_path =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let in_query = operation.parameters.iter().map(|(name, about)| {
        let required = *name == "attribute";
        json!({"name": name, "in": "query", "required": required, "description": about, "schema": {"type": "string"}})
    });
    let by_header = (operation.is_write).then(|| {
        json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes a retry harmless: the same key and request are answered as before and done once.",
            "schema": {"type": "string", "maxLength": 255}})
    });
    let (status, answer) = operation.answer;
    let mut done = json!({"description": "Done."});
    if let Some(answer) = answer {
        done["content"] = content(operation.kind, answer);
    }
    let failed = json!({
        "description": "Not done: what was being done, to what, and the remedy.",
        "content": content("application/problem+json", problem.clone()),
    });
    let mut out = json!({
        "summary": operation.summary,
        "parameters": in_path.chain(in_query).chain(by_header).collect::<Vec<_>>(),
        "responses": { status.to_string(): done, "default": failed },
    });
    if let Some(body) = operation.body {
        out["requestBody"] = json!({ "content": content(JSON, body) });
    }
    out
}

fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut types = settings.into_generator();
    let problem = types.subschema_for::<Problem>().to_value();
    let mut paths = Map::new();
    for route in routes() {
        let method = route.method.as_str().to_lowercase();
        let operation = operation(&mut types, &method, route.path);
        let operation = operation.unwrap_or_else(|| panic!("{method} {} is not described", route.path));
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[&method] = described(operation, route.path, &problem);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Headland agent",
            "description": "A device's copy of the model catalogue, over the agent's control socket.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": { "schemas": types.take_definitions(true) },
    })
}

#[test]
fn the_description_that_is_served_is_the_one_of_the_routes_and_types() {
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let served = std::fs::read_to_string(&path).unwrap();
    assert!(
        served == text,
        "agent/openapi.json is not up to date; run this test with {WRITE_VARIABLE}=1"
    );
}

#[test]
fn every_route_is_in_the_description_and_every_reference_leads_somewhere() {
    let document = document();
    for route in routes() {
        let method = route.method.as_str().to_lowercase();
        let found = document["paths"].get(route.path).and_then(|path| path.get(&method));
        assert!(found.is_some(), "{method} {}", route.path);
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
