//! Tables of somebody's own registry, which the hub may write where the mapping says so, and what it answers about them.

use crate::place::Place;
use headland_fleet::ports::free_port;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Tables of a registry of one's own, which the hub may write where it must.
pub(crate) const TABLES: &str = "
CREATE TABLE models (id text PRIMARY KEY, task text, stable text);
CREATE TABLE releases (model text, tag text, uri text, PRIMARY KEY (model, tag));
CREATE TABLE aliases (model text, alias text, tag text NOT NULL, PRIMARY KEY (model, alias),
  FOREIGN KEY (model, tag) REFERENCES releases);
CREATE TABLE approvals (model text, tag text, name text, outcome text CHECK (outcome <> 'maybe'),
  PRIMARY KEY (model, tag, name));
GRANT SELECT ON models, releases, aliases, approvals TO headland;
GRANT UPDATE (stable) ON models TO headland;
GRANT INSERT, UPDATE (tag) ON aliases TO headland;
GRANT INSERT, UPDATE (outcome) ON approvals TO headland;
CREATE PUBLICATION headland FOR TABLE models, releases, aliases, approvals;
INSERT INTO models VALUES ('crop', 'detection', '1'), ('weed', 'detection', '1');
INSERT INTO releases SELECT model, n, 'oci://x/' || n FROM generate_series(1, 6) n, unnest(ARRAY['crop', 'weed']) model;
INSERT INTO aliases VALUES ('crop', 'champion', '1');
INSERT INTO approvals VALUES ('crop', '1', 'field', 'tried');
";

const MAPPING: &str = "
[[table]]
name = \"models\"
row = \"model\"
namespace_is = \"default\"
model = \"id\"
attributes = { task = \"task\" }
current = \"stable\"
writable = true
[[table]]
name = \"releases\"
row = \"version\"
namespace_is = \"default\"
model = \"model\"
version = \"tag\"
manifest = { uri = \"uri\" }
[[table]]
name = \"aliases\"
row = \"alias\"
namespace_is = \"default\"
model = \"model\"
alias = \"alias\"
version = \"tag\"
writable = true
[[table]]
name = \"approvals\"
row = \"version-attribute\"
namespace_is = \"default\"
model = \"model\"
version = \"tag\"
key = \"name\"
value = \"outcome\"
approvals = \"\"
writable = true
";

pub(crate) const CURRENT: &str = "current";
pub(crate) const CHAMPION: &str = "aliases/champion";
pub(crate) const FIELD: &str = "versions/1/approvals/field";
pub(crate) const ABSENT: (&str, &str) = ("If-None-Match", "*");

/// A place with these tables, and a hub that follows them.
pub(crate) fn place() -> Option<Place> {
    let place = Place::with("", &[TABLES])?;
    configure(&place, "");
    Some(place)
}

pub(crate) fn configure(place: &Place, lines: &str) {
    let mapping = place.path("mapping.toml");
    std::fs::write(&mapping, MAPPING).unwrap();
    place.configure("hub", free_port().unwrap(), &format!("mapping = {mapping:?}\n{lines}"));
}

/// What a hub answers, with the tag and the request that its headers name.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) tag: Option<String>,
    pub(crate) request: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn kind(&self) -> &str {
        let kind = self.body["type"].as_str().unwrap_or_else(|| panic!("{self:?}"));
        kind.strip_prefix("urn:headland:problem:").unwrap()
    }

    pub(crate) fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or_else(|| panic!("{self:?}"))
    }
}

pub(crate) fn ask(place: &Place, method: &str, target: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
    let body = body.map_or_else(String::new, Value::to_string);
    let mut request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = UnixStream::connect(place.path("hub.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.map(ToOwned::to_owned)
    };
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        tag: header("etag"),
        request: header("request-id"),
        body: serde_json::from_str(body).unwrap(),
    }
}

pub(crate) fn get(place: &Place, part: &str) -> Answer {
    let target = format!("/v1/namespaces/default/models/crop/{part}");
    ask(place, "GET", &target, None, &[])
}

pub(crate) fn put(place: &Place, part: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let target = format!("/v1/namespaces/default/models/crop/{part}");
    ask(place, "PUT", &target, Some(body), headers)
}

pub(crate) fn version(name: &str) -> Value {
    json!({ "version": name })
}

pub(crate) fn outcome(status: &str) -> Value {
    json!({ "status": status })
}

pub(crate) fn request(place: &Place, name: &str) -> Answer {
    ask(place, "GET", &format!("/v1/requests/{name}"), None, &[])
}
