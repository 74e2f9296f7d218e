//! An API's description by OpenAPI 3.1: made from its routes and from the types that are read and written, and compared
//! with the file that is served.

use crate::answer::{Aliases, Annotations, Facts, Listing, One, Versions};
use crate::problem::Problem;
use crate::route::Route;
use crate::story::{Availability, Usage, Why};
use headland_shared::view::Model;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Set to make the file anew.
const WRITE_VARIABLE: &str = "HEADLAND_WRITE_OPENAPI";

/// JSON's media type.
pub const JSON: &str = "application/json";

/// A parameter of a query, and what it is.
pub type Parameter = (&'static str, &'static str);

const NAMESPACE: Parameter = ("namespace", "Only the models of this namespace.");

const LISTING: [Parameter; 6] = [
    ("filter", "Which models, in the language of AIP-160."),
    ("order_by", "By which fields to order, such as \"usage desc, name\"."),
    ("fields", "Which fields of each model, such as \"task,versions\"."),
    ("q", "Words that must all be in the name, a description or the tags."),
    ("page_size", "How many models, 1 to 1000; 100 unless said."),
    ("page_token", "The next_page_token of the page before."),
];

const ATTRIBUTE: Parameter = ("attribute", "Which attribute.");

/// The condition of a request that overwrites something: one of the two.
const CONDITION: [Parameter; 2] = [
    (
        "If-Match",
        "The ETag of what is to be overwritten; * for whatever is there.",
    ),
    ("If-None-Match", "Only *: nothing is there yet."),
];
const TAG: &str = "Names what is there now; another after each change.";

/// What one route takes and gives.
#[derive(Debug)]
pub struct Operation {
    /// In one line.
    pub summary: &'static str,
    /// The parameters of its query.
    pub parameters: Vec<Parameter>,
    /// The schema of its body, if it takes one.
    pub body: Option<Value>,
    /// The status when it was done, and the schema of the answer, if it has one.
    pub answer: (u16, Option<Value>),
    /// The media type of the answer.
    pub kind: &'static str,
    /// Whether it takes a key, so that a retry is harmless.
    pub takes_key: bool,
    /// What it has to do with entity tags.
    pub tags: Tags,
}

/// What a route has to do with entity tags (RFC 9110).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    /// Nothing.
    None,
    /// Its answer has one.
    Given,
    /// It must be told one, or that there is none, and its answer has one.
    Demanded,
}

impl Operation {
    /// Something that gives `answer`, of a media type, and takes nothing.
    #[must_use]
    pub fn plain(summary: &'static str, kind: &'static str, answer: Value) -> Self {
        Self {
            summary,
            parameters: Vec::new(),
            body: None,
            answer: (200, Some(answer)),
            kind,
            takes_key: false,
            tags: Tags::None,
        }
    }

    /// Something that gives `answer` as JSON, and takes parameters.
    #[must_use]
    pub fn reading(summary: &'static str, answer: Value, parameters: &[&[Parameter]]) -> Self {
        Self {
            parameters: parameters.concat(),
            ..Self::plain(summary, JSON, answer)
        }
    }

    /// Something that does what `body` says.
    #[must_use]
    pub fn writing(summary: &'static str, body: Option<Value>, answer: (u16, Option<Value>)) -> Self {
        Self {
            body,
            answer,
            ..Self::plain(summary, JSON, Value::Null)
        }
    }
}

/// What one of the [`routes`](crate::models::routes) about models does, at a program that says `F` of how fresh its
/// answers are and takes `freshness` to say how fresh they must be.
pub fn of_models<F: JsonSchema>(
    types: &mut SchemaGenerator,
    method: &str,
    path: &str,
    freshness: &[Parameter],
) -> Option<Operation> {
    macro_rules! schema {
        ($type:ty) => {
            types.subschema_for::<$type>().to_value()
        };
    }
    let reading = |summary, answer, own: &[Parameter]| Operation::reading(summary, answer, &[own, freshness]);
    let of_model = path.strip_prefix("/v1/namespaces/{namespace}/models/{name}");
    Some(match (method, of_model, path) {
        ("get", None, "/v1/models") => {
            let parameters: &[&[Parameter]] = &[&[NAMESPACE], &LISTING, freshness];
            Operation::reading("Models of all namespaces", schema!(Listing<Model, F>), parameters)
        }
        ("get", None, "/v1/namespaces/{namespace}/models") => {
            reading("Models of a namespace", schema!(Listing<Model, F>), &LISTING)
        }
        ("get", Some(""), _) => reading("One model", schema!(One<Model, F>), &[]),
        ("get", Some("/versions"), _) => reading("Its versions", schema!(Facts<Versions, F>), &[]),
        ("get", Some("/aliases"), _) => reading("Its aliases", schema!(Facts<Aliases, F>), &[]),
        ("get", Some("/annotations"), _) => reading("Notes about it", schema!(Facts<Annotations, F>), &[]),
        ("get", Some("/usage"), _) => reading("How often it was used", schema!(Facts<Usage, F>), &[]),
        ("get", Some("/availability"), _) => reading("Whether it can be used", schema!(Facts<Availability, F>), &[]),
        ("get", Some("/why"), _) => reading("Why an attribute shows its value", schema!(Facts<Why, F>), &[ATTRIBUTE]),
        _ => return None,
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
    let by_header = (operation.takes_key).then(|| {
        json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes a retry harmless: the same key and request are answered as before and done once.",
            "schema": {"type": "string", "maxLength": 255}})
    });
    let condition: &[Parameter] = match operation.tags {
        Tags::Demanded => &CONDITION,
        Tags::Given | Tags::None => &[],
    };
    let by_condition = condition.iter().map(|(name, about)| {
        json!({"name": name, "in": "header", "required": false, "description": about, "schema": {"type": "string"}})
    });
    let (status, answer) = operation.answer;
    let mut done = json!({"description": "Done."});
    if operation.tags != Tags::None {
        done["headers"] = json!({"ETag": {"description": TAG, "required": true, "schema": {"type": "string"}}});
    }
    if let Some(answer) = answer {
        done["content"] = content(operation.kind, answer);
    }
    let failed = json!({
        "description": "Not done: what was being done, to what, and the remedy.",
        "content": content("application/problem+json", problem.clone()),
    });
    let mut out = json!({
        "summary": operation.summary,
        "parameters": in_path.chain(in_query).chain(by_header).chain(by_condition).collect::<Vec<_>>(),
        "responses": { status.to_string(): done, "default": failed },
    });
    if let Some(body) = operation.body {
        out["requestBody"] = json!({ "content": content(JSON, body) });
    }
    out
}

/// The description of an API. `operation` tells what a method of a path does.
///
/// # Panics
///
/// When it does not know one of the routes.
pub fn document<S>(
    title: &str,
    about: &str,
    version: &str,
    routes: &[Route<S>],
    operation: impl Fn(&mut SchemaGenerator, &str, &str) -> Option<Operation>,
) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut types = settings.into_generator();
    let problem = types.subschema_for::<Problem>().to_value();
    let mut paths = Map::new();
    for route in routes {
        let method = route.method.as_str().to_lowercase();
        let operation = operation(&mut types, &method, route.path);
        let operation = operation.unwrap_or_else(|| panic!("{method} {} is not described", route.path));
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[&method] = described(operation, route.path, &problem);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "description": about, "version": version },
        "paths": paths,
        "components": { "schemas": types.take_definitions(true) },
    })
}

/// Holds a description against the file that is served, or writes that file when `HEADLAND_WRITE_OPENAPI` is set.
///
/// # Panics
///
/// When they differ, when a reference leads nowhere, and when the file cannot be read or written.
pub fn assert_served(document: &Value, file: &Path) {
    let text = format!("{document:#}\n");
    for reference in document.to_string().split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap_or_default();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        std::fs::write(file, &text).expect("the file can be written");
    }
    let served = std::fs::read_to_string(file).expect("the file can be read");
    assert!(
        served == text,
        "{} is not up to date; run this test with {WRITE_VARIABLE}=1",
        file.display()
    );
}
