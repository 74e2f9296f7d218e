//! A section of a document, between markers that nobody else writes between.

use super::BenchError;
use std::path::Path;

/// What a document begins with when there is none yet.
const FIRST: &str = "# Benchmarks\n";

/// Replaces the section between `<!-- marker:begin -->` and `<!-- marker:end -->`, or appends it.
pub(super) fn write_section(path: &Path, marker: &str, section: &str) -> Result<(), BenchError> {
    let failed = |reason: String| BenchError::Document {
        path: path.display().to_string(),
        reason,
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => FIRST.to_owned(),
        Err(error) => return Err(failed(error.to_string())),
    };
    let text = replaced(&text, marker, section).map_err(failed)?;
    std::fs::write(path, text).map_err(|error| failed(error.to_string()))
}

fn replaced(text: &str, marker: &str, section: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- {marker}:begin -->"), format!("<!-- {marker}:end -->"));
    let block = format!("{begin}\n\n{}\n\n{end}", section.trim());
    match (text.find(&begin), text.find(&end)) {
        (None, None) => Ok(format!("{}\n\n{block}\n", text.trim_end())),
        (Some(from), Some(to)) if from < to => Ok(format!("{}{block}{}", &text[..from], &text[to + end.len()..])),
        _ => Err(format!(
            "the markers {begin} and {end} do not both stand in it, in this order"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_appended_once_and_replaced_afterwards() {
        let first = replaced("# Benchmarks\n", "hub", "one").unwrap();
        assert_eq!(first, "# Benchmarks\n\n<!-- hub:begin -->\n\none\n\n<!-- hub:end -->\n");
        let both = replaced(&first, "storm", "other").unwrap();
        let again = replaced(&both, "hub", "two").unwrap();
        assert!(again.contains("two") && !again.contains("one") && again.contains("other"));
        assert!(replaced("<!-- hub:end -->", "hub", "x").is_err());
    }
}
