use super::super::gather::gather;
use super::*;
use crate::replica::Commit;
use crate::store::{Progress, Store};
use headland_shared::actor::{ActorId, Dot, Incarnation};
use headland_shared::element::{Note, Remark, Tally};
use headland_shared::epoch::{Life, Position};
use headland_shared::name::{AttributeName, Region};
use headland_shared::register::{Rank, Register, Write, Writer};
use headland_shared::schema::{Declaration, Residency, Rule, Writers};
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use redb::Database;
use redb::backends::InMemoryBackend;

struct Hub(Store);

fn attribute(name: &str) -> AttributeName {
    AttributeName::new(name).unwrap()
}

fn actor(name: &str) -> ActorId {
    ActorId {
        name: ReplicaName::parse(name).unwrap(),
        incarnation: Incarnation(0xab),
    }
}

fn note(author: &str, counter: u64, text: Option<&str>) -> (ElementKey, State) {
    let (actor, at) = (actor(author), Stamp::at_ms(counter));
    let remark = text.map_or(Remark::Removed, |text| {
        let (subject, text, extra) = (None, text.to_owned(), Vec::new());
        Remark::Written(Note {
            at,
            subject,
            text,
            extra,
        })
    });
    (ElementKey::Annotation(Dot { actor, counter }), State::Remark(remark))
}

fn count(name: &str, author: &str, made_in: &str, added: u64) -> (ElementKey, State) {
    let key = ElementKey::Count(attribute(name), actor(author), Region::new(made_in).unwrap());
    (key, State::Tally(Tally { added, removed: 0 }))
}

fn says(name: &str, author: &str, value: &str) -> (ElementKey, State) {
    let write = Write {
        position: Position {
            life: Life::NONE,
            number: 7,
        },
        sticky: false,
        at: Stamp::at_ms(7),
        value: Some(Value::text(value)),
        covers: BTreeMap::new(),
    };
    let register = Register::of(Writer::Edge(Rank::Operator, actor(author)), write);
    (ElementKey::Attribute(attribute(name)), State::Register(register))
}

impl Hub {
    /// A hub to which `leaf-7` has spoken, with a model that the registry holds.
    fn new() -> Self {
        let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new())?);
        let hub = Self(Store::open(open, 7).unwrap());
        hub.commit(|commit| {
            let built_in = Declaration::built_in("availability").unwrap();
            for (name, residency, rule) in [
                ("availability", Residency::Anywhere, Rule::Precedence),
                ("local", Residency::Region, Rule::Precedence),
                ("visits", Residency::Region, Rule::Counter),
            ] {
                let writers = Writers::Devices;
                let declaration = Declaration {
                    writers,
                    residency,
                    rule,
                    ..built_in
                };
                commit.declare(&attribute(name), declaration).unwrap();
            }
            commit.set_seen(&actor("leaf-7"), 1).unwrap();
            let alive = Write::central(Position::default(), Stamp::at_ms(1), Some(Value::Bool(true)));
            let alive = State::Register(Register::of(Writer::Central, alive));
            commit.put(&model(), vec![(ElementKey::Life, alive)]).unwrap();
        });
        hub
    }

    fn commit(&self, change: impl FnOnce(&mut Commit<'_, '_>)) {
        let committed: Result<_, crate::replica::CommitError> = self.0.write(|tables| {
            let mut commit = Commit::begin(tables, 1)?;
            change(&mut commit);
            commit.finish()
        });
        committed.unwrap();
    }

    fn put(&self, elements: Vec<(ElementKey, State)>) {
        self.commit(|commit| commit.put(&model(), elements).unwrap());
    }

    fn rows(&self, after: Progress) -> (Vec<Columns>, Progress) {
        let region = Region::new("main").unwrap();
        let gathered = gather::<OwnTables>(&self.0.read().unwrap(), after, &region).unwrap();
        (gathered.writes, gathered.progress)
    }
}

fn model() -> RecordKey {
    RecordKey::decode(b"default\0crop").unwrap()
}

fn ids(rows: &[Columns]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

#[test]
fn what_this_regions_devices_wrote_becomes_rows_and_what_other_hubs_brought_does_not() {
    let hub = Hub::new();
    let (_, at) = hub.rows(Progress::default());
    let (mut both, (_, away)) = (
        says("availability", "leaf-7", "down"),
        says("availability", "away", "up"),
    );
    both.1.merge(away);
    hub.put(vec![
        note("leaf-7", 1, Some("dry")),
        note("away", 1, Some("wet")),
        count("usage", "leaf-7", "main", 5),
        count("usage", "away", "north", 9),
        both,
    ]);
    let (rows, at) = hub.rows(at);
    assert_eq!(
        ids(&rows),
        [
            "value:availability:operator:leaf-7.00000000000000ab",
            "count:usage:leaf-7.00000000000000ab:main",
            "note:leaf-7.00000000000000ab.1",
        ]
    );
    hub.put(vec![note("leaf-7", 1, None)]);
    let (rows, at) = hub.rows(at);
    assert_eq!(
        (ids(&rows), rows[0].removed),
        (vec!["note:leaf-7.00000000000000ab.1"], true)
    );
    assert_eq!(hub.rows(at), (vec![], at));
}

#[test]
fn what_must_stay_in_its_region_becomes_no_row() {
    let hub = Hub::new();
    hub.put(vec![
        says("local", "leaf-7", "down"),
        count("visits", "leaf-7", "main", 3),
        says("unknown", "leaf-7", "x"),
        says("license", "leaf-7", "x"),
    ]);
    assert_eq!(hub.rows(Progress::default()).0, []);
}

#[test]
fn a_statement_is_never_much_longer_than_it_may_be_and_no_text_ends_it() {
    let hub = Hub::new();
    hub.put(vec![note("leaf-7", 1, Some("it's \\ dry'); --"))]);
    let (rows, _) = hub.rows(Progress::default());
    let sql = merging(&rows);
    assert!(sql.contains("'\"it''s \\\\ dry''); --\"'::jsonb"), "{sql}");
    let many: Vec<Columns> = (0..5_000).map(|_| rows[0].clone()).collect();
    let taken = fitting(&many);
    assert!(taken > 100 && taken < 5_000, "{taken}");
    assert!(merging(&many[..taken]).len() <= STATEMENT_BYTES_MAX + 4_096);
    let huge = Columns {
        content: vec![0; 2 * STATEMENT_BYTES_MAX],
        ..rows[0].clone()
    };
    assert_eq!(fitting(&[huge]), 1);
}

#[test]
fn an_error_of_one_row_is_told_from_trouble_of_the_server_and_from_missing_tables() {
    let error = |code: &str| PgError::Server {
        code: code.to_owned(),
        message: "what it said".to_owned(),
        hint: String::new(),
    };
    for (code, of_a_row) in [
        ("22P05", true),
        ("23514", true),
        ("40P01", false),
        ("57P01", false),
        ("42501", false),
    ] {
        assert_eq!(refuses_a_row(&explained(error(code))), of_a_row, "{code}");
    }
    for code in ["42P01", "3F000"] {
        assert!(explained(error(code)).to_string().contains("registry init"), "{code}");
    }
}
