use super::*;
use proptest::prelude::*;

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

fn row(out: &mut Vec<u8>, values: &[Datum<'_>]) {
    out.extend_from_slice(&(values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            Datum::Null => out.push(b'n'),
            Datum::Unchanged => out.push(b'u'),
            Datum::Text(text) => {
                out.push(b't');
                out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

fn head(tag: u8, relation: u32) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend_from_slice(&relation.to_be_bytes());
    out
}

#[test]
fn a_transaction_is_framed_by_its_positions() {
    let mut begin = vec![b'B'];
    begin.extend_from_slice(&0x198_b1c8_u64.to_be_bytes());
    begin.extend_from_slice(&(-5_i64).to_be_bytes());
    begin.extend_from_slice(&731_u32.to_be_bytes());
    let (commit, at_us, xid) = (Lsn(0x198_b1c8), -5, 731);
    assert_eq!(Message::decode(&begin), Ok(Message::Begin { commit, at_us, xid }));
    let mut end = vec![b'C', 0];
    end.extend_from_slice(&commit.0.to_be_bytes());
    end.extend_from_slice(&0x198_b1f8_u64.to_be_bytes());
    end.extend_from_slice(&9_i64.to_be_bytes());
    let (end_lsn, at_us) = (Lsn(0x198_b1f8), 9);
    let wanted = Message::Commit {
        commit,
        end: end_lsn,
        at_us,
    };
    assert_eq!(Message::decode(&end), Ok(wanted));
}

#[test]
fn an_unchanged_long_value_is_not_null() {
    let mut update = head(b'U', 7);
    update.push(b'N');
    let values = [Datum::Text("crop"), Datum::Unchanged, Datum::Null, Datum::Text("")];
    row(&mut update, &values);
    let (relation, old, new) = (7, None, values.to_vec());
    assert_eq!(Message::decode(&update), Ok(Message::Update { relation, old, new }));
}

#[test]
fn a_changed_key_brings_the_old_one() {
    let mut update = head(b'U', 7);
    update.push(b'K');
    row(&mut update, &[Datum::Text("crop"), Datum::Null]);
    update.push(b'N');
    row(&mut update, &[Datum::Text("crops"), Datum::Text("d")]);
    let Ok(Message::Update {
        old: Some(old), new, ..
    }) = Message::decode(&update)
    else {
        panic!("an update");
    };
    assert_eq!((old[0], new[0]), (Datum::Text("crop"), Datum::Text("crops")));
}

#[test]
fn a_deletion_names_the_identity() {
    for kind in *b"KO" {
        let mut delete = head(b'D', 9);
        delete.push(kind);
        row(&mut delete, &[Datum::Text("crop"), Datum::Null]);
        let (relation, old) = (9, vec![Datum::Text("crop"), Datum::Null]);
        assert_eq!(Message::decode(&delete), Ok(Message::Delete { relation, old }));
    }
}

#[test]
fn a_relation_says_which_columns_name_a_row() {
    let mut bytes = head(b'R', 16_400);
    text(&mut bytes, "public");
    text(&mut bytes, "registered_models");
    bytes.push(b'd');
    bytes.extend_from_slice(&2_u16.to_be_bytes());
    for (flags, name, oid) in [(1, "name", 1_043_u32), (0, "description", 25)] {
        bytes.push(flags);
        text(&mut bytes, name);
        bytes.extend_from_slice(&oid.to_be_bytes());
        bytes.extend_from_slice(&u32::MAX.to_be_bytes());
    }
    let Ok(Message::Relation(relation)) = Message::decode(&bytes) else {
        panic!("a relation");
    };
    assert_eq!((relation.id, relation.schema.as_str()), (16_400, "public"));
    let columns: Vec<_> = relation
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.identity, column.type_oid))
        .collect();
    assert_eq!(columns, [("name", true, 1_043), ("description", false, 25)]);
}

#[test]
fn a_truncation_names_all_its_relations() {
    let mut bytes = vec![b'T'];
    bytes.extend_from_slice(&2_u32.to_be_bytes());
    bytes.push(1);
    for id in [3_u32, 4] {
        bytes.extend_from_slice(&id.to_be_bytes());
    }
    let relations = vec![3, 4];
    assert_eq!(Message::decode(&bytes), Ok(Message::Truncate { relations }));
}

#[test]
fn a_message_of_a_program_comes_with_its_prefix() {
    let mut bytes = vec![b'M', 1];
    bytes.extend_from_slice(&77_u64.to_be_bytes());
    text(&mut bytes, "headland");
    bytes.extend_from_slice(&3_u32.to_be_bytes());
    bytes.extend_from_slice(b"hub");
    let wanted = Message::Emitted {
        transactional: true,
        at: Lsn(77),
        prefix: "headland",
        content: b"hub",
    };
    assert_eq!(Message::decode(&bytes), Ok(wanted));
}

#[test]
fn types_and_origins_are_passed_over() {
    assert_eq!(Message::decode(b"Yanything"), Ok(Message::Ignored));
    assert_eq!(Message::decode(b"Oanything"), Ok(Message::Ignored));
}

#[test]
fn what_claims_to_be_long_is_refused_before_anything_is_allocated() {
    let mut insert = head(b'I', 1);
    insert.push(b'N');
    insert.extend_from_slice(&u16::MAX.to_be_bytes());
    assert_eq!(Message::decode(&insert), Err(DecodeError::TooLong));
    let mut truncate = vec![b'T'];
    truncate.extend_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(Message::decode(&truncate), Err(DecodeError::TooLong));
    let mut name = head(b'R', 1);
    name.resize(4_000, b'x');
    assert_eq!(Message::decode(&name), Err(DecodeError::TooLong));
}

proptest! {
    #[test]
    fn noise_never_panics(
        tag in proptest::sample::select(b"BCRIUDTMYO?".to_vec()),
        noise in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let _ = Message::decode(&noise);
        let _ = Message::decode(&[&[tag], noise.as_slice()].concat());
    }

    #[test]
    fn rows_come_back_and_every_cut_is_noticed(
        texts in proptest::collection::vec(proptest::option::of("[a-zé\n]{0,6}"), 0..6),
    ) {
        let values: Vec<Datum<'_>> = texts
            .iter()
            .map(|text| text.as_deref().map_or(Datum::Unchanged, Datum::Text))
            .collect();
        let mut bytes = head(b'I', 5);
        bytes.push(b'N');
        row(&mut bytes, &values);
        for end in 0..bytes.len() {
            prop_assert!(Message::decode(&bytes[..end]).is_err());
        }
        prop_assert_eq!(Message::decode(&bytes), Ok(Message::Insert { relation: 5, new: values.clone() }));
    }
}
