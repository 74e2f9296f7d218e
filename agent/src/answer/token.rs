//! Page tokens: where a listing goes on. Opaque to whoever passes them.

use headland_shared::key::RecordKey;

/// The token of the page after `key`.
pub(crate) fn page_token(key: &RecordKey) -> String {
    key.encoded().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key that [`page_token`] made a token of.
pub(crate) fn page_after(token: &str) -> Option<RecordKey> {
    let digits = token.as_bytes();
    if digits.len() > RecordKey::BYTES_MAX * 2 || !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(byte).collect();
    RecordKey::decode(&bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_gives_its_key_back() {
        let key = RecordKey::decode("default\0ft:gpt-4o/ü".as_bytes()).unwrap();
        assert_eq!(page_after(&page_token(&key)), Some(key));
    }

    proptest! {
        #[test]
        fn noise_is_no_token_and_no_panic(noise in ".{0,40}") {
            if let Some(key) = page_after(&noise) {
                prop_assert_eq!(page_token(&key), noise.to_lowercase());
            }
        }
    }
}
