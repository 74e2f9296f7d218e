use super::*;
use crate::element::{Note, Remark, State};
use crate::epoch::{Life, Position};
use crate::key::ElementKey;
use crate::register::{Register, Write, Writer};
use crate::schema::Kind;
use crate::stamp::Stamp;
use crate::value::Value;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

const LIFE: Life = Life::numbered(1, 9);

fn central(number: u64, sticky: bool, value: Option<Value>) -> Vec<u8> {
    central_in(LIFE, number, sticky, value)
}

fn central_in(life: Life, number: u64, sticky: bool, value: Option<Value>) -> Vec<u8> {
    let position = Position { life, number };
    let mut write = Write::central(position, Stamp::at_ms(1_000 + number * 7), value);
    write.sticky = sticky;
    State::Register(Register::of(Writer::Central, write)).encoded()
}

fn attribute(alias: u32) -> AttributeIntroduction {
    let name = AttributeName::new(alloc::format!("attribute_{alias}")).unwrap();
    AttributeIntroduction {
        alias,
        declaration: Declaration::inferred(&name, Kind::Text),
        name,
    }
}

fn scope() -> ScopeIntroduction {
    ScopeIntroduction {
        alias: 3,
        scope: Scope::decode(b"vision\0detection").unwrap(),
    }
}

/// Knows the attributes below a number, and one name.
struct Knows(u32);

impl Known for Knows {
    fn life(&self) -> Option<Life> {
        Some(LIFE)
    }

    fn attribute(&self, alias: u32) -> Option<AttributeName> {
        (alias < self.0).then(|| attribute(alias).name)
    }

    fn name(&self, _: u32) -> Option<ModelName> {
        ModelName::new("a/model:name").ok()
    }
}

type Plain = (u32, Option<&'static str>, Vec<(u32, Vec<u8>)>);

fn records() -> impl Strategy<Value = Vec<Plain>> {
    let state = prop_oneof![
        (1..3_u32, 1..5_u64, any::<bool>(), proptest::option::of(0..9_i64)).prop_map(
            |(life, number, sticky, value)| {
                central_in(Life::numbered(life, 9), number, sticky, value.map(Value::whole))
            }
        ),
        Just(State::Remark(Remark::Removed).encoded()),
        "[a-z]{1,9}".prop_map(|text| {
            State::Remark(Remark::Written(Note {
                at: Stamp::at_ms(1),
                subject: None,
                text,
                extra: vec![],
            }))
            .encoded()
        }),
    ];
    let record = (
        0..5_000_u32,
        any::<bool>(),
        proptest::collection::vec((0..6_u32, state), 0..6),
    )
        .prop_map(|(handle, whole, elements)| (handle, whole.then_some("a/model:name"), elements));
    proptest::collection::vec(record, 0..12)
}

proptest! {
    #[test]
    fn a_delta_comes_back(plain in records(), known in 0..6_u32, chooses in any::<bool>()) {
        let introduced: Vec<_> = (known..6).map(attribute).collect();
        let begin = if chooses { DeltaWriter::in_its_own_life } else { DeltaWriter::new };
        let mut writer = begin(LIFE, &[scope()], &introduced);
        let mut expected = Vec::new();
        for (handle, name, elements) in &plain {
            let keyed: Vec<_> = elements.iter()
                .map(|(alias, state)| (ElementKey::encoded_attribute(attribute(*alias).name.as_str()), *alias, state))
                .collect();
            // Attribute 0 is always written with its key, as elements that are no attributes are.
            let borrowed: Vec<_> = keyed.iter()
                .map(|(key, alias, state)| (key.as_slice(), (*alias != 0).then_some(*alias), state.as_slice()))
                .collect();
            writer.record(3, *handle, name.unwrap_or("a/model:name"), name.is_some(), &borrowed);
            let elements: Vec<_> = keyed.iter().map(|(key, _, state)| (key.clone(), (*state).clone())).collect();
            let change = match name {
                Some(name) => RecordChange::Whole(3, ModelName::new(*name).unwrap(), elements),
                None => RecordChange::Changed(elements),
            };
            expected.push(Record { handle: *handle, change });
        }
        writer.left(4, 17);
        expected.push(Record { handle: 17, change: RecordChange::Left(4) });
        let bytes = writer.finish();
        let delta = read(&bytes, &Knows(known)).unwrap();
        prop_assert_eq!(delta.records, expected);
        prop_assert_eq!(delta.attributes, introduced);
        prop_assert_eq!(delta.scopes, vec![scope()]);
    }

    #[test]
    fn noise_and_truncation_never_panic(noise in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
        let _ = read(&noise, &Knows(0));
        for form in [FORM_PACKED, FORM_OF_PLACE, FORM_DENSE, FORM_DENSE_OF_PLACE] {
            let formed: Vec<u8> = [form].into_iter().chain(noise.iter().copied()).collect();
            let _ = (read(&formed, &Knows(6)), introduced_scopes(&formed));
        }
        let mut writer = DeltaWriter::new(LIFE, &[scope()], &[attribute(0)]);
        let state = central(4, false, Some(Value::text("x".to_string())));
        writer.record(3, 9, "n", true, &[(b"\x02attribute_0", Some(0), &state)]);
        let bytes = writer.finish();
        let _ = read(&bytes[..cut.min(bytes.len())], &Knows(0));
    }
}

use crate::name::ModelName;

#[test]
fn one_changed_field_is_a_handful_of_bytes() {
    let state = central(4_000, false, Some(Value::Number(crate::value::Number::Real(1.5e-6))));
    let mut writer = DeltaWriter::new(LIFE, &[], &[]);
    writer.record(3, 900, "n", false, &[(b"\x02attribute_7", Some(7), &state)]);
    assert_eq!(writer.finish_of_place().len(), 16);
}

#[test]
fn what_was_written_in_an_earlier_life_is_told_as_shortly_as_what_is_of_the_present_one() {
    let told = |written: Life, begin: &dyn Fn() -> DeltaWriter| {
        let mut writer = begin();
        for handle in 0..40 {
            let state = central_in(written, u64::from(handle) + 1, false, Some(Value::whole(9)));
            writer.record(3, handle, "n", true, &[(b"\x02attribute_7", Some(7), &state)]);
        }
        writer.finish()
    };
    let present = Life::numbered(2, 9);
    let of_present = told(present, &|| DeltaWriter::new(present, &[], &[]));
    let of_earlier = told(LIFE, &|| DeltaWriter::in_its_own_life(present, &[], &[]));
    assert_eq!(of_earlier.len(), of_present.len());
    assert_eq!(read(&of_earlier, &Knows(8)).unwrap().records.len(), 40);
    let in_another = told(LIFE, &|| DeltaWriter::new(present, &[], &[]));
    assert!(in_another.len() > 4 * of_earlier.len());
}

#[test]
fn noise_that_goes_on_is_never_told_without_bound() {
    // Bytes that decide everything one way: the longest that a few of them could be drawn out.
    for byte in [0x00, 0x01, 0x55, 0xaa, 0xfe, 0xff] {
        let formed: Vec<u8> = [FORM_DENSE_OF_PLACE].into_iter().chain([byte; 400]).collect();
        if let Ok(delta) = read(&formed, &Knows(8)) {
            assert!(delta.records.len() <= ENTRIES_MAX);
        }
    }
}
