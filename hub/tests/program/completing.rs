//! Completions for shells.

use crate::region::Region;

#[test]
fn there_are_completions_for_shells() {
    let region = Region::new();
    for (shell, begin) in [
        ("bash", "_headland__hub()"),
        ("zsh", "#compdef headland-hub"),
        ("fish", "# Print an optspec"),
    ] {
        let script = region.hub(&["completions", shell]).printed();
        // Spelled in one way wherever bash finds out and looks up what is being completed.
        assert!(!script.contains("headland__subcmd__hub"), "{script}");
        assert!(
            script.starts_with(begin) && script.contains("unfence"),
            "{shell}: {script}"
        );
    }
}
