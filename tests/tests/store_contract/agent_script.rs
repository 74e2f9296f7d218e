//! What happens to the agent, step by step: catch-ups in parts, live batches, urgent facts, own writes.

use headland_shared::delta::{AttributeIntroduction, DeltaWriter, ScopeIntroduction};
use headland_shared::element::State;
use headland_shared::epoch::{Epoch, Head, Life, Lineage, Mark, Position, Seq};
use headland_shared::key::ElementKey;
use headland_shared::message::{Batch, Part, Plan};
use headland_shared::name::AttributeName;
use headland_shared::register::{Register, Write, Writer};
use headland_shared::schema::{Declaration, Kind};
use headland_shared::stamp::Stamp;
use headland_shared::urgent::{Fact, Urgent};
use headland_shared::value::Value;

const LIFE: Life = Life::numbered(1, 77);
const MARK_ALIAS: u32 = 0;
/// Scopes that the agent follows, by their numbers; the third is another's.
const SCOPES: [&[u8]; 3] = [b"farm\0detection", b"farm\0segmentation", b"city\0chat"];

pub(crate) const FIRST: Epoch = Epoch {
    hub: 7,
    number: 1,
    nonce: 1,
};
pub(crate) const SECOND: Epoch = Epoch {
    hub: 7,
    number: 2,
    nonce: 2,
};

/// A catch-up, whose parts are steps of their own.
#[derive(Debug, Clone)]
pub(crate) struct CatchUp {
    pub(crate) epoch: Epoch,
    pub(crate) plan: Plan,
    pub(crate) started: Seq,
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// This part of this catch-up.
    Part(usize, usize),
    /// Live batches that are applied together.
    Live(Vec<Batch>),
    /// Urgent facts.
    Urgent(Urgent),
    /// A note about a model.
    Note(&'static str),
    /// The note of this write is taken back.
    Remove(&'static str, u64),
    /// Something is counted about a model.
    Count(&'static str, i64),
    /// The hub has stored writes up to this one, and refused these.
    Stored(u64, Vec<u64>),
    /// The file is made as short as it gets, and then there is a note about a model.
    CompactAndNote(&'static str),
}

/// A record in a delta: scope, number and what is said.
enum Say {
    Whole(u32, u32, &'static str, i64),
    Changed(u32, u32, i64),
    Left(u32, u32),
}
use Say::{Changed, Left, Whole};

fn head(seq: u64) -> Head {
    Head {
        seq: Seq(seq),
        lineage: Lineage(seq as u32 * 3),
    }
}

fn central(seq: u64, value: Value) -> Vec<u8> {
    let position = Position {
        life: LIFE,
        number: seq,
    };
    let write = Write::central(position, Stamp::at_ms(1_700_000_000_000 + seq), Some(value));
    State::Register(Register::of(Writer::Central, write)).encoded()
}

/// A delta of these records at `seq`; with introductions when it is the first of its epoch.
fn delta(first: bool, seq: u64, says: &[Say]) -> Vec<u8> {
    let name = AttributeName::new("mark").unwrap();
    let mark = ElementKey::Attribute(name.clone()).encoded();
    let scope = |(alias, key): (usize, &&[u8])| ScopeIntroduction {
        alias: alias as u32,
        scope: headland_shared::scope::Scope::decode(key).unwrap(),
    };
    let scopes: Vec<_> = SCOPES.iter().enumerate().filter(|_| first).map(scope).collect();
    let declaration = Declaration::inferred(&name, Kind::Number);
    let introduction = AttributeIntroduction {
        alias: MARK_ALIAS,
        name,
        declaration,
    };
    let attributes = if first { vec![introduction] } else { Vec::new() };
    let mut writer = DeltaWriter::new(LIFE, &scopes, &attributes);
    let life = ElementKey::Life.encoded();
    for say in says {
        match say {
            Whole(scope, handle, name, value) => {
                let states = [central(seq, Value::Bool(true)), central(seq, Value::whole(*value))];
                let elements = [
                    (life.as_slice(), None, states[0].as_slice()),
                    (mark.as_slice(), Some(MARK_ALIAS), states[1].as_slice()),
                ];
                writer.record(*scope, *handle, name, true, &elements);
            }
            Changed(scope, handle, value) => {
                let state = central(seq, Value::whole(*value));
                writer.record(*scope, *handle, "", false, &[(&mark, Some(MARK_ALIAS), &state)]);
            }
            Left(scope, handle) => writer.left(*scope, *handle),
        }
    }
    writer.finish()
}

/// A catch-up from `from` to `to`, one part for each group of records.
fn catch_up(epoch: Epoch, plan: Plan, from: u64, to: u64, groups: &[&[Say]]) -> CatchUp {
    let mut parts = Vec::new();
    let mut held = Mark::after(Seq(from));
    for (index, says) in groups.iter().enumerate() {
        let last = index + 1 == groups.len();
        let seq = if last { to } else { from + 1 + index as u64 };
        let reached = if last {
            Mark::after(Seq(to))
        } else {
            Mark {
                seq: Seq(seq),
                scope: 0,
                handle: index as u32,
            }
        };
        let first = plan == Plan::Snapshot && index == 0;
        parts.push(Part {
            nonce: 0,
            from: held,
            to: reached,
            end: last.then(|| head(to)),
            delta: delta(first, seq, says),
        });
        held = reached;
    }
    CatchUp {
        epoch,
        plan,
        started: Seq(to),
        parts,
    }
}

pub(crate) fn catch_ups() -> Vec<CatchUp> {
    vec![
        catch_up(
            FIRST,
            Plan::Snapshot,
            0,
            9,
            &[
                &[Whole(0, 0, "a", 1), Whole(0, 1, "b", 1)],
                &[Whole(1, 2, "c", 1)],
                &[Whole(1, 3, "d", 1), Changed(0, 0, 2)],
                &[Whole(0, 6, "h", 1)],
            ],
        ),
        catch_up(
            FIRST,
            Plan::Delta,
            9,
            20,
            &[
                &[Changed(0, 0, 5), Left(1, 2)],
                &[Whole(0, 5, "f", 1)],
                &[Whole(0, 2, "c", 6)],
                &[Changed(1, 1, 7)],
            ],
        ),
        // Broken off, and never finished.
        catch_up(FIRST, Plan::Delta, 20, 30, &[&[Changed(0, 0, 8)], &[Left(0, 5)], &[]]),
        catch_up(
            SECOND,
            Plan::Snapshot,
            0,
            6,
            &[
                &[Whole(0, 4, "a", 9), Whole(1, 0, "g", 1)],
                &[Whole(1, 1, "h", 9)],
                &[Whole(1, 2, "i", 1)],
                &[Left(1, 2), Changed(0, 4, 10)],
            ],
        ),
    ]
}

/// One live batch; `others` are the scopes of the same commits, with the `prev` of their batches.
fn batch(epoch: Epoch, scope: u32, prev: u64, to: u64, others: &[(u32, u64)], says: &[Say]) -> Batch {
    Batch {
        epoch: epoch.tag(),
        scope,
        prev: Seq(prev),
        to: head(to),
        touched: others.iter().map(|(scope, prev)| (*scope, Seq(*prev))).collect(),
        after: Vec::new(),
        delta: Some(delta(false, to, says)),
    }
}

fn live(epoch: Epoch, scope: u32, prev: u64, to: u64, says: &[Say]) -> Step {
    Step::Live(vec![batch(epoch, scope, prev, to, &[], says)])
}

fn urgent(epoch: Epoch, seq: u64, model: &str) -> Step {
    let fact = Fact {
        model: model.parse().unwrap(),
        element: ElementKey::Attribute("mark".parse().unwrap()).encoded(),
        state: central(seq, Value::whole(seq as i64)),
    };
    Step::Urgent(Urgent {
        epoch: epoch.tag(),
        seq: Seq(seq),
        namespace: "farm".parse().unwrap(),
        facts: vec![fact],
        more: Vec::new(),
    })
}

pub(crate) fn script() -> Vec<Step> {
    let moves = vec![
        batch(FIRST, 0, 10, 11, &[(1, 9)], &[Left(0, 1), Changed(0, 0, 4)]),
        batch(FIRST, 1, 9, 11, &[(0, 10)], &[Whole(1, 1, "b", 4)]),
    ];
    let mut steps: Vec<Step> = (0..4).map(|part| Step::Part(0, part)).collect();
    steps.extend([
        Step::Note("a"),
        Step::Note("c"),
        Step::Count("b", 3),
        live(FIRST, 0, 9, 10, &[Changed(0, 0, 3)]),
        Step::Live(moves),
        Step::Count("b", 2),
        Step::CompactAndNote("b"),
        Step::Stored(2, vec![]),
        Step::Remove("a", 1),
        live(FIRST, 1, 11, 12, &[Left(1, 3)]),
        live(FIRST, 0, 11, 13, &[Whole(0, 4, "e", 1)]),
        Step::Count("e", -1),
        Step::Note("e"),
        Step::Stored(5, vec![5]),
    ]);
    steps.extend([Step::Part(1, 0), Step::Part(1, 1), urgent(FIRST, 20, "a")]);
    steps.extend([urgent(FIRST, 19, "b"), Step::Part(1, 2), Step::Part(1, 3)]);
    steps.extend([
        Step::Note("f"),
        live(FIRST, 0, 20, 21, &[Changed(0, 5, 2)]),
        Step::Count("a", 1),
        Step::Part(2, 0),
        Step::Part(2, 1),
        Step::Note("h"),
    ]);
    steps.extend((0..4).map(|part| Step::Part(3, part)));
    steps.extend([
        Step::Count("a", 5),
        urgent(SECOND, 7, "a"),
        Step::Note("g"),
        live(SECOND, 0, 6, 7, &[Whole(0, 3, "c", 7)]),
        Step::Stored(9, vec![]),
        // While something is noted only.
        Step::CompactAndNote("c"),
        live(SECOND, 1, 6, 8, &[Left(1, 1)]),
    ]);
    for round in 0..8 {
        let seq = 9 + round;
        let prev = if round == 0 { 7 } else { seq - 1 };
        steps.extend([
            Step::Note("a"),
            live(
                SECOND,
                0,
                prev,
                seq,
                &[Changed(0, 4, seq as i64), Whole(0, 10, "j", seq as i64)],
            ),
            Step::Count("c", seq as i64),
        ]);
    }
    steps
}
