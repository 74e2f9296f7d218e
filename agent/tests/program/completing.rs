//! Completions for shells.

use crate::device::Device;
use std::process::Command;

#[test]
fn a_shell_completes_commands_options_and_values() {
    let device = Device::new();
    let script = device.agent(&["completions", "bash"]).printed();
    let file = device.script("completions", &script);
    // What bash itself does for a word: it calls the function that the script names.
    let completed = |words: &str| {
        let asked = format!(
            "source {file:?}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             $(complete -p headland-agent | sed 's/.*-F \\([^ ]*\\).*/\\1/') headland-agent \
             \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash")
            .arg("-c")
            .arg(asked)
            .output()
            .expect("bash is here");
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("headland-agent doc"), "doctor");
    assert_eq!(completed("headland-agent models --order"), "--order-by");
    assert_eq!(completed("headland-agent rep"), "report");
    assert_eq!(completed("headland-agent report a --take"), "--take-back");
    assert_eq!(completed("headland-agent models --consistency str"), "strong");
}

#[test]
fn there_are_completions_for_other_shells_whatever_the_configuration() {
    let device = Device::with("folow = 1");
    for (shell, begin) in [("zsh", "#compdef headland-agent"), ("fish", "# Print an optspec")] {
        let script = device.agent(&["completions", shell]).printed();
        assert!(
            script.starts_with(begin) && script.contains("annotate"),
            "{shell}: {script}"
        );
    }
    assert!(device.agent(&["completions", "tcsh"]).refused().contains("tcsh"));
}
