use super::*;
use crate::read::Reader;
use headland_shared::blob::{self, Change, Tombstones};
use headland_shared::element::State;
use headland_shared::epoch::{Life, Position as Revision, Seq};
use headland_shared::key::ElementKey;
use headland_shared::name::{AttributeName, ReplicaName, Task};
use headland_shared::register::{Register, Write, Writer};
use headland_shared::resolve::Description;
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use proptest::prelude::*;
use redb::{Database, backends::InMemoryBackend};

fn store() -> Store {
    let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new()).unwrap());
    Store::open(open, &ReplicaName::parse("leaf-7").unwrap(), 7).unwrap()
}

fn device() -> Device {
    Device {
        name: ReplicaName::parse("leaf-7").unwrap(),
        description: Description::default(),
    }
}

fn key(model: u8) -> Vec<u8> {
    let namespace = if model.is_multiple_of(2) { "even" } else { "odd" };
    RecordKey {
        namespace: namespace.parse().unwrap(),
        name: format!("m{model}").parse().unwrap(),
    }
    .encoded()
}

fn put(store: &Store, model: u8, task: &str, status: &str) {
    let position = Revision {
        life: Life::numbered(1, 1),
        number: 1,
    };
    let write = Write::central(position, Stamp::at_ms(1), Some(Value::text(status)));
    let change = Change {
        key: ElementKey::Attribute(AttributeName::new("status").unwrap()).encoded(),
        seq: Seq::START,
        state: State::Register(Register::of(Writer::Central, write)).encoded(),
    };
    let head = blob::Head {
        task: Some(Task::new(task).unwrap()),
        ..blob::Head::default()
    };
    let key = key(model);
    let blob = blob::patch(&key, None, &head, vec![change], Tombstones::Drop).unwrap();
    let written = store.write(|tables| tables.set_record(u32::from(model) + 1, &key, &blob.bytes));
    written.unwrap();
}

fn remove(store: &Store, model: u8) {
    let removed = store.write(|tables| tables.remove_record(u32::from(model) + 1, &key(model)));
    removed.unwrap();
}

fn ask(remembered: &Remembered, store: &Store, question: &Question) -> Resolved {
    let position = store.position();
    let moment = Reader::new(store.clone()).moment().unwrap();
    remembered.resolve(store, position, &moment, question).unwrap()
}

fn question(task: &str, namespace: Option<&str>) -> Question {
    Question {
        namespace: namespace.map(|namespace| namespace.parse().unwrap()),
        ..Question::of(Task::new(task).unwrap())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_remembered_is_what_would_be_found_out_anew(
        steps in prop::collection::vec((0_u8..8, 0_usize..3, 0_usize..3), 1..24)
    ) {
        let store = store();
        let remembered = Remembered::new(device());
        let questions = [question("chat", None), question("chat", Some("odd")), question("ocr", None)];
        for (model, task, status) in steps {
            match ["chat", "ocr", ""][task] {
                "" if store.read().unwrap().record(&key(model)).unwrap().is_some() => remove(&store, model),
                "" => {}
                task => {
                    remove_if_held(&store, model);
                    put(&store, model, task, ["stable", "deprecated", "revoked"][status]);
                }
            }
            for question in &questions {
                let (known, anew) = (ask(&remembered, &store, question), Remembered::new(device()));
                let anew = ask(&anew, &store, question);
                prop_assert_eq!(known.considered, anew.considered);
                let told = |resolved: &Resolved| serde_json::to_value(&resolved.told).unwrap();
                prop_assert_eq!(told(&known), told(&anew));
            }
        }
    }
}

fn remove_if_held(store: &Store, model: u8) {
    if store.read().unwrap().record(&key(model)).unwrap().is_some() {
        remove(store, model);
    }
}

#[test]
fn an_answer_outlives_changes_of_other_tasks_and_namespaces_only() {
    let store = store();
    let remembered = Remembered::new(device());
    let question = question("chat", Some("odd"));
    put(&store, 1, "chat", "stable");
    ask(&remembered, &store, &question);
    let holds = || {
        let moment = Reader::new(store.clone()).moment().unwrap();
        remembered.kept()[0].holds(&store, &moment).unwrap()
    };
    put(&store, 3, "ocr", "stable");
    put(&store, 2, "chat", "stable");
    assert!(holds());
    put(&store, 5, "chat", "stable");
    assert!(!holds());
    assert_eq!(ask(&remembered, &store, &question).considered, 2);
    assert!(holds());
    remove(&store, 1);
    assert!(!holds());
}

#[test]
fn no_more_than_a_few_answers_are_remembered_and_the_latest_of_them() {
    let store = store();
    let remembered = Remembered::new(device());
    for number in 0..=ANSWERS_MAX {
        ask(&remembered, &store, &question(&format!("task-{number}"), None));
    }
    let tasks: Vec<_> = remembered
        .kept()
        .iter()
        .map(|kept| kept.question.task.to_string())
        .collect();
    assert_eq!(tasks, ["task-1", "task-2", "task-3", "task-4"]);
}
