//! Page tokens: where a listing goes on. Opaque to whoever passes them, and good for the listing that made them alone.

use super::SortKey;
use super::page::Place;
use crate::bytes::{DecodeError, Reader, put_bytes};
use crate::digest::hash_128;
use crate::key::RecordKey;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The longest token, in characters: the longest key, and as many sorted texts as an order has fields.
const TOKEN_CHARS_MAX: usize = 16 * 1024;

/// Why a token is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenError {
    /// It is none.
    None,
    /// It belongs to another listing.
    Other,
}

/// What a listing is told apart from others by: all that decides what is in it, and in what order.
pub(super) fn listing_of(parts: [Option<&str>; 4]) -> u64 {
    // Absent and empty mean the same.
    hash_128(&parts.map(|part| part.unwrap_or_default().as_bytes())) as u64
}

/// The token of the page after a place of a listing.
pub(super) fn token(listing: u64, place: &Place) -> String {
    let mut bytes = listing.to_be_bytes().to_vec();
    put_bytes(&mut bytes, &place.key.encoded());
    place.sort.encode(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The place that [`token`] made a token of.
pub(super) fn place(token: &str, listing: u64) -> Result<Place, TokenError> {
    let bytes = bytes_of(token).ok_or(TokenError::None)?;
    let mut reader = Reader::new(&bytes);
    let of = reader.u64_be().map_err(|_| TokenError::None)?;
    let mut read = || {
        let key = RecordKey::decode(reader.bytes(RecordKey::BYTES_MAX)?)?;
        let sort = SortKey::decode(&mut reader)?;
        Ok::<_, DecodeError>((Place { key, sort }, reader.is_empty()))
    };
    match read() {
        Ok((place, true)) if of == listing => Ok(place),
        Ok((_, true)) => Err(TokenError::Other),
        Ok((_, false)) | Err(_) => Err(TokenError::None),
    }
}

fn bytes_of(token: &str) -> Option<Vec<u8>> {
    let digits = token.as_bytes();
    if digits.len() > TOKEN_CHARS_MAX || !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks_exact(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Order;
    use crate::view::Model;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    fn some_place() -> Place {
        let key = RecordKey::decode("default\0ft:gpt-4o/ü".as_bytes()).unwrap();
        let model = Model::read(&key, &BTreeMap::new(), None, |_| None);
        let sort = Order::parse("name desc, missing").unwrap().key_of(&model);
        Place { key, sort }
    }

    #[test]
    fn a_token_gives_its_place_back_to_its_own_listing_alone() {
        let one = listing_of([None, Some("task = chat"), None, None]);
        let other = listing_of([None, None, Some("task = chat"), None]);
        let text = token(one, &some_place());
        assert_eq!(place(&text, one), Ok(some_place()));
        assert_eq!(place(&text, other), Err(TokenError::Other));
        assert_eq!(place(&text[2..], one), Err(TokenError::None));
    }

    proptest! {
        #[test]
        fn noise_is_no_token_and_no_panic(noise in ".{0,40}|[0-9a-f]{0,80}") {
            if let Ok(found) = place(&noise, 0) {
                prop_assert_eq!(token(0, &found), noise.to_lowercase());
            }
        }
    }
}
