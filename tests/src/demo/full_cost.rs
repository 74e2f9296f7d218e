//! What the same releases cost when each is sent whole, as JSON with zstd.

use super::catalogue::Release;

/// As hard as zstd tries without its slowest modes.
const LEVEL: i32 = 19;

/// The compressed size of each release, whole.
pub(super) fn of(releases: &[Release]) -> std::io::Result<Vec<usize>> {
    releases
        .iter()
        .map(|release| {
            let text = match &release.given {
                Some(file) => std::fs::read(file)?,
                None => release.json_lines().into_bytes(),
            };
            Ok(compressed(&text))
        })
        .collect()
}

fn compressed(text: &[u8]) -> usize {
    let mut out = vec![0; zstd_safe::compress_bound(text.len())];
    zstd_safe::compress(out.as_mut_slice(), text, LEVEL).unwrap_or(text.len())
}
