use super::*;
use crate::bytes::DecodeError;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;

fn texts<C: Coder>(coder: &mut C, texts: &[String], name: &str) -> Result<Vec<String>, DecodeError> {
    let named = || Some(name.to_string());
    let mut sources = Sources::new(&named);
    let (mut words, mut read) = (Words::default(), Vec::new());
    for text in texts {
        read.push(words.code(coder, 9, text, &sources)?.to_string());
        sources.remember(9, text);
    }
    Ok(read)
}

/// Reads these texts back, each as it was said; says whether nothing is left.
fn come_back(bytes: &[u8], said: &[String]) -> bool {
    let named = || Some("ab/c1".to_string());
    let mut sources = Sources::new(&named);
    let (mut words, mut unpacker) = (Words::default(), Unpacker::new(bytes));
    for text in said {
        let read = words.code(&mut unpacker, 9, "", &sources).unwrap().to_string();
        assert_eq!(&read, text);
        sources.remember(9, &read);
    }
    unpacker.is_at_end()
}

proptest! {
    #[test]
    fn numbers_come_back(numbers in proptest::collection::vec(prop_oneof![any::<u64>(), 0..99_u64], 0..40)) {
        let (mut packer, mut model) = (Packer::default(), Number::default());
        for number in &numbers {
            model.code(&mut packer, *number).unwrap();
            signed(&mut model, &mut packer, *number as i64).unwrap();
        }
        let bytes = packer.finish();
        let (mut unpacker, mut model) = (Unpacker::new(&bytes), Number::default());
        for number in &numbers {
            prop_assert_eq!(model.code(&mut unpacker, 0).unwrap(), *number);
            prop_assert_eq!(signed(&mut model, &mut unpacker, 0).unwrap(), *number as i64);
        }
        prop_assert!(unpacker.is_at_end());
    }

    #[test]
    fn texts_come_back(said in proptest::collection::vec("[a-c/ :.é0-2]{0,12}", 0..20)) {
        let mut packer = Packer::default();
        texts(&mut packer, &said, "ab/c1").unwrap();
        let bytes = packer.finish();
        prop_assert!(come_back(&bytes, &said));
    }

    #[test]
    fn choices_of_every_sort_come_back(said in proptest::collection::vec((any::<u64>(), 1..65_537_u32, any::<bool>()), 0..60)) {
        let (mut packer, mut model) = (Packer::default(), Bit::default());
        for (number, count, one) in &said {
            packer.bit(&mut model, *one).unwrap();
            packer.plain(number.count_ones(), number & !u64::MAX.unbounded_shl(number.count_ones())).unwrap();
            packer.uniform(*count, (*number % u64::from(*count)) as u32).unwrap();
            packer.symbol(&[0, 1, 4_000, 4_096], (*number % 3) as usize).unwrap();
        }
        let bytes = packer.finish();
        let (mut unpacker, mut model) = (Unpacker::new(&bytes), Bit::default());
        for (number, count, one) in &said {
            let plain = number & !u64::MAX.unbounded_shl(number.count_ones());
            prop_assert_eq!(unpacker.bit(&mut model, false).unwrap(), *one);
            prop_assert_eq!(unpacker.plain(number.count_ones(), 0).unwrap(), plain);
            prop_assert_eq!(unpacker.uniform(*count, 0).unwrap(), (*number % u64::from(*count)) as u32);
            prop_assert_eq!(unpacker.symbol(&[0, 1, 4_000, 4_096], 0).unwrap(), (*number % 3) as usize);
        }
        prop_assert!(unpacker.is_at_end());
    }

    #[test]
    fn words_of_every_class_come_back(said in proptest::collection::vec(
        prop_oneof![
            Just("Data center, time and model 12 x86_64 007 0 Überzug".to_string()),
            "([a-zA-Z0-9_]{1,9}[ .:/-]?){0,6}",
            "[0-9]{1,22}",
        ],
        0..20,
    )) {
        let mut packer = Packer::default();
        texts(&mut packer, &said, "ab/c1").unwrap();
        let bytes = packer.finish();
        come_back(&bytes, &said);
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let nothing: Vec<String> = (0..50).map(|_| String::new()).collect();
        let _ = texts(&mut Unpacker::new(&noise), &nothing, "ab/c1");
        let _ = texts(&mut Earlier::new(&noise), &nothing, "ab/c1");
    }
}
