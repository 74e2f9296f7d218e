//! The API's description: made from the routes and from the types that are read and written, and compared with the
//! file that is served.

use super::{element, health, request, routes};
use crate::answer::{Agents, ElementTold, Follow, Freshness, History, Notes, OneAgent, RequestTold, Status, WasPut};
use crate::api::registry::RegistryAnswer;
use crate::operation::{ApprovalWish, Decided, Decision, ImportWish, RevertWish, VersionWish};
use crate::registry::{ImportReport, RevertReport};
use headland_api::answer::Facts;
use headland_api::demand::PARAMETERS;
use headland_api::description::{JSON, Operation, Parameter, Tags, assert_served, document, of_models};
use schemars::SchemaGenerator;
use serde_json::{Value, json};
use std::path::Path;

const LIMIT: Parameter = ("limit", "How many, the latest first; 50 unless said.");

const PAGE: [Parameter; 2] = [
    ("page_size", "How many agents, 1 to 1000; 100 unless said."),
    ("page_token", "The next_page_token of the page before."),
];

const CHANGES: [Parameter; 6] = [
    ("after", "Up to where the asking hub holds all that the registry said."),
    ("epoch", "The life of this hub's store in which that was."),
    ("lineage", "The lineage there."),
    ("life", "The life of the registry that the asking hub holds."),
    ("revision", "The revision of it."),
    ("wait_ms", "How long to wait when there is nothing new, at most 30000."),
];

/// Setting one element by compare-and-swap.
fn put(body: Value, answer: Value) -> Operation {
    Operation {
        tags: Tags::Demanded,
        ..Operation::writing(
            "Sets it as one commit, if it is still what was seen; 412 with what it is otherwise",
            Some(body),
            (200, Some(answer)),
        )
    }
}

/// What a route does; nothing of one that nobody has described.
fn operation(types: &mut SchemaGenerator, method: &str, path: &str) -> Option<Operation> {
    macro_rules! schema {
        ($type:ty) => {
            types.subschema_for::<$type>().to_value()
        };
    }
    let text = json!({"type": "string"});
    Some(match (method, path) {
        ("get", "/healthz") => Operation::plain("Whether the hub does its work", JSON, schema!(health::Health)),
        ("get", "/metrics") => Operation::plain(
            "The hub in numbers, in the text format of Prometheus",
            "text/plain",
            text,
        ),
        ("get", "/v1/openapi.json") => Operation::plain("This description", JSON, json!({"type": "object"})),
        ("get", "/v1/status") => Operation::plain("How the hub is", JSON, schema!(Status)),
        ("get", "/v1/agents") => Operation::reading("Agents, by name", schema!(Agents), &[&PAGE]),
        ("get", "/v1/agents/{name}") => Operation::plain("One agent", JSON, schema!(OneAgent)),
        ("get", "/v1/history") => Operation::reading("The registry's commits", schema!(History), &[&[LIMIT]]),
        ("get", "/v1/annotations") => Operation::reading("Notes on all models", schema!(Notes), &[&[LIMIT]]),
        ("get", "/v1/backup") => Operation::plain(
            "A copy of the store as it is now, as hub/src/backup/block.rs has it",
            "application/octet-stream",
            json!({"type": "string", "format": "binary"}),
        ),
        ("post", "/v1/import") => Operation::writing(
            "Has the registry hold what files say; the difference becomes one commit",
            Some(schema!(ImportWish)),
            (200, Some(schema!(ImportReport))),
        ),
        ("post", "/v1/revert") => Operation::writing(
            "Takes a commit back",
            Some(schema!(RevertWish)),
            (200, Some(schema!(RevertReport))),
        ),
        ("post", "/v1/decisions") => Operation::writing(
            "Says what only a person can decide",
            Some(schema!(Decision)),
            (200, Some(schema!(Decided))),
        ),
        ("get", element::CURRENT | element::ALIAS | element::APPROVAL) => Operation {
            tags: Tags::Given,
            parameters: PARAMETERS.to_vec(),
            ..Operation::plain(
                "What the registry says of it, with the ETag that setting it takes",
                JSON,
                schema!(Facts<ElementTold, Freshness>),
            )
        },
        ("put", element::CURRENT | element::ALIAS) => put(schema!(VersionWish), schema!(WasPut)),
        ("put", element::APPROVAL) => put(schema!(ApprovalWish), schema!(WasPut)),
        ("get", request::REQUEST) => Operation::plain(
            "What became of a request that sets something in a database",
            JSON,
            schema!(RequestTold),
        ),
        ("get", "/v1/registry") => Operation::plain(
            "The registry, and how the following of another hub's stands",
            JSON,
            schema!(RegistryAnswer),
        ),
        ("get", "/v1/registry/changes") => Operation {
            parameters: CHANGES.to_vec(),
            ..Operation::plain(
                "What the registry said since a position, for hubs that follow it; encoded as docs/wire.md has it",
                "application/octet-stream",
                json!({"type": "string", "format": "binary"}),
            )
        },
        ("post", "/v1/registry/release") => Operation::writing(
            "Lets happen what the brake holds; answered when it has happened",
            None,
            (200, Some(schema!(Follow))),
        ),
        _ => return of_models::<Freshness>(types, method, path, &PARAMETERS),
    })
}

#[test]
fn the_description_that_is_served_is_the_one_of_the_routes_and_types() {
    let document = document(
        "Headland hub",
        "A region's model catalogue, its agents and its registry, over the hub's control socket.",
        env!("CARGO_PKG_VERSION"),
        &routes(),
        operation,
    );
    assert_served(&document, &Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json"));
}
