use super::*;
use crate::actor::{ActorId, Incarnation};
use crate::epoch::{EpochTag, Head, Mark, Seq};
use crate::message::{Applied, Batch, GoOn, Part};
use crate::name::ReplicaName;
use proptest::prelude::*;

fn part(delta: Vec<u8>) -> Down {
    Down::Part(raw_part(delta))
}

fn raw_part(delta: Vec<u8>) -> Part {
    Part {
        nonce: 7,
        from: Mark::after(Seq(1)),
        to: Mark::after(Seq(9)),
        end: Some(Head::default()),
        delta,
    }
}

proptest! {
    #[test]
    fn frames_come_back_whole_and_in_pieces(
        delta in proptest::collection::vec(0..9_u8, 0..3_000), noise in proptest::collection::vec(any::<u8>(), 0..3_000),
        bytes_max in 256..700_usize,
    ) {
        for message in [part(delta), part(noise)] {
            let frame = encode_down(&message);
            prop_assert_eq!(&decode_down(&frame).unwrap(), &message);
            let mut reassembly = Reassembly::default();
            let mut whole = None;
            for piece in Fragments::of(frame.clone(), bytes_max) {
                prop_assert!(piece.len() <= bytes_max);
                prop_assert!(whole.is_none());
                whole = reassembly.take(piece).unwrap();
            }
            prop_assert_eq!(whole.unwrap(), frame);
        }
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let frame = encode_down(&part(vec![3; 300]));
        let mut changed = frame.clone();
        changed[at.index(frame.len())] ^= flip;
        prop_assert!(decode_down(&changed).is_err());
        prop_assert!(decode_down(&frame[..at.index(frame.len())]).is_err());
    }

    #[test]
    fn a_shared_part_is_read_by_each_as_its_own(
        delta in proptest::collection::vec(0..9_u8, 0..3_000), nonces in proptest::collection::vec(any::<u64>(), 1..4),
        at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let sealed = SharedPart::seal(raw_part(delta.clone()));
        prop_assert!(sealed.is_last());
        prop_assert_eq!(sealed.to(), Mark::after(Seq(9)));
        for nonce in nonces {
            let frame = sealed.frame(nonce);
            let expected = Down::Part(Part { nonce, ..raw_part(delta.clone()) });
            prop_assert_eq!(&decode_down(&frame).unwrap(), &expected);
            let mut changed = frame.clone();
            changed[at.index(frame.len())] ^= flip;
            prop_assert!(decode_down(&changed).is_err());
            prop_assert!(decode_down(&frame[..at.index(frame.len())]).is_err());
        }
    }

    #[test]
    fn noise_is_refused(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode_down(&noise).is_err());
        prop_assert!(decode_up(&noise).is_err());
        let _ = Reassembly::default().take(noise);
    }

    #[test]
    fn a_well_sealed_frame_with_a_nonsense_body_is_refused(tag in 0..40_u8, body in proptest::collection::vec(any::<u8>(), 0..99)) {
        let frame = seal(tag, &body, Density::Plain);
        if tag == 24 {
            prop_assert_eq!(decode_down(&frame), Err(FrameError::Body));
        }
        let _ = decode_down(&frame);
        let _ = decode_up(&frame);
        let _ = Reassembly::default().take(frame);
    }
}

#[test]
fn a_frame_of_a_newer_version_is_named_as_such() {
    let mut frame = encode_up(&Up::GoOn(GoOn {
        nonce: 1,
        staged_to: Mark::after(Seq(1)),
        again: false,
    }));
    frame[0] = 2;
    assert_eq!(decode_up(&frame), Err(FrameError::Version(2)));
}

#[test]
fn a_shared_part_whose_content_says_something_else_is_refused() {
    let bad = [
        frame_of(24, 0, 3, &[], &[0; 3]),
        frame_of(24, 0, 3, &[0; 8], &[0xff; 3]),
        frame_of(24, 0, 4, &[0; 8], &[0; 3]),
        frame_of(24, COMPRESSED, 300, &[0; 8], &[1, 2, 3]),
    ];
    for frame in bad {
        assert_eq!(decode_down(&frame), Err(FrameError::Body));
    }
}

#[test]
fn a_lost_fragment_costs_that_frame_only() {
    let frame = encode_down(&part((0..2_000_u32).map(|n| ((n * n) >> 3) as u8).collect()));
    let pieces: Vec<_> = Fragments::of(frame.clone(), 256).collect();
    assert!(pieces.len() > 3);
    let mut reassembly = Reassembly::default();
    for piece in pieces.iter().skip(1) {
        assert_eq!(reassembly.take(piece.clone()), Err(ReassemblyError::Gap));
    }
    let mut whole = None;
    for piece in pieces {
        whole = reassembly.take(piece).unwrap();
    }
    assert_eq!(whole, Some(frame));
}

#[test]
fn a_body_that_claims_to_be_huge_is_refused_before_anything_is_allocated() {
    for tag in [17, 24] {
        let mut frame = vec![WIRE_VERSION, tag, COMPRESSED];
        put_varint(&mut frame, 1 << 40);
        frame.extend_from_slice(&[0; 8]);
        let sum = check(&frame);
        frame.extend_from_slice(&sum);
        assert_eq!(decode_down(&frame), Err(FrameError::TooLong));
    }
}

#[test]
fn a_single_change_travels_in_fifty_two_bytes() {
    let batch = Batch {
        epoch: EpochTag(0xdead_beef),
        scope: 3,
        prev: Seq(4_000),
        to: Head {
            seq: Seq(4_001),
            lineage: crate::epoch::Lineage(0x1234_5678),
        },
        touched: vec![],
        after: vec![],
        delta: Some(vec![9; 25]),
    };
    assert!(encode_down(&Down::Batch(batch)).len() <= 52);
    let applied = Applied {
        epoch: EpochTag(1),
        base: Seq(4_000),
        ahead: vec![],
        digest: crate::digest::Digest(u128::MAX),
        more: vec![],
    };
    assert!(encode_up(&Up::Applied(applied)).len() <= 32);
    let _ = ActorId {
        name: ReplicaName::parse("a").unwrap(),
        incarnation: Incarnation(1),
    };
}
