//! The document: what is measured goes between two marks, what people wrote around them stays.

use crate::failure::{Failure, While};
use std::path::{Path, PathBuf};
use std::process::Command;

const BEGIN: &str = "<!-- peers:begin -->";
const END: &str = "<!-- peers:end -->";

/// The repository that this program was built in.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The document with the text between its marks replaced.
fn replaced(document: &str, text: &str) -> Result<String, Failure> {
    let missing = || {
        Failure::new(
            "writing docs/benchmarks.md",
            format!("it lacks {BEGIN} or {END}; put both back"),
        )
    };
    let (before, rest) = document.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n{text}{END}{after}"))
}

/// Puts the text into the document.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let path = repository().join("docs/benchmarks.md");
    let document = std::fs::read_to_string(&path).during("reading docs/benchmarks.md")?;
    std::fs::write(&path, replaced(&document, text)?).during("writing docs/benchmarks.md")
}

/// Writes a plot beside the document.
pub(crate) fn write_plot(name: &str, plot: &svg::Document) -> Result<(), Failure> {
    let folder = repository().join("docs/benchmarks");
    std::fs::create_dir_all(&folder).during("making docs/benchmarks")?;
    svg::save(folder.join(name), plot).during("writing a plot")
}

/// The commit that was measured, marked where something else than the results differs from it.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(repository())
            .args(arguments)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "an unknown commit".to_owned();
    };
    let results = [":!docs/benchmarks.md", ":!docs/benchmarks"];
    let status = git(&["status", "--porcelain", "--", ".", results[0], results[1]]);
    let dirty = if status.is_some_and(|status| status.is_empty()) {
        ""
    } else {
        "+dirty"
    };
    format!("{commit}{dirty}")
}

/// The machine, in a few words.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, {}", std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(
            replaced(&document, "new\n").unwrap(),
            format!("a\n{BEGIN}\nnew\n{END}\nb\n")
        );
        assert!(replaced("no marks", "new").is_err());
    }
}
