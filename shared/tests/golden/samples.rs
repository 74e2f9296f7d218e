//! What the golden files speak of.

use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::element::{Note, State};
use headland_shared::epoch::{Epoch, Head, Life, Lineage, Mark, Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, Region, ReplicaName};
use headland_shared::register::{Rank, Register, Write, Writer};
use headland_shared::schema::{Declaration, Kind, Priority, Residency, Rule, Tier, Writers};
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use std::collections::BTreeMap;

pub(crate) const LIFE: Life = Life::numbered(1, 0xabcd);
pub(crate) const EPOCH: Epoch = Epoch {
    hub: 0x0102_0304_0506_0708,
    number: 3,
    nonce: 0x1122_3344,
};

pub(crate) fn actor() -> ActorId {
    ActorId {
        name: ReplicaName::parse("leaf-7").unwrap(),
        incarnation: Incarnation(0x99aa),
    }
}

pub(crate) fn attribute(name: &str) -> AttributeName {
    AttributeName::new(name).unwrap()
}

pub(crate) fn region() -> Region {
    Region::new("north").unwrap()
}

pub(crate) fn record() -> RecordKey {
    RecordKey {
        namespace: "vision".parse().unwrap(),
        name: "timm/a@1".parse().unwrap(),
    }
}

pub(crate) fn head(seq: u64) -> Head {
    Head {
        seq: Seq(seq),
        lineage: Lineage(0x0a0b_0c0d),
    }
}

pub(crate) fn mark(seq: u64) -> Mark {
    Mark {
        seq: Seq(seq),
        scope: 2,
        handle: 300,
    }
}

pub(crate) fn note(text: &str) -> Note {
    Note {
        at: Stamp(0x0001_8bcf_e568_0003),
        subject: Some("field 4".into()),
        text: text.into(),
        extra: vec![],
    }
}

pub(crate) fn write(value: Option<Value>, covers: BTreeMap<Writer, Position>) -> Write {
    let position = Position {
        life: Life::NONE,
        number: 12,
    };
    Write {
        position,
        sticky: false,
        at: Stamp(0x0001_8bcf_e568_0001),
        value,
        covers,
    }
}

pub(crate) fn central(sticky: bool, value: Option<Value>) -> Write {
    let position = Position { life: LIFE, number: 41 };
    Write {
        sticky,
        ..Write::central(position, Stamp::at_ms(1_700_000_000_000), value)
    }
}

pub(crate) fn registered(write: Write) -> State {
    State::Register(Register::of(Writer::Central, write))
}

/// A register with all kinds of writers, some of which cover others.
pub(crate) fn crowded() -> State {
    let mut register = Register::of(Writer::Central, central(true, Some(Value::text("up"))));
    let covers = BTreeMap::from([(Writer::Central, Position { life: LIFE, number: 41 })]);
    register.put(
        Writer::Edge(Rank::Automation, actor()),
        write(Some(Value::Null), BTreeMap::new()),
    );
    register.put(Writer::Edge(Rank::Operator, actor()), write(None, covers));
    register.put(
        Writer::Edge(Rank::Person, actor()),
        write(Some(Value::text("down")), BTreeMap::new()),
    );
    State::Register(register)
}

pub(crate) fn declaration() -> Declaration {
    Declaration {
        kind: Kind::Text,
        rule: Rule::KeepAll,
        tier: Tier::Bounded,
        priority: Priority::P2,
        residency: Residency::Region,
        writers: Writers::Devices,
    }
}

pub(crate) type Elements = Vec<(Vec<u8>, Vec<u8>)>;

/// Elements in every form that a delta has: of the record's own stamp, of another one, sticky, and whole.
pub(crate) fn elements() -> Elements {
    let named = |name: &str| ElementKey::Attribute(attribute(name)).encoded();
    let mut other = central(false, Some(Value::whole(900)));
    other.position.number = 39;
    vec![
        (
            ElementKey::Life.encoded(),
            registered(central(false, Some(Value::Bool(true)))).encoded(),
        ),
        (
            named("summary"),
            registered(central(false, Some(Value::text("small")))).encoded(),
        ),
        (named("size"), registered(other).encoded()),
        (named("gone"), registered(central(false, None)).encoded()),
        (
            named("revoked"),
            registered(central(true, Some(Value::Bool(true)))).encoded(),
        ),
        (named("availability"), crowded().encoded()),
    ]
}
