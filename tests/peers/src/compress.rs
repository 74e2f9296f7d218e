//! zstd as a sender would use it: as hard as it tries, without the bytes that both ends know.

use crate::failure::{Failure, While};
use zstd_safe::{CCtx, CParameter};

/// As hard as zstd tries without its slowest modes; the level of Headland's own frames.
const LEVEL: i32 = 19;
/// What every zstd frame begins with: a receiver that expects one need not be told.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How large a dictionary both ends may hold.
pub(crate) const DICTIONARY_BYTES: usize = 16 * 1024;

/// The compressed bytes, or the bytes themselves where that is shorter.
pub(crate) fn zstd(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    with(bytes, &[])
}

/// The same with a dictionary that both ends hold.
pub(crate) fn with(bytes: &[u8], dictionary: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |code| Failure::new("compressing", zstd_safe::get_error_name(code));
    let mut context = CCtx::create();
    let parameters = [
        CParameter::CompressionLevel(LEVEL),
        CParameter::ContentSizeFlag(false),
        CParameter::ChecksumFlag(false),
        CParameter::DictIdFlag(false),
    ];
    for parameter in parameters {
        context.set_parameter(parameter).map_err(failed)?;
    }
    if !dictionary.is_empty() {
        context.load_dictionary(dictionary).map_err(failed)?;
    }
    let mut out = vec![0; zstd_safe::compress_bound(bytes.len())];
    let length = context.compress2(out.as_mut_slice(), bytes).map_err(failed)?;
    out.truncate(length);
    let content = out.strip_prefix(&MAGIC).unwrap_or(&out);
    Ok(if content.len() < bytes.len() { content.to_vec() } else { bytes.to_vec() })
}

/// A dictionary out of samples: only what both ends held before the change.
pub(crate) fn dictionary(samples: &[Vec<u8>]) -> Result<Vec<u8>, Failure> {
    let mut dictionary = vec![0; DICTIONARY_BYTES];
    let sizes: Vec<usize> = samples.iter().map(Vec::len).collect();
    let trained = zstd_safe::train_from_buffer(dictionary.as_mut_slice(), &samples.concat(), &sizes);
    let length = trained.map_err(zstd_safe::get_error_name).during("training a dictionary")?;
    dictionary.truncate(length);
    Ok(dictionary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_of_the_base_shortens_what_is_like_it() {
        let samples: Vec<Vec<u8>> = (0..400).map(|n| format!("model number {n} is staged and small").into_bytes()).collect();
        let dictionary = dictionary(&samples).unwrap();
        let text = b"model number 1234 is staged and small";
        assert!(with(text, &dictionary).unwrap().len() < zstd(text).unwrap().len());
    }
}
