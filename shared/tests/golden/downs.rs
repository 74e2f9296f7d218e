//! What a hub says, and the deltas in it.

use crate::samples::{EPOCH, Elements, LIFE, actor, attribute, declaration, elements, head, mark, record, region};
use crate::{Case, case, is_compressed, released};
use headland_shared::delta::{
    self, AttributeIntroduction, Delta, DeltaWriter, Known, Record, RecordChange, ScopeIntroduction,
};
use headland_shared::epoch::Life;
use headland_shared::epoch::{Position, Seq};
use headland_shared::frame::{self, Fragments, Reassembly, SharedPart};
use headland_shared::key::ElementKey;
use headland_shared::message::more::{Busy, Field, UpToDate};
use headland_shared::message::{Batch, Down, Heartbeat, Live, Part, Plan, Refusal, Refused, Stored, Welcome};
use headland_shared::name::{AttributeName, ModelName};
use headland_shared::scope::Scope;
use headland_shared::urgent::{Fact, Urgent};

pub(crate) fn down(name: &str, message: Down) -> Case {
    let case = case(format!("down-{name}"), message, frame::encode_down, |bytes| {
        frame::decode_down(bytes).unwrap()
    });
    Case {
        compressed: is_compressed(&case.bytes),
        ..case
    }
}

/// What the receiver of these deltas knows.
struct Knows;

impl Known for Knows {
    fn life(&self) -> Option<Life> {
        Some(LIFE)
    }

    fn attribute(&self, alias: u32) -> Option<AttributeName> {
        (alias == 4).then(|| attribute("summary"))
    }

    fn name(&self, handle: u32) -> Option<ModelName> {
        (handle == 300).then(|| record().name)
    }
}

/// A delta's bytes and what it says. The alias of `summary` is introduced with the first one.
fn deltas() -> Vec<(&'static str, Vec<u8>, Delta)> {
    let summary = AttributeIntroduction {
        alias: 4,
        name: attribute("summary"),
        declaration: declaration(),
    };
    let scope = Scope {
        namespace: "vision".parse().unwrap(),
        task: "detection".parse().unwrap(),
    };
    let introduced = ScopeIntroduction { alias: 2, scope };
    let alias = |key: &[u8]| (ElementKey::attribute_of(key) == Some(b"summary".as_slice())).then_some(4);
    let written = |scopes: &[ScopeIntroduction], attributes: &[AttributeIntroduction], change: &RecordChange| {
        let mut writer = DeltaWriter::new(LIFE, scopes, attributes);
        let borrow = |elements: &Elements, name: Option<&str>, writer: &mut DeltaWriter| {
            let elements: Vec<_> = elements
                .iter()
                .map(|(k, s)| (k.as_slice(), alias(k), s.as_slice()))
                .collect();
            writer.record(2, 300, name.unwrap_or("timm/a@1"), name.is_some(), &elements);
        };
        match change {
            RecordChange::Left(scope) => writer.left(*scope, 300),
            RecordChange::Changed(elements) => borrow(elements, None, &mut writer),
            RecordChange::Whole(_, name, elements) => borrow(elements, Some(name.as_str()), &mut writer),
        }
        writer.finish()
    };
    let whole = RecordChange::Whole(2, record().name, elements());
    let changed = RecordChange::Changed(elements()[1..3].to_vec());
    let one = |name, scopes: Vec<ScopeIntroduction>, attributes: Vec<AttributeIntroduction>, change: RecordChange| {
        let bytes = written(&scopes, &attributes, &change);
        (
            name,
            bytes,
            Delta {
                scopes,
                attributes,
                records: vec![Record { handle: 300, change }],
            },
        )
    };
    vec![
        one("whole", vec![introduced], vec![summary], whole),
        one("changed", vec![], vec![], changed),
        one("left", vec![], vec![], RecordChange::Left(2)),
    ]
}

/// A delta that leaves out the life: a record that left.
fn of_place() -> Vec<u8> {
    let mut writer = DeltaWriter::new(LIFE, &[], &[]);
    writer.left(2, 300);
    writer.finish_of_place()
}

/// Which run of the hub speaks.
const BOOT: u64 = 5;

pub(crate) fn welcome(plan: Plan, stored: Option<Stored>) -> Down {
    Down::Welcome(Welcome { stored, ..plain(plan) })
}

fn plain(plan: Plan) -> Welcome {
    Welcome {
        nonce: 0xdead_beef,
        epoch: EPOCH,
        boot: BOOT,
        hub_ms: 70_000,
        as_of_ms: 69_000,
        region: region(),
        registry: Position { life: LIFE, number: 41 },
        complete: true,
        heartbeat_ms: 10_000,
        live_bytes_max: 65_536,
        plan,
        started: Seq(430),
        resume: mark(405),
        stored: None,
        more: Vec::new(),
    }
}

/// What one commit says at once of a model.
fn urgent(facts: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Down {
    let fact = |(element, state)| Fact {
        model: record().name,
        element,
        state,
    };
    Down::Urgent(Urgent {
        epoch: EPOCH.tag(),
        seq: Seq(421),
        namespace: record().namespace,
        facts: facts.into_iter().map(fact).collect(),
        more: Vec::new(),
    })
}

/// A live batch as it first was written, with a delta as it first was packed.
fn earlier_live() -> Case {
    let says = |delta: &[u8]| delta::read(delta, &Knows).unwrap();
    case(
        "down-live",
        says(&of_place()),
        |_| released("down-live"),
        move |bytes| match frame::decode_down(bytes).unwrap() {
            Down::Live(live) => says(&live.batch_of(EPOCH.tag(), LIFE, BOOT).unwrap().delta.unwrap()),
            other => panic!("{other:?}"),
        },
    )
}

/// A live batch that does not say of which run of the hub it is.
fn of_any_run(name: &'static str, batch: Batch) -> Case {
    case(
        name,
        Some(batch),
        move |_| released(name),
        |bytes| match frame::decode_down(bytes).unwrap() {
            Down::Live(live) => live.batch_of(EPOCH.tag(), LIFE, BOOT),
            other => panic!("{other:?}"),
        },
    )
}

pub(crate) fn downs() -> Vec<Case> {
    let stored = Stored {
        incarnation: actor().incarnation,
        through: 12,
        refused: vec![9],
        more: vec![(7, vec![1, 2])],
    };
    let batch = |delta| Batch {
        epoch: EPOCH.tag(),
        scope: 2,
        prev: Seq(420),
        to: head(421),
        touched: vec![(5, Seq(419))],
        after: vec![(6, Seq(420))],
        delta,
    };
    let alone = |delta| Batch {
        touched: Vec::new(),
        after: Vec::new(),
        ..batch(delta)
    };
    let live = |batch| Down::Live(Live::of(batch, LIFE, BOOT));
    let heads = vec![(2, Seq(421)), (5, Seq(421))];
    let (epoch, more) = (EPOCH.tag(), Vec::new());
    let heartbeat = Heartbeat {
        epoch,
        boot: BOOT,
        hub_ms: 80_000,
        as_of_ms: 79_000,
        heads,
        more,
    };
    let refused = |refusal| Down::Refused(Refused { refusal, through: 7 });
    let mut cases = vec![
        down("welcome-delta", welcome(Plan::Delta, Some(stored.clone()))),
        down("welcome-snapshot", welcome(Plan::Snapshot, None)),
        down(
            "welcome-up-to-date",
            Down::Welcome(Welcome {
                more: vec![UpToDate { end: head(421) }.to_more()],
                ..plain(Plan::Delta)
            }),
        ),
        down(
            "welcome-busy",
            Down::Welcome(Welcome {
                more: vec![Busy.to_more()],
                ..plain(Plan::Behind { retry_ms: 2_500 })
            }),
        ),
        down("welcome-behind", welcome(Plan::Behind { retry_ms: 15_000 }, None)),
        down("stored", Down::Stored(stored)),
        down("batch-live", Down::Batch(batch(Some(released("delta-left"))))),
        down("batch-pull", Down::Batch(batch(None))),
        down("live-dense", live(batch(Some(of_place())))),
        down("live-dense-pull", live(batch(None))),
        down("live-dense-alone", live(alone(Some(of_place())))),
        earlier_live(),
        of_any_run("down-live-pull", batch(None)),
        of_any_run("down-live-of-any-run", batch(Some(of_place()))),
        down("heartbeat", Down::Heartbeat(heartbeat)),
        down("refused-transfer", refused(Refusal::UnknownTransfer)),
        down("refused-gap", refused(Refusal::UploadGap)),
        down("urgent", urgent(elements()[4..5].to_vec())),
        down("urgent-all", urgent(elements())),
    ];
    // In rows, as the first release wrote them; packed as they first were; and as they are today.
    let earlier = ["", "packed-"].into_iter().flat_map(|form| {
        let named = deltas()
            .into_iter()
            .map(move |(name, _, says)| (format!("{form}{name}"), says));
        named.map(|(name, says)| (name.clone(), released(&format!("delta-{name}")), says))
    });
    let dense = deltas()
        .into_iter()
        .map(|(name, bytes, says)| (format!("dense-{name}"), bytes, says));
    for (name, bytes, says) in earlier.chain(dense) {
        let end = name.ends_with("left").then(|| head(421));
        let part = Part {
            nonce: 77,
            from: mark(405),
            to: mark(409),
            end,
            delta: bytes.clone(),
        };
        let shared = case(
            format!("down-shared-part-{name}"),
            Down::Part(part.clone()),
            |_| SharedPart::seal(part.clone()).frame(part.nonce),
            |bytes| frame::decode_down(bytes).unwrap(),
        );
        cases.push(Case {
            compressed: is_compressed(&shared.bytes),
            ..shared
        });
        cases.push(down(&format!("part-{name}"), Down::Part(part)));
        cases.push(case(
            format!("delta-{name}"),
            says,
            |_| bytes.clone(),
            |bytes| delta::read(bytes, &Knows).unwrap(),
        ));
    }
    cases
}

/// A frame in pieces: the first and the last of them, which give back the frame.
pub(crate) fn fragments() -> Vec<Case> {
    let noise: Vec<u8> = (0..340_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let part = Down::Part(Part {
        nonce: 77,
        from: mark(405),
        to: mark(409),
        end: None,
        delta: noise,
    });
    let pieces: Vec<_> = Fragments::of(frame::encode_down(&part), frame::FRAME_BYTES_MIN).collect();
    assert_eq!(pieces.len(), 2);
    let (first, last) = (pieces[0].clone(), pieces[1].clone());
    let (before, after) = (first.clone(), last.clone());
    let whole = move |first: &[u8], last: &[u8]| {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.take(first.to_vec()), Ok(None));
        frame::decode_down(&reassembly.take(last.to_vec()).unwrap().unwrap()).unwrap()
    };
    vec![
        case(
            "down-fragment-first",
            part.clone(),
            |_| first.clone(),
            move |bytes| whole(bytes, &after),
        ),
        case(
            "down-fragment-last",
            part,
            |_| last.clone(),
            move |bytes| whole(&before, bytes),
        ),
    ]
}
