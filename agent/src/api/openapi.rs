//! The API's description: made from the routes and from the types that are read and written, and compared with the
//! file that is served.

use super::{health, routes, write};
use crate::answer::{Counted, Freshness, NoteWritten, Reported, Status, Synced};
use headland_api::demand::PARAMETERS;
use headland_api::description::{JSON, Operation, Parameter, assert_served, document, of_models};
use schemars::SchemaGenerator;
use serde_json::{Value, json};
use std::path::Path;

const WATCHING: [Parameter; 5] = [
    ("namespace", "Only the models of this namespace."),
    ("filter", "Which models, in the language of AIP-160."),
    ("q", "Words that must all be in the name, a description or the tags."),
    ("fields", "Which fields of each model, such as \"task,versions\"."),
    (
        "from",
        "The position of the listing after which to begin; now unless said.",
    ),
];

/// What a route does; nothing of one that nobody has described.
fn operation(types: &mut SchemaGenerator, method: &str, path: &str) -> Option<Operation> {
    macro_rules! schema {
        ($type:ty) => {
            types.subschema_for::<$type>().to_value()
        };
    }
    let of_model = path.strip_prefix("/v1/namespaces/{namespace}/models/{name}");
    Some(match (method, of_model, path) {
        ("get", None, "/healthz") => Operation::plain("Whether the agent does its work", JSON, schema!(health::Health)),
        ("get", None, "/metrics") => Operation::plain(
            "The agent in numbers, in the text format of Prometheus",
            "text/plain",
            json!({"type": "string"}),
        ),
        ("get", None, "/v1/watch") => Operation {
            parameters: WATCHING.to_vec(),
            ..Operation::plain(
                "What changes, as server-sent events: changed with the model, gone with its key, resync when all is to be listed again; resumed by Last-Event-ID",
                "text/event-stream",
                json!({"type": "string"}),
            )
        },
        ("get", None, "/v1/openapi.json") => Operation::plain("This description", JSON, json!({"type": "object"})),
        ("get", None, "/v1/status") => Operation::reading("How the agent is", schema!(Status), &[&PARAMETERS]),
        ("post", None, "/v1/sync") => Operation::plain(
            "Gets in step with the hub now; a device that sleeps between contacts wakes for it",
            JSON,
            schema!(Synced),
        ),
        ("post", None, "/v1/resolve") => Operation {
            body: Some(question()),
            ..Operation::reading(
                "Which version this device should use now",
                resolved(types),
                &[&PARAMETERS],
            )
        },
        ("post", Some("/annotations"), _) => keyed(
            "Writes a note; answered when it is durable on the device",
            Some(schema!(write::NewNote)),
            (201, Some(schema!(NoteWritten))),
        ),
        ("delete", Some("/annotations/{id}"), _) => keyed("Takes an own note back", None, (204, None)),
        ("post", Some("/usage"), _) => keyed(
            "Counts uses; answered when they are durable on the device",
            Some(schema!(write::Uses)),
            (200, Some(schema!(Counted))),
        ),
        ("post", Some("/availability"), _) => keyed(
            "Says whether the model can be used on this device; answered when it is durable there",
            Some(schema!(write::Report)),
            (200, Some(schema!(Reported))),
        ),
        _ => return of_models::<Freshness>(types, method, path, &PARAMETERS),
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

/// A write, which takes a key so that a retry is harmless.
fn keyed(summary: &'static str, body: Option<Value>, answer: (u16, Option<Value>)) -> Operation {
    Operation {
        takes_key: true,
        ..Operation::writing(summary, body, answer)
    }
}

#[test]
fn the_description_that_is_served_is_the_one_of_the_routes_and_types() {
    let document = document(
        "Headland agent",
        "A device's copy of the model catalogue, over the agent's control socket.",
        env!("CARGO_PKG_VERSION"),
        &routes(),
        operation,
    );
    assert_served(&document, &Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json"));
}
