//! What the program refuses: one clear line, exit code 2, and nothing changed.

use crate::device::Device;

#[test]
fn an_unknown_key_names_the_nearest_one_and_touches_nothing() {
    let device = Device::with("folow = [\"*/*\"]");
    for args in [["run"], ["sync"], ["status"], ["--check-config"]] {
        let line = device.agent(&args).refused();
        assert!(
            line.contains("agent.toml:5") && line.contains("did you mean \"follow\"?"),
            "{line}"
        );
    }
    assert!(!device.store().exists());
}

#[test]
fn a_configuration_is_checked_without_a_store() {
    let device = Device::new();
    let text = device.agent(&["--check-config"]).printed();
    assert!(
        text.starts_with("the configuration of leaf-7 is valid") && text.lines().count() == 1,
        "{text}"
    );
    assert!(!device.store().exists());
}

#[test]
fn a_wrong_argument_is_refused_in_one_line() {
    let device = Device::new();
    for (args, wanted) in [
        (vec!["models", "--limt", "3"], "--limt"),
        (vec!["modls"], "modls"),
        (vec!["show"], "NAME"),
        (vec![], "name a command"),
        (vec!["show", "bad\nname"], "control character"),
        (vec!["annotate", "x", "--remove", "nonsense"], "no id of a note"),
    ] {
        let line = device.agent(&args).refused();
        assert!(
            line.starts_with("headland-agent: error: ") && line.contains(wanted),
            "{args:?}: {line}"
        );
    }
}

#[test]
fn a_store_in_use_by_someone_who_does_not_answer_is_left_to_them() {
    let device = Device::new();
    let _held = headland_host::store_file::open(&device.store(), 65_536).unwrap();
    // Exit code 1: a service manager is to try again, since whoever has it may be done by then.
    for args in [["run"], ["sync"], ["status"], ["models"]] {
        let line = device.agent(&args).failed();
        assert!(line.contains("another process"), "{line}");
    }
}

#[test]
fn a_second_agent_on_the_same_store_fails_and_the_first_goes_on() {
    let device = Device::new();
    let _daemon = device.start();
    assert!(device.agent(&["run"]).failed().contains("in use by another process"));
    device.agent(&["status"]).printed();
}

#[test]
fn a_running_agent_is_asked_to_sync_and_says_why_it_cannot() {
    let device = Device::with("[sync]\ntimeout_s = 1");
    let _daemon = device.start();
    let said = device.agent(&["sync"]).failed();
    assert!(
        said.contains("not in step after 1 s") && said.contains("check the hub"),
        "{said}"
    );
}

#[test]
fn looking_before_there_is_a_store_makes_none() {
    let device = Device::new();
    for args in [vec!["models"], vec!["status"], vec!["annotate", "x", "y"]] {
        assert!(device.agent(&args).refused().contains("there is none yet"));
    }
    assert!(!device.store().exists());
}

#[test]
fn an_unknown_model_is_refused_running_or_not() {
    let device = Device::new();
    device.hold(&["timm/vit_tiny"]);
    let commands = [
        vec!["show", "nobody"],
        vec!["annotate", "nobody", "text"],
        vec!["count", "nobody"],
        vec!["report", "nobody", "down"],
    ];
    for args in &commands {
        assert!(device.agent(args).refused().contains("default/nobody"));
    }
    let _daemon = device.start();
    for args in &commands {
        assert!(device.agent(args).refused().contains("default/nobody"));
    }
}
